-- SPDX-License-Identifier: MIT
-- gpio_spec.lua - scripts/devices/gpio.lua.
local vmoon = require "vmoon"

local IN <const>, OUT <const>, DIR <const>, RISE <const>, FALL <const> = 0x00, 0x04, 0x08, 0x0c, 0x10
local STATUS <const>, MASK <const> = 0x14, 0x18

describe("a GPIO bank in Lua", function()
  local b
  before_each(function() b = vmoon.bench { file = "scripts/devices/gpio.lua" } end)
  after_each(function() b:close() end)

  it("has inputs that the script moves", function()
    assert.equal(0, b:read32(IN))
    b:call("set", 3, true)
    b:call("set", 31, true)
    assert.equal(0x80000008, b:read32(IN))
    b:call("set", 3, false)
    assert.equal(0x80000000, b:read32(IN))
    assert.is_true((b:call("get", 31)))
    assert.is_false((b:call("get", 3)))
  end)

  it("has outputs that the guest drives, and tells of them", function()
    b:write32(OUT, 0xff)
    assert.equal(0, b:read32(IN)) -- none is an output yet
    b:write32(DIR, 0x0f)
    assert.equal(0x0f, b:read32(IN))
    b:call("set", 0, false) -- an output is not the script's
    assert.equal(0x0f, b:read32(IN))
    b:write32(OUT, 0xf0)
    assert.equal(0, b:read32(IN))
    assert.same({ { name = "lines", value = 0x0f }, { name = "lines", value = 0 } }, b:events())
  end)

  it("sees edges that count, and interrupts for those that may", function()
    b:write32(RISE, 1)
    b:write32(FALL, 2)
    b:call("set", 1, true)
    assert.equal(0, b:read32(STATUS))
    b:call("set", 0, true)
    b:call("set", 1, false)
    assert.equal(3, b:read32(STATUS))
    assert.is_false(b.irq)
    b:write32(MASK, 2)
    assert.is_true(b.irq)
    b:write32(STATUS, 2)
    assert.is_false(b.irq)
    assert.equal(1, b:read32(STATUS))
    b:call("set", 0, true) -- no edge
    b:write32(STATUS, 1)
    assert.equal(0, b:read32(STATUS))
  end)

  it("has its inputs after a reset, no outputs and no edges", function()
    b:write32(RISE, 3)
    b:write32(MASK, 3)
    b:write32(DIR, 2)
    b:write32(OUT, 2)
    b:call("set", 0, true)
    assert.is_true(b.irq)
    b:reset()
    assert.is_false(b.irq)
    assert.same({ 1, 0, 0, 0 }, { b:read32(IN), b:read32(OUT), b:read32(DIR), b:read32(STATUS) })
  end)

  it("refuses a line that there is not", function()
    for _, line in ipairs { -1, 32, 1.5, "a" } do
      local ok, err = pcall(b.call, b, "set", line, true)
      assert.is_false(ok)
      assert.matches("a line is 0 to 31", err.message, 1, true)
    end
    assert.equal(0, b:read32(IN))
    assert.equal(0, b.stats.errors)
  end)

  it("goes on from a snapshot", function()
    b:write32(DIR, 1)
    b:write32(OUT, 1)
    b:call("set", 5, true)
    local c <close> = vmoon.bench { file = "scripts/devices/gpio.lua", state = b:save() }
    assert.equal(0x21, c:read32(IN))
    c:call("set", 5, false)
    assert.equal(1, c:read32(IN))
  end)
end)
