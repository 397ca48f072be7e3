-- SPDX-License-Identifier: MIT
-- device_place_spec.lua - what a machine refuses of a device in Lua: a place, a
-- line or a name that another one has, said where the VM's description has it.
local support = assert(loadfile "tests/spec/kvm/support.lua")(it, pending)
local vmoon = require "vmoon"
local with, raised = support.with, support.raised

local REGISTERS <const> = "registers = { A = { at = 0 } }"

local TAKEN <const> = ": interrupt 4 has another user, serial0; one with edges is not shared"

-- A device file of this kind; the fields are those it has besides.
local function file(name, kind, fields)
  local text = ('return require("vmoon.device").%s { size = 8, %s, %s }'):format(kind, fields, REGISTERS)
  return support.write(name .. ".lua", text)
end

-- What `vmoon run` says of a VM with these devices, which begin its line 2.
local function said(kernel, devices)
  local head = 'local dev = require "vmoon.device"; return { kernel = "%s", memory = "16M", devices = {\n'
  support.write("vm.lua", head:format(kernel) .. devices .. " } }\n")
  local run = support.sh(("cd %s && vmoon run vm.lua"):format(support.folder()))
  assert.equal(105, run.status)
  return run.err
end

local function has(text, place, hint)
  assert.matches("vmoon: 1 problem in VM configuration\nvm.lua:" .. place, text, 1, true)
  if hint then assert.matches("\n        hint: " .. hint .. "\n", text, 1, true) end
end

describe("the description of a device that a machine refuses", function()
  teardown(support.clean)

  with("hello", "is pointed at for an address that another one has", function(kernel)
    file("free", "mmio", 'irq = "level"')
    file("fixed", "mmio", "at = 0xd0000000")
    has(said(kernel, '{ file = "free.lua", at = 0xd0000000 }, { file = "free.lua", name = "b", at = 0xd0000000 }'),
      "2:79: devices.2.at: b: 0xd0000000..0xd0000007 overlaps free at 0xd0000000..0xd0000007",
      'choose another, or leave "at" out: a free place is found')
    has(said(kernel, '{ file = "free.lua", at = 0xfee00000 }'),
      "2:27: devices.1.at: free: 0xfee00000..0xfee00007 overlaps the interrupt chips at ",
      'choose another, or leave "at" out: a free place is found')
    has(said(kernel, '{ file = "fixed.lua" }, { file = "fixed.lua", name = "b" }'),
      "2:25: devices.2: b: 0xd0000000..0xd0000007 overlaps fixed at ",
      'say another here, as at = ADDRESS, or leave "at" out of its file: a free place is found')
    has(said(kernel, '{ device = dev.mmio { name = "i", size = 4, at = 0xfee00000, ' .. REGISTERS .. " } }"),
      "2:50: devices.1.device.at: i: 0xfee00000..0xfee00003 overlaps ",
      'choose another, or leave "at" out: a free place is found')
    file("port", "pio", "at = 0x2e8")
    has(said(kernel, '{ file = "port.lua", at = 0x3f8 }'),
      "2:27: devices.1.at: port: 0x3f8..0x3ff overlaps serial0 at 0x3f8..0x3ff", "choose another")
  end)

  with("hello", "is pointed at for a line that another one has", function(kernel)
    file("edge", "mmio", 'irq = "edge", line = 4')
    file("any", "mmio", 'irq = "edge"')
    has(said(kernel, '{ file = "edge.lua" }'), "2:1: devices.1: edge" .. TAKEN,
      'say another here, as irq = NUMBER, or leave "line" out of its file: a free one is found')
    has(said(kernel, '{ file = "edge.lua", irq = 4 }'), "2:28: devices.1.irq: edge" .. TAKEN,
      "choose another")
    has(said(kernel, '{ file = "any.lua", irq = 4 }'), "2:27: devices.1.irq: any" .. TAKEN,
      'choose another, or leave "irq" out: a free one is found')
    has(said(kernel, 'dev.mmio { name = "i", size = 4, irq = "edge", line = 4, ' .. REGISTERS .. " }"),
      "2:55: devices.1.line: i" .. TAKEN,
      'choose another, or leave "line" out: a free one is found')
  end)

  with("hello", "is pointed at for a name that a part of the machine, or a trusted file, has", function(kernel)
    file("serial0", "mmio", 'irq = "level"')
    has(said(kernel, '{ file = "serial0.lua" }'), "2:1: devices.1: serial0: there is a device of that name already",
      'for example: name = "serial02"')
    has(said(kernel, '{ file = "serial0.lua", name = "a" }, { file = "serial0.lua", trusted = true }'),
      "2:39: devices.2: serial0: there is a device of that name already")
  end)

  with("hello", "is an error of vmoon.new with its path", function(kernel)
    local path = file("fixed", "mmio", "at = 0xd0000000")
    for name, place in pairs { ["devices.2.at"] = 0xd0000000, ["devices.2"] = false } do
      local second = { file = path, name = "b", at = place or nil }
      local err = raised(vmoon.new, { kernel = kernel, devices = { { file = path }, second } })
      assert.same({ "config", name }, { err.kind, err.problems[1].path })
    end
  end)
end)
