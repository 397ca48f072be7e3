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
