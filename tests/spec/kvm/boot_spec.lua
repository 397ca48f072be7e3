-- SPDX-License-Identifier: MIT
-- boot_spec.lua - what small guests find where they are entered.
local support = dofile "tests/spec/support.lua"
local vmoon = require "vmoon"

local host = vmoon.host()

-- it() with a guest and KVM; otherwise pending, with the reason.
local function with(guest, title, test)
  it(title, function()
    if not host.kvm then return pending(host.reason) end
    local path = support.guest(guest)
    if not path then return pending "the guests of tests/guest are not built" end
    test(path)
  end)
end

local function status_of(spec)
  local vm <close> = vmoon.boot(spec)
  return vm:wait({ timeout = 60 }).status
end

teardown(support.clean)

describe("the MP table", function()
  with("mptable", "BOOT-09: is where a guest without ACPI looks, and lists every CPU", function(kernel)
    for _, cpus in ipairs { 1, 2, 64 } do
      assert.equal(cpus, status_of { kernel = kernel, cpus = cpus })
    end
  end)
end)
