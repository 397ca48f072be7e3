-- SPDX-License-Identifier: MIT
-- counter_spec.lua - scripts/devices/counter.lua, in virtual time.
local vmoon = require "vmoon"

local COUNTER <const> = "scripts/devices/counter.lua"

local function raised(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err
end

describe("counter device", function()
  local b
  before_each(function() b = vmoon.bench { file = COUNTER, params = { hz = 100 } } end)
  after_each(function() b:close() end)

  it("has its reset values", function()
    assert.equal(0x434E5452, b:read32(0x00))
    assert.equal(0, b:read32(0x10))
  end)

  it("counts in virtual time", function()
    b:write32(0x08, 1)
    b:advance(2.5)                                   -- no sleeping: the bench owns the clock
    assert.equal(250, b:read32(0x10))
  end)

  it("raises a level interrupt until STATUS is cleared", function()
    b:write32(0x08, 3)
    assert.is_false(b.irq)
    b:advance(1.0)
    assert.is_true(b.irq)
    b:write32(0x0c, 1)
    assert.is_false(b.irq)
  end)

  it("keeps counting across save and load", function()
    b:write32(0x08, 1); b:advance(1)
    local c <close> = vmoon.bench { file = COUNTER, params = { hz = 100 }, state = b:save() }
    c:advance(1)
    assert.equal(200, c:read32(0x10))
  end)

  it("clears what was counted by a pulse that is not stored", function()
    b:write32(0x08, 1)
    b:advance(1)
    b:write32(0x08, 5)
    assert.equal(1, b:read32(0x08))
    assert.equal(0, b:read32(0x10))
  end)

  it("stands still after a reset", function()
    b:write32(0x08, 3)
    b:advance(1.5)
    b:reset()
    b:advance(1)
    assert.same({ 0, 0, 0 }, { b:read32(0x08), b:read32(0x0c), b:read32(0x10) })
    assert.is_false(b.irq)
    b:write32(0x08, 1)
    b:advance(0.5)
    assert.equal(50, b:read32(0x10))
  end)

  it("shows its registers, state, figures and accesses", function()
    b:write32(0x08, 3)
    b:advance(1.25)
    assert.equal(125, b:read32(0x10))
    local regs = b:regs()
    assert.equal("ID", regs[1].name)
    assert.matches("CTRL 0x8 = 0x3 {ENABLE IRQEN}\n", tostring(regs), 1, true)
    assert.matches("STATUS 0xc = 0x1 {TICK}\n", tostring(regs), 1, true)
    for _, reg in ipairs(regs) do
      if reg.name == "CTRL" then
        assert.same({ ENABLE = true, IRQEN = true, CLEAR = false }, reg.fields)
        assert.equal(8, reg.offset)
      end
    end
    assert.same({ base = 0.0, running = true }, b.state)
    local stats = b.stats
    assert.equal(1, stats.by_hook["on_write of CTRL"].calls)
    assert.equal(1, stats.by_hook["timer tick"].calls)
    assert.equal(2, stats.hooks)
    assert.equal(0, stats.errors)
    assert.is_true(stats.hook_max > 0)
    assert.equal("CTRL <- 0x3 {ENABLE IRQEN}\nCOUNT -> 0x7d\n", tostring(b:log()))
    assert.same({ offset = 16, width = 4, value = 125, write = false, register = "COUNT",
      index = 0, text = "COUNT -> 0x7d" }, b:log()[2])
  end)

  it("says which parameter is wrong", function()
    assert.matches("hz", raised(vmoon.bench, { file = COUNTER, params = { hz = 0 } }).detail)
    assert.matches("herz", raised(vmoon.bench, { file = COUNTER, params = { herz = 1 } }).detail)
    assert.matches("must be a table",
      raised(vmoon.bench, { file = COUNTER, params = 1 }).message)
    assert.matches("function",
      raised(vmoon.bench, { file = COUNTER, params = { hz = print } }).message)
    assert.matches("unknown field", raised(vmoon.bench, { file = COUNTER, parms = {} }).message)
    assert.is_not_nil(raised(vmoon.bench, { file = "/none/such.lua" }).message)
  end)
end)
