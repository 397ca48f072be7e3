-- SPDX-License-Identifier: MIT
-- uart_spec.lua - scripts/devices/uart.lua beside vmoon's own 16550A in C.
local vmoon = require "vmoon"

local FILE <const> = "scripts/devices/uart.lua"
local DATA <const>, IER <const>, IIR <const>, LCR <const>, MCR <const>, LSR <const>, MSR <const> = 0, 1, 2, 3, 4, 5, 6

local function sent(b)
  local bytes = {}
  for i, event in ipairs(b:events()) do bytes[i] = event.value end
  return table.concat(bytes)
end

describe("a 16550A in Lua", function()
  local b
  before_each(function() b = vmoon.bench { file = FILE } end)
  after_each(function() b:close() end)

  it("answers as the one in C does, whatever is written and read", function()
    for seed = 1, 20 do
      math.randomseed(seed)
      local c <close> = vmoon.bench { device = "uart16550" }
      local l <close> = vmoon.bench { file = FILE }
      for i = 1, 500 do
        local reg, value = math.random(0, 7), math.random(0, 255)
        local where = ("seed %d, step %d, register %d"):format(seed, i, reg)
        if math.random(2) == 1 then
          c:write8(reg, value)
          l:write8(reg, value)
        else
          assert.equal(c:read8(reg), l:read8(reg), where)
        end
        assert.equal(c.irq, l.irq, where)
      end
      l:advance(1)
      assert.equal(c:output(), sent(l), seed)
    end
  end)

  it("sends lines at once, and what is no line after 20 ms", function()
    for byte in ("ok\n$"):gmatch "." do b:write8(DATA, byte:byte()) end
    assert.equal("ok\n", sent(b))
    b:advance(0.019)
    assert.equal("", sent(b))
    b:advance(0.002)
    assert.equal("$", sent(b))
  end)

  it("types into its FIFO, 64 bytes at a time", function()
    local text = ("x"):rep(63) .. "yz"
    assert.equal(65, b:call("type", text))
    b:write8(IER, 1)
    assert.is_true(b.irq)
    assert.equal(4, b:read8(IIR) & 0x0f)
    local got = {}
    while b:read8(LSR) & 1 == 1 do got[#got + 1] = string.char(b:read8(DATA)) end
    assert.equal(text, table.concat(got))
    assert.is_false(b.irq)
    assert.equal(65536, b:call("type", ("a"):rep(65536)) + 64 - 64)
    assert.equal(64, b:call("type", ("b"):rep(100)))
  end)

  it("is what Linux takes for a 16550A", function()
    b:write8(IER, 0) -- autoconfig: the register is there
    assert.equal(0, b:read8(IER))
    b:write8(IER, 0x0f)
    assert.equal(0x0f, b:read8(IER))
    b:write8(IER, 0)
    b:write8(MCR, 0x10 | 0x0a) -- loopback: RTS and OUT2 come back as CTS and DCD
    assert.equal(0x90, b:read8(MSR) & 0xf0)
    b:write8(MCR, 0)
    b:write8(IIR, 1) -- FIFO
    assert.equal(0xc0, b:read8(IIR) & 0xc0)
    b:write8(LCR, 0x80) -- divisor
    b:write8(DATA, 1)
    b:write8(IER, 0)
    assert.equal(1, b:read8(DATA))
    b:write8(LCR, 3)
    b:write8(IER, 2) -- an empty transmitter interrupts once it is wanted, and once only
    assert.is_true(b.irq)
    assert.equal(2, b:read8(IIR) & 0x0f)
    assert.is_false(b.irq)
    b:write8(DATA, 65)
    assert.is_true(b.irq)
  end)

  it("goes on from a snapshot", function()
    b:write8(IER, 1)
    b:call("type", "abc")
    b:read8(DATA)
    local c <close> = vmoon.bench { file = FILE, state = b:save() }
    assert.is_true(c.irq)
    assert.equal(("b"):byte(), c:read8(DATA))
    assert.equal(("c"):byte(), c:read8(DATA))
    assert.is_false(c.irq)
  end)
end)
