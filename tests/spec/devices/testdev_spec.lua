-- SPDX-License-Identifier: MIT
-- testdev_spec.lua - scripts/devices: debug_exit.lua, testdev.lua, testdev_irq.lua.
local vmoon = require "vmoon"

local function open(name)
  return vmoon.bench { file = ("scripts/devices/%s.lua"):format(name) }
end

describe("isa-debug-exit in Lua", function()
  it("ends its machine with 2 n + 1, and only once", function()
    local b <close> = open "debug_exit"
    assert.is_nil(b.exit)
    b:write32(0, 0)
    assert.equal(1, b.exit)
    b:write32(0, 5)
    assert.equal(1, b.exit)
  end)

  it("takes the low bits of a larger number, and any width", function()
    for value, status in pairs { [1] = 3, [0x10] = 0x21, [0x7f] = 0xff, [0x180] = 1 } do
      local b <close> = open "debug_exit"
      b:write32(0, value)
      assert.equal(status, b.exit)
    end
    local b <close> = open "debug_exit"
    b:write8(0, 0x10)
    assert.equal(0x21, b.exit)
  end)
end)

describe("pc-testdev in Lua", function()
  it("keeps what was written, in any width", function()
    local b <close> = open "testdev"
    b:write32(0, 0x12345678)
    assert.equal(0x78, b:read8(0))
    assert.equal(0x1234, b:read16(2))
    b:write8(1, 0xab)
    b:write16(2, 0xcdef)
    assert.equal(0xcdefab78, b:read32(0))
  end)

  it("has the same bytes at another port, and a page to flush", function()
    local b <close> = open "testdev"
    b:write32(0, 0x11223344)
    assert.equal(0x11223344, b:read32(8))
    b:write32(8, 0x55667788)
    assert.equal(0x55667788, b:read32(0))
    b:write32(4, 0xfffff000)
    assert.equal(0, b.stats.errors)
  end)

  it("is a port for strings of bytes, in both directions", function()
    local b <close> = open "testdev" -- emulator.c: outsb, and the last byte is there
    for char in ("abcdefghijklmnop"):gmatch "." do b:write8(0, char:byte()) end
    assert.equal(("p"):byte(), b:read8(0))
  end)

  it("has memory for accesses of all widths", function()
    local b <close> = open "testdev_mem"
    for i = 0, 4088, 8 do b:write64(i, i << 32 | 0x55) end
    assert.equal(4080 << 32 | 0x55, b:read64(4080))
    b:write64(8, 0x0123456789abcdef)
    b:write8(8, 0x10) -- emulator.c: xchg of each width
    b:write16(10, 0x3210)
    assert.equal(0x012345673210cd10, b:read64(8))
    assert.equal(0x45, b:read8(13))
    b:write8(4095, 0x99) -- a word across two pages comes as two bytes
    b:write8(4096, 0x77)
    assert.same({ 0x99, 0x77 }, { b:read8(4095), b:read8(4096) })
    b:write32(0x7ffc, 7)
    assert.equal(7, b:read32(0x7ffc))
    assert.equal(0, b:read32(6)) -- across two elements
    assert.equal(1, b.faults)
  end)

  it("has a line that follows its port", function()
    local b <close> = open "testdev_irq"
    assert.is_false(b.irq)
    b:write8(0, 1)
    assert.is_true(b.irq)
    assert.equal(1, b:read8(0))
    b:write8(0, 0)
    assert.is_false(b.irq)
  end)
end)
