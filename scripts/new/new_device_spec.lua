-- SPDX-License-Identifier: MIT
-- NAME_spec.lua - tests NAME.lua on a bench: no guest, no KVM, no waiting.
-- Run it: lua5.4 /usr/bin/busted NAME_spec.lua
local vmoon = require "vmoon"

describe("NAME", function()
  local b

  before_each(function() b = vmoon.bench { file = "NAME.lua", params = { hz = 10 } } end)
  after_each(function() if b then b:close() end end)

  it("has its reset values", function()
    assert.equal(0x1234, b:read32(0x00))
    assert.equal(0, b:read32(0x0c))
  end)

  it("counts while it is enabled", function()
    b:write32(0x04, 1)
    b:advance(1.0) -- the bench owns the clock
    assert.equal(10, b:read32(0x0c))
    b:write32(0x04, 0)
    b:advance(1.0)
    assert.equal(10, b:call("ticks"))
  end)

  it("interrupts until STATUS is cleared", function()
    b:write32(0x04, 3)
    assert.is_false(b.irq)
    b:advance(0.1)
    assert.is_true(b.irq)
    b:write32(0x08, 1)
    assert.is_false(b.irq)
  end)

  it("goes on where it was after a save", function()
    b:write32(0x04, 1)
    b:advance(0.5)
    local c <close> = vmoon.bench { file = "NAME.lua", params = { hz = 10 }, state = b:save() }
    c:advance(0.5)
    assert.equal(10, c:read32(0x0c))
  end)
end)
