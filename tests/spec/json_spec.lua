-- SPDX-License-Identifier: MIT
-- json_spec.lua - a specification in a file of JSON does what one in Lua does.
local support = dofile "tests/spec/support.lua"
local vmoon = require "vmoon"

local KERNEL = "/proc/self/exe" -- a file that is always there

local function export(name, text)
  local run = support.vmoon("export " .. support.write(name, text) .. " --json")
  assert.same({ 0, "" }, { run.status, run.err })
  return run.out
end

describe("a specification in JSON", function()
  if not vmoon.has "json" then return pending "this build reads no JSON" end
  teardown(support.clean)

  it("passes the check", function()
    local path = support.write("a.json", ('{ "kernel": "%s" }'):format(KERNEL))
    local run = support.vmoon("check " .. path)
    assert.same({ 0, path .. ": ok (1 VM)\n", "" }, { run.status, run.out, run.err })
  end)

  it("exports as the same in Lua does, and what it exports again the same", function()
    local from_lua = export("a.lua", ([[return {
      kernel = { flat = %q, at = 0x7c00, mode = "real" }, cpus = 4, memory = "1024M",
      cmdline = "a=\"b\\\" caf", name = "web-1" }]]):format(KERNEL))
    local from_json = export("b.json", ([[{ "name": "web-1", "memory": "1G", "cpus": 4,
      "cmdline": "a=\"b\\\" caf", "kernel": { "mode": "real", "at": 31744, "flat": "%s" } }]]):format(KERNEL))
    assert.equal(from_lua, from_json)
    assert.equal(from_lua, export("c.json", from_lua))
  end)

  -- Every field of sinks, limits and groups, but for the function.
  local OUTPUTS = [[return {
    kernel = %q,
    groups = { { name = "host", rate = "1M/s", burst = "2M" }, { name = "vm", rate = "1000B/s", group = "host" } },
    serial = {
      { sink = "file:boot.log", name = "log", max_size = "8M", generations = 3, append = true,
        limit = { policy = "pause", rate = "32K/s", burst = "64K", max_stall = 12.5, unsafe_stall = true,
                  after_stall = "error", group = "vm" } },
      { sink = "stderr", limit = { policy = "drop", rate = "4K/s", unit = "line" } },
      { sink = "callback", on_data = function(chunk, info) print(#chunk, info) end,
        limit = { policy = "spool", rate = "8K/s", capacity = "1M", full = "drop-newest" } },
      { sink = "ring", max_size = "4K" },
      { sink = "fd:7" }, { sink = "fifo:f" }, { sink = "unix:s" }, { sink = "null" },
    },
  }]]

  it("keeps sinks, limits and groups, but no function", function()
    local text = OUTPUTS:format(KERNEL)
    local path = support.write("sinks.lua", text)
    local run = support.vmoon("check " .. path)
    assert.same({ 0, path .. ": ok (1 VM)\n", "" }, { run.status, run.out, run.err })
    local json = export("sinks.lua", text)
    assert.equal(json, export("sinks.json", json))
    assert.matches('"groups":[{"name":"host","rate":"1M/s","burst":"2M","shared":false},'
      .. '{"name":"vm","rate":"1000B/s","group":"host","shared":false}],"serial":[{"sink":"file:boot.log","name":"log",'
      .. '"max_size":"8M","generations":3,"append":true,"limit":{"policy":"pause","rate":"32K/s","burst":"64K",'
      .. '"unit":"byte","max_stall":12.5,"after_stall":"error","unsafe_stall":true,"group":"vm"}},', json, 1, true)
    assert.matches('{"sink":"callback","generations":0,"append":false,"limit":{"policy":"spool","rate":"8K/s",'
      .. '"unit":"byte","capacity":"1M","full":"drop-newest","unsafe_stall":false}},', json, 1, true)
    assert.is_nil(json:find("on_data", 1, true))
  end)

  it("exports from Lua as vmoon.export does", function()
    local text = OUTPUTS:format(KERNEL)
    local spec = load(text)()
    assert.is_true(vmoon.check(spec))
    assert.equal(export("sinks.lua", text), vmoon.export(spec, "json") .. "\n")
  end)

  it("may begin with nothing but itself", function()
    local run = support.vmoon("check " .. support.write("a.json", "\239\187\191{}"))
    assert.equal(105, run.status)
    assert.matches("a.json:1:1:", run.err, 1, true)
  end)

  it("is refused when it is larger than a mebibyte", function()
    local run = support.vmoon("check " .. support.write("a.json", "{}" .. (" "):rep(1 << 20)))
    assert.equal(103, run.status)
    assert.matches("a.json cannot be read, or is larger than 1 MiB", run.err, 1, true)
  end)

  it("starts its VM with vmoon run, as far as this host can", function()
    local run = support.vmoon("run " .. support.write("a.json", '{ "kernel": "/nonexistent", "cpus": 0 }'))
    assert.equal(105, run.status)
    assert.matches("2 problems in VM configuration", run.err, 1, true)
    assert.matches('a.json:1:37: cpus: 0 is out of range 1..64', run.err, 1, true)
  end)
end)
