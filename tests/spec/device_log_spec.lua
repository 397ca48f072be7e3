-- SPDX-License-Identifier: MIT
-- device_log_spec.lua - the last accesses to a device in Lua, by their names.
local vmoon = require "vmoon"
local dev = require "vmoon.device"

local function bench()
  return vmoon.bench {
    device = dev.mmio {
      name = "x", size = 256,
      registers = {
        CTRL = { at = 0, access = "rw",
          fields = { ENABLE = { bit = 0 }, IRQEN = { bit = 1 }, DIV = { bits = { 8, 15 } } } },
        STATUS = { at = 4, access = "ro", reset = 1, fields = { TICK = { bit = 0 } } },
        COUNT = { at = 8, access = "ro", on_read = function() return 125 end },
        L = { at = 16, access = "rw", array = { count = 4, stride = 4 }, fields = { V = { bits = { 0, 7 } } } },
        BIG = { at = 32, width = 8, access = "rw" },
      },
    },
  }
end

local function lines(b)
  local all = {}
  for line in tostring(b:log()):gmatch "([^\n]*)\n" do all[#all + 1] = line end
  return all
end

describe("the log of accesses", function()
  it("names registers and fields, in both directions", function()
    local b <close> = bench()
    b:write32(0, 3)
    b:write32(0, 0x0c01)
    b:write32(0, 0)
    b:read32(4)
    b:read32(8)
    assert.same({
      "CTRL <- 0x3 {ENABLE IRQEN}",
      "CTRL <- 0xc01 {DIV=12 ENABLE}",
      "CTRL <- 0x0 {}",
      "STATUS -> 0x1 {TICK}",
      "COUNT -> 0x7d",
    }, lines(b))
  end)

  it("shows of a part of a register the part, and the fields in it", function()
    local b <close> = bench()
    b:write8(1, 7)
    b:write16(0, 0x0102)
    b:read8(0)
    assert.same({ "CTRL+1 <- 0x7 {DIV=7}", "CTRL <- 0x102 {DIV=1 IRQEN}", "CTRL -> 0x2 {IRQEN}" },
      lines(b))
    assert.same({ DIV = 7 }, b:log()[1].fields)
    assert.same({ ENABLE = false, IRQEN = true }, b:log()[3].fields)
  end)

  it("counts elements, and keeps 64 bits", function()
    local b <close> = bench()
    b:write32(24, 0x105)
    b:write64(32, -1)
    assert.same({ "L[2] <- 0x105 {V=5}", "BIG <- 0xffffffffffffffff" }, lines(b))
    assert.equal(-1, b:log()[2].value)
  end)

  it("has what met no register, and what the device refused", function()
    local b <close> = bench()
    b:write32(0x80, 5)
    b:read64(0)
    b:write32(4, 1)
    b:write16(32 + 7, 0x1234)
    local log = b:log()
    assert.equal("0x80 <- 0x5 (no register)", tostring(log[1]))
    assert.is_nil(log[1].register)
    assert.equal("CTRL -> 0x0 (ignored: it is not inside a register)", log[2].text)
    assert.same({ true, nil }, { log[2].ignored, log[2].fields })
    assert.equal("BIG+7 <- 0x1234 (ignored: it is not inside a register)", log[4].text)
    assert.is_nil(log[3].ignored)
    assert.equal("STATUS <- 0x1 {TICK}", log[3].text)
  end)

  it("has the last 256, the oldest first", function()
    local b <close> = bench()
    for i = 1, 300 do b:write32(16, i) end
    local log = b:log()
    assert.equal(256, #log)
    assert.equal(45, log[1].value)
    assert.equal(300, log[256].value)
  end)

  it("is plain data, whose text is that of its entries", function()
    local b <close> = bench()
    b:write32(0, 1)
    local log = b:log()
    assert.same({ offset = 0, width = 4, value = 1, write = true, register = "CTRL", index = 0,
      fields = { ENABLE = true, IRQEN = false, DIV = 0 }, text = "CTRL <- 0x1 {ENABLE}" }, log[1])
    log[2] = "mine"
    assert.equal("CTRL <- 0x1 {ENABLE}\nmine\n", tostring(log))
    log[1].text = nil
    assert.has_error(function() return tostring(log) end)
    assert.equal("", tostring(bench():log()))
  end)
end)
