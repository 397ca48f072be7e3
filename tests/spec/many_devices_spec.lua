-- SPDX-License-Identifier: MIT
-- many_devices_spec.lua - a VM with several devices: what is wrong with each of
-- them is said at once, with its place.
local support = dofile "tests/spec/support.lua"
local vmoon = require "vmoon"
local dev = require "vmoon.device"

local function raised(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err
end

-- A device file; the body is what is in its table.
local function device(name, body)
  return support.write(name .. ".lua", 'return require("vmoon.device").mmio {\n' .. body .. "\n}\n")
end

local GOOD <const> = "size = 4, registers = { A = { at = 0 } },"

-- What `vmoon check` says of a script that returns a VM, and the lines of it
-- that begin with a place.
local function complaints(devices)
  support.write("kernel", "x")
  local head = 'local dev = require "vmoon.device"\nreturn { kernel = "kernel", devices = {\n'
  support.write("vm.lua", head .. devices .. "\n} }\n")
  local run = support.sh(("cd %s && vmoon check vm.lua"):format(support.folder()))
  local found = {}
  for line in run.err:gmatch "[^\n]+" do
    if line:match "^[^ ]*:%d+: " then found[#found + 1] = line end
  end
  assert.equal(105, run.status)
  return run.err, found
end

describe("what is wrong with several devices", function()
  teardown(support.clean)

  it("is all said, of files and of devices in the script", function()
    device("a", "size = 4, irqq = 1, registers = { A = { at = 2 } },")
    device("good", GOOD)
    device("c", GOOD .. " timers = 5,")
    support.write("d.lua", "local a =\n")
    local text, found = complaints [[
  { file = "a.lua" }, { file = "good.lua" },
  { file = "c.lua" }, { file = "d.lua" },
  dev.mmio { size = 4, registers = {}, one = 1 },
  { device = dev.mmio { size = 4, registers = { A = { at = 0 } }, two = 2 }, at = 0xd0000000 },
  { file = "good.lua", name = "g", at = 0x300, params = { x = 1 } },
  { file = "good.lua", name = "h", at = 0x300 },
  { file = "good.lua" }, { file = "good.lua" },]]
    assert.same({
      'a.lua:2:11: irqq: unknown field "irqq"',
      "a.lua:2:46: registers.A.at: A at 0x02..0x05 is outside of the window of 0x4 bytes",
      "c.lua:2:52: timers: expected a table, got integer 5",
      "vm.lua:4:23: devices.4: d.lua:2: unexpected symbol near <eof>",
      "vm.lua:5:36: devices.5.registers: it names no register",
      'vm.lua:5:40: devices.5.one: unknown field "one"',
      'vm.lua:6:67: devices.6.device.two: unknown field "two"',
      'vm.lua:7:59: devices.7.params.x: unknown parameter "x"',
      "vm.lua:8:41: devices.8.at: 'h' is at an address of memory, above 0xffff",
      'vm.lua:9:3: devices.9: devices.2 is called "good" already',
      'vm.lua:9:26: devices.10: devices.2 is called "good" already',
    }, found)
    assert.matches("vmoon: 11 problems in 9 devices\n", text, 1, true)
    assert.matches('hint: for example: name = "good2"\n', text, 1, true)
    assert.matches('hint: for example: name = "good3"\n', text, 1, true)
  end)

  it("is one error of vmoon.check and vmoon.new, with all problems", function()
    support.write("kernel", "x")
    local files = { device("e", GOOD .. " timers = 5,"), device("f", GOOD .. " methods = 5,") }
    local spec = { kernel = support.folder() .. "/kernel", devices = { { file = files[1] }, { file = files[2] } } }
    for _, check in ipairs { vmoon.check, vmoon.new } do
      local err = raised(check, spec)
      assert.same({ "config", "2 problems in 2 devices", files[1] .. ":2:52" }, { err.kind, err.message, err.where })
      assert.same({ "timers", "methods" }, { err.problems[1].path, err.problems[2].path })
    end
  end)

  it("is a name that another one has, the file's or a given one", function()
    device("n", GOOD)
    local text, found = complaints [[
  { file = "n.lua", name = "x" },
  { file = "n.lua" },
  dev.mmio { name = "x", size = 4, registers = { A = { at = 0 } } },
  { device = dev.mmio { size = 4, registers = { A = { at = 0 } } }, name = "n" },]]
    assert.same({
      'vm.lua:5:3: devices.3: devices.1 is called "x" already',
      'vm.lua:6:76: devices.4.name: devices.2 is called "n" already',
    }, found)
    assert.matches('hint: for example: name = "x2"\n', text, 1, true)
  end)

  it("is said once of a file that is used twice", function()
    local file = device("twice", GOOD .. " timers = 5,")
    support.write("kernel", "x")
    local devices = { { file = file, name = "a" }, { file = file, name = "b" } }
    local err = raised(vmoon.check, { kernel = support.folder() .. "/kernel", devices = devices })
    assert.equal(("1 problem in device '%s'"):format(file), err.message)
    assert.equal(1, select(2, err.detail:gsub("expected a table", "")))
  end)

  it("is said up to a bound, and how much more there is", function()
    support.write("kernel", "x")
    local keys = {}
    for i = 1, 30 do keys["x" .. i] = i end
    local devices = {}
    for i = 1, 4 do
      local body = { size = 4, registers = { A = { at = 0 } } }
      for key, value in pairs(keys) do body[key] = value end
      devices[i] = dev.mmio(body)
    end
    local err = raised(vmoon.check, { kernel = support.folder() .. "/kernel", devices = devices })
    assert.equal("120 problems in 4 devices", err.message)
    assert.equal(120, #err.problems)
    assert.equal(40, select(2, err.detail:gsub("unknown field", "")))
    assert.matches("\n... and 80 more problems$", err.detail)
  end)

  it("takes no longer than the first that never ends", function()
    support.write("kernel", "x")
    local devices = {}
    for i = 1, 20 do
      devices[i] = { file = support.write(("loop%d.lua"):format(i), "while true do end") }
    end
    local err = raised(vmoon.check, { kernel = support.folder() .. "/kernel", devices = devices })
    assert.equal("timeout", err.kind)
    assert.matches("loop1.lua:1: exceeded its budget", err.message, 1, true)
  end)
end)
