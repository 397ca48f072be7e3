-- SPDX-License-Identifier: MIT
-- pl031_spec.lua - scripts/devices/pl031.lua beside vmoon's own PL031 in C.
local vmoon = require "vmoon"

local FILE <const> = "scripts/devices/pl031.lua"
local DR <const>, MR <const>, LR <const>, CR <const>, IMSC <const> = 0x00, 0x04, 0x08, 0x0c, 0x10
local RIS <const>, MIS <const>, ICR <const> = 0x14, 0x18, 0x1c

describe("a PL031 in Lua", function()
  it("counts seconds from its parameter on", function()
    local b <close> = vmoon.bench { file = FILE, params = { start = 1000 } }
    assert.equal(1000, b:read32(DR))
    b:advance(2.75)
    assert.equal(1002, b:read32(DR))
    b:write32(LR, 0xfffffffe)
    b:advance(3)
    assert.equal(1, b:read32(DR))
    assert.equal(1, b:read32(CR))
    b:write32(CR, 0)
    assert.equal(1, b:read32(CR))
  end)

  it("has an alarm that is masked and cleared", function()
    local b <close> = vmoon.bench { file = FILE }
    b:write32(MR, 5)
    b:advance(4.9)
    assert.equal(0, b:read32(RIS))
    b:advance(0.2)
    assert.equal(1, b:read32(RIS))
    assert.equal(0, b:read32(MIS))
    assert.is_false(b.irq)
    b:write32(IMSC, 1)
    assert.equal(1, b:read32(MIS))
    assert.is_true(b.irq)
    b:write32(ICR, 1)
    assert.equal(0, b:read32(RIS))
    assert.is_false(b.irq)
    b:write32(LR, 3) -- set back: it comes again
    b:advance(2.1)
    assert.is_true(b.irq)
  end)

  it("keeps time and alarm across save and load, and begins anew after a reset", function()
    local b <close> = vmoon.bench { file = FILE, params = { start = 1000 } }
    b:write32(LR, 50)
    b:write32(IMSC, 1)
    b:write32(MR, 53)
    b:advance(1.5)
    local c <close> = vmoon.bench { file = FILE, params = { start = 1000 }, state = b:save() }
    assert.equal(51, c:read32(DR))
    c:advance(1)
    assert.is_false(c.irq)
    c:advance(1)
    assert.is_true(c.irq)
    c:reset()
    assert.is_false(c.irq)
    assert.same({ 1000, 0, 0, 0, 1 }, { c:read32(DR), c:read32(MR), c:read32(IMSC), c:read32(RIS), c:read32(CR) })
  end)

  it("says who it is", function()
    local b <close> = vmoon.bench { file = FILE }
    local ids = {}
    for i = 0, 7 do ids[i + 1] = b:read32(0xfe0 + 4 * i) end
    assert.same({ 0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 }, ids)
  end)

  it("answers as the one in C does, whatever is written and read", function()
    local regs = { DR, MR, LR, CR, IMSC, RIS, MIS, ICR, 0xfe0, 0xffc }
    for seed = 1, 20 do
      math.randomseed(seed)
      local c <close> = vmoon.bench { device = "rtc-pl031" }
      local l <close> = vmoon.bench { file = FILE }
      c:write32(LR, 100)
      l:write32(LR, 100)
      for i = 1, 200 do
        local reg = regs[math.random(#regs)]
        local value = reg == IMSC and math.random(0, 1) or math.random(95, 130)
        local where = ("seed %d, step %d, register 0x%x"):format(seed, i, reg)
        local what = math.random(3)
        -- The one in C has no alarm, and CR brings it the host's time back.
        if what == 1 and reg ~= CR and reg ~= MR then
          c:write32(reg, value)
          l:write32(reg, value)
        elseif what == 2 then
          c:advance(1)
          l:advance(1)
        elseif reg ~= RIS and reg ~= MIS then
          assert.equal(c:read32(reg), l:read32(reg), where)
        end
      end
    end
  end)
end)
