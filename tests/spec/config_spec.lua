-- SPDX-License-Identifier: MIT
-- config_spec.lua - mistakes in a specification, in exact words.
local support = dofile "tests/spec/support.lua"
local vmoon = require "vmoon"

-- Runs a script file that makes mistakes; the error it raises.
local function mistakes(text)
  local path = support.write("demo_cfg.lua", text)
  local ok, err = pcall(assert(loadfile(path)))
  assert.is_false(ok)
  return err, (tostring(err):gsub(path:gsub("%p", "%%%0"), "demo_cfg.lua"))
end

describe("a specification with mistakes", function()
  teardown(support.clean)

  it("gets all of them at once, with places and hints", function()
    local err, text = mistakes [[
-- A script with eight mistakes.
local vmoon = require "vmoon"

-- A comment with { brackets } in it is no table.
local words = "vmoon.new {"



local vm = vmoon.new {
    memroy  = "256M",
    vcpu_count = 2,
    cpus    = 200,          -- too many
    memory  = 128,
    boot    = "phv",
    kernel  = "/nonexistent/bzImage",
    ["initrd"] = function() return { 1, 2 } end,
    disks   = {
      { path = "/nonexistent/rootfs.img" },
    },
}
return vm, words
]]
    assert.equal([[
8 problems in VM configuration
demo_cfg.lua:10:5: memroy: unknown field "memroy"
   10 |     memroy  = "256M",
      |     ^~~~~~
        hint: did you mean "memory"?
demo_cfg.lua:11:5: vcpu_count: unknown field "vcpu_count"
   11 |     vcpu_count = 2,
      |     ^~~~~~~~~~
        hint: Firecracker calls this "vcpu_count"; here it is "cpus"
demo_cfg.lua:12:15: cpus: 200 is out of range 1..64
   12 |     cpus    = 200,          -- too many
      |               ^~~
demo_cfg.lua:13:15: memory: a size needs a unit, got bare number 128
   13 |     memory  = 128,
      |               ^~~
        hint: write "128M" for MiB, or 128 * vmoon.MiB (a size value)
demo_cfg.lua:14:15: boot: expected one of "linux64", "pvh", "multiboot"; got string "phv"
   14 |     boot    = "phv",
      |               ^~~~~
        hint: did you mean "pvh"?
demo_cfg.lua:15:15: kernel: no such file "/nonexistent/bzImage"
   15 |     kernel  = "/nonexistent/bzImage",
      |               ^~~~~~~~~~~~~~~~~~~~~~
        hint: check the spelling; the file must be on this machine
demo_cfg.lua:16:18: initrd: expected a path, got function
   16 |     ["initrd"] = function() return { 1, 2 } end,
      |                  ^~~~~~~~
        hint: for example: initrd = "initramfs.cpio.gz"
demo_cfg.lua:18:16: disks.1.path: no such file "/nonexistent/rootfs.img"
   18 |       { path = "/nonexistent/rootfs.img" },
      |                ^~~~~~~~~~~~~~~~~~~~~~~~~
        hint: to make a sparse one, add create = true, size = "64M"]], text)
    assert.equal("config", err.kind)
    assert.equal("8 problems in VM configuration", err.message)
    assert.equal(8, #err.problems)
    assert.equal("memroy", err.problems[1].path)
    assert.equal(10, err.problems[1].line)
    assert.equal(5, err.problems[1].column)
    assert.matches("demo_cfg.lua:10:5$", err.where:gsub(".*/", ""))
  end)

  it("is found where its table was written, and where a field was set", function()
    local _, text = mistakes [[
local vmoon = require "vmoon"
local spec <const> = {
  kernel = "/nonexistent",
}
spec.memroy = "1M"
local function start() return vmoon.check(spec) end
start()
]]
    assert.matches('demo_cfg.lua:3:12: kernel: no such file "/nonexistent"', text, 1, true)
    assert.matches('demo_cfg.lua:5:6: memroy: unknown field "memroy"\n'
      .. '    5 | spec.memroy = "1M"\n      |      ^~~~~~', text, 1, true)
  end)

  it("points at the call when code has made the value", function()
    local _, text = mistakes [[
local vmoon = require "vmoon"
local function make() return { kernel = "/nonexistent" } end
  vmoon.check(make())
]]
    assert.matches("demo_cfg.lua:3:9: kernel:", text, 1, true)
  end)

  it("points at the table when a required field is missing", function()
    local _, text = mistakes [[
require "vmoon".check {
  cpus = 1,
}
]]
    assert.matches('demo_cfg.lua:1:23: missing required field "kernel"', text, 1, true)
  end)

  it("is found in a chunk that is no file", function()
    local _, err = pcall(assert(load('local v = require "vmoon"\nv.check {\n  cpus = 0 }')))
    assert.matches(':3:10: cpus: 0 is out of range 1..64\n    3 |   cpus = 0 }\n', tostring(err), 1, true)
  end)

  it("keeps the caret in place behind tabs and letters of several bytes", function()
    local _, text = mistakes 'local vmoon = require "vmoon"\nvmoon.check { name = "café",\tcpus = 0 }\n'
    assert.matches("demo_cfg.lua:2:38: cpus:", text, 1, true)
    assert.matches('    2 | vmoon.check { name = "café", cpus = 0 }\n'
      .. '      |                                     ^', text, 1, true)
  end)
end)

describe("values that no specification has", function()
  local function problem_of(spec)
    local ok, err = pcall(vmoon.check, spec)
    assert.is_false(ok)
    assert.equal("config", err.kind)
    return tostring(err)
  end

  it("are named: keys that are no names", function()
    local text = problem_of { kernel = "/", [true] = 1, [0] = 1, ["a.b"] = 1, [""] = 1 }
    assert.matches("a key is a name or a list index, got boolean", text, 1, true)
    assert.matches("list index 0 is out of range 1..4096", text, 1, true)
    assert.matches('unknown field "a.b"', text, 1, true)
    assert.matches('unknown field ""', text, 1, true)
  end)

  it("are named: a table that contains itself", function()
    local spec = { kernel = "/" }
    spec.kernel = spec
    assert.matches("nested too deeply", problem_of(spec), 1, true)
  end)

  it("are named: more entries than any machine has", function()
    local spec = {}
    for i = 1, 5000 do spec["key" .. i] = i end
    assert.matches("too many entries", problem_of(spec), 1, true)
  end)

  it("are named: no table at all", function()
    assert.matches("a specification is a table, got string", problem_of "bzImage", 1, true)
    assert.matches("a specification is a table, got nil", problem_of(nil), 1, true)
  end)

  it("run no metamethod", function()
    local called = false
    local function trap() called = true end
    local spec = setmetatable({}, { __index = trap, __pairs = trap, __len = trap, __tostring = trap })
    assert.matches('missing required field "kernel"', problem_of(spec), 1, true)
    assert.is_false(called)
  end)
end)

describe("a correct specification", function()
  local kernel = support.guest "hello"

  it("passes the check and exports with its defaults", function()
    if not kernel then return pending "the guests of tests/guest are not built" end
    assert.is_true(vmoon.check { kernel = kernel, memory = 256 * vmoon.MiB, cpus = 2 })
    local json = vmoon.export({ kernel = kernel, memory = 256 * vmoon.MiB }, "json")
    assert.matches('"memory":"256M"', json, 1, true)
    assert.matches('"cpus":1', json, 1, true)
    assert.equal(json, vmoon.export { kernel = kernel, memory = "256M" })
  end)

  it("exports to no unknown format", function()
    assert.has_error(function() vmoon.export({ kernel = kernel }, "dtb") end)
  end)
end)
