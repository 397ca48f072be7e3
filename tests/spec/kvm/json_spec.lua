-- SPDX-License-Identifier: MIT
-- json_spec.lua - `vmoon run FILE.json` with a small guest.
local support = dofile "tests/spec/support.lua"
local vmoon = require "vmoon"

describe("vmoon run of a JSON file", function()
  teardown(support.clean)

  it("starts the VM that it describes and gives it the console", function()
    local host, kernel = vmoon.host(), support.guest "hello"
    if not host.kvm then return pending(host.reason) end
    if not kernel then return pending "the guests of tests/guest are not built" end
    if not vmoon.has "json" then return pending "this build reads no JSON" end
    local path = support.write("hello.json", ('{ "kernel": "%s", "memory": "16M" }'):format(kernel))
    local run = support.vmoon("run --timeout 60 " .. path)
    assert.same({ 42, "" }, { run.status, run.err }) -- what this guest says at its end
    assert.matches("hello from", run.out, 1, true)
  end)
end)
