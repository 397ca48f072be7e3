-- SPDX-License-Identifier: MIT
-- device_mistakes_spec.lua - all that is wrong with a device, at once: each with
-- its place and a hint, in a file and in a script, before any VM is there.
local support = dofile "tests/spec/support.lua"
local vmoon = require "vmoon"

-- Both describe the device with the same mistakes.
local MISTAKES <const> = [[
  name = "x", size = 64, irqq = "level", state = { deep = cycle },
  registers = {
    A = { at = 0, width = 3 },
    B = { at = 8 },
    C = { at = 10, width = 1, on_write = "soon" },
    D = { at = 16, access = "wo", doorbell = true },
    E = { at = 20, access = "ro", on_write = function() end },
  },
  timers = { tick = 5 },
]]
local HEAD <const> = 'local dev = require "vmoon.device"\nlocal cycle = {}\ncycle.me = cycle\n'
local FILE <const> = HEAD .. "return dev.mmio {\n" .. MISTAKES .. "}\n"

-- The place, and what is said: @ is the file, $ what stands before its paths.
local SAID <const> = {
  { '@:2:15: $state.deep.me: ', "a table that contains itself cannot " },
  { '@:5:26: $irqq: unknown field "irqq"', 'hint: did you mean "irq"?' },
  { "@:7:27: $registers.A.width: expected 1, 2, 4 or 8; got integer 3",
    "hint: bytes, not bits; 4 when it is left out" },
  { "@:9:16: $registers.C.at: C at 0x0a..0x0a overlaps B at 0x08..0x0b",
    "hint: a register has 4 bytes unless its width says otherwise" },
  { '@:9:42: $registers.C.on_write: expected a function, got string "soon"',
    "hint: for example: on_write = function(d, new, old) end" },
  { "@:10:46: $registers.D.doorbell: a doorbell needs on_write",
    "hint: for example: on_write = function(d) end" },
  { "@:11:46: $registers.E.on_write: nothing of this register can be written, so it would never be called",
    'hint: its access may be "rw", "wo" or "w1-pulse"' },
  { "@:13:21: $timers.tick: expected a function, got integer 5",
    "hint: for example: tick = function(d) end" },
}

local function raised(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err
end

-- Each is there, in the order of the text, and nothing else is.
local function has_all(text, name, prefix)
  local from = 1
  for _, said in ipairs(SAID) do
    local place = said[1]:gsub("@", (name:gsub("%%", "%%%%"))):gsub("%$", prefix)
    local _, stop = text:find(place, from, true)
    assert.is_not_nil(stop, place .. "\nnot in\n" .. text)
    _, stop = text:find(said[2], stop, true)
    assert.is_not_nil(stop, said[2] .. "\nnot in\n" .. text)
    from = stop
  end
  local hints = select(2, text:gsub("        hint: ", ""))
  assert.equal(#SAID, hints)
end

describe("what is wrong with a device", function()
  teardown(support.clean)

  it("is all said of a file: on a bench, in a VM's description and by vmoon check", function()
    local path = support.write("wrong.lua", FILE)
    local kernel = support.write("kernel", "x")
    for _, err in ipairs {
      raised(vmoon.bench, { file = path }),
      raised(vmoon.check, { kernel = kernel, devices = { { file = path } } }),
      raised(vmoon.new, { kernel = kernel, devices = { { file = path } } }),
    } do
      assert.same({ "config", ("8 problems in device '%s'"):format(path) }, { err.kind, err.message })
      assert.equal(path .. ":2:15", err.where)
      has_all(err.detail, path, "")
    end
    local run = support.vmoon("check " .. path)
    assert.equal(105, run.status)
    has_all(run.err, path, "")
  end)

  it("is all said of a device in a script, what cannot move with the others", function()
    local kernel = support.write("kernel", "x")
    for i, use in ipairs {
      { "device.", "vmoon.bench { device = dev.mmio {\n%s} }" },
      { "devices.1.", 'vmoon.check { kernel = "' .. kernel .. '", devices = { dev.mmio {\n%s} } }' },
      { "devices.1.device.", 'vmoon.new { kernel = "' .. kernel .. '", devices = { { device = dev.mmio {\n%s} } } }' },
    } do
      local text = 'local vmoon = require "vmoon"; ' .. HEAD .. use[2]:format(MISTAKES)
      local path = support.write(("script%d.lua"):format(i), text)
      local err = raised(assert(loadfile(path)))
      assert.same({ "config", "8 problems in an inline device" }, { err.kind, err.message })
      has_all(err.detail, path, use[1])
    end
  end)

  it("is all said of who captures what cannot move, each of them", function()
    local path = support.write("captures.lua", [[
local vmoon, dev = require "vmoon", require "vmoon.device"
local file = io.stdout
local function show() return file end
vmoon.bench { device = dev.mmio {
  name = "x", size = 64, sise = 1,
  registers = {
    A = { at = 0, width = 16, on_write = function() return file, show() end },
    B = { at = 4, access = "ro", on_write = io.write },
    C = { at = io.stdout, on_read = show },
  },
} }
]])
    local err = raised(assert(loadfile(path)))
    local captures = "the function captures 'file' (userdata), which cannot move to the device's own state"
    local said = {}
    for line in err.detail:gmatch "[^\n]+" do
      if line:find(path, 1, true) then said[#said + 1] = line:sub(#path + 2) end
    end
    assert.same({
      '5:26: device.sise: unknown field "sise"',
      "7:27: device.registers.A.width: expected 1, 2, 4 or 8; got integer 16",
      "7:42: device.registers.A.on_write: " .. captures,
      "8:45: device.registers.B.on_write: a function of C cannot move to the device's own state",
      "9:16: device.registers.C.at: a userdata cannot move to the device's own state",
      "9:37: device.registers.C.on_read: " .. captures,
    }, said)
  end)
end)
