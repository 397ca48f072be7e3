-- SPDX-License-Identifier: MIT
-- uart_spec.lua - scripts/devices/uart.lua beside vmoon's own 16550A in C.
local vmoon = require "vmoon"

local FILE <const> = "scripts/devices/uart.lua"
local DATA <const>, IER <const>, IIR <const>, LCR <const>, MCR <const>, LSR <const>, MSR <const> = 0, 1, 2, 3, 4, 5, 6
local SCR <const> = 7

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
    assert.equal(65536, (b:call("type", ("a"):rep(65536)))) -- 64 of them are in the FIFO then
    assert.equal(64, (b:call("type", ("b"):rep(100))))
  end)

  -- What Linux's 8250 driver does to find out what a port is, and what it starts
  -- it with: drivers/tty/serial/8250/8250_port.c. Names are those of its functions.
  local function autoconfig(u)
    local function answers(reg, value) u:write8(reg, value); return u:read8(reg) end
    assert.same({ 0, 0x0f, 0 }, { answers(IER, 0), answers(IER, 0x0f), answers(IER, 0) })
    local mcr, lcr = u:read8(MCR), u:read8(LCR)
    u:write8(MCR, 0x1a) -- loopback: RTS and OUT2 come back as CTS and DCD
    assert.equal(0x90, u:read8(MSR) & 0xf0)
    u:write8(MCR, mcr)
    u:write8(LCR, 0xbf)
    u:write8(IIR, 0) -- would be EFR
    u:write8(LCR, 0)
    u:write8(IIR, 1)
    assert.equal(3, u:read8(IIR) >> 6) -- a 16550A or better
    for _, mode in ipairs { 0x80, 0xbf } do -- no EFR: not a 16650
      u:write8(LCR, mode)
      assert.is_not.equal(0, u:read8(IIR))
    end
    for _, loop in ipairs { 0, 0x10 } do -- EXCR1 does not follow MCR: no SuperIO of National
      u:write8(LCR, 0)
      u:write8(MCR, mcr ~ loop)
      u:write8(LCR, 0xe0)
      assert.equal(0, u:read8(IIR) & 0x10)
    end
    u:write8(LCR, 0)
    u:write8(MCR, mcr)
    for _, mode in ipairs { 0, 0x80 } do -- not a 16750
      u:write8(LCR, mode)
      u:write8(IIR, 0x21)
      assert.equal(6, u:read8(IIR) >> 5)
      u:write8(IIR, 1)
    end
    u:write8(LCR, 0)
    assert.equal(0, answers(IER, 0x40)) -- no UUE: not an XScale
    assert.same({ 0xa5, 0x5a }, { answers(SCR, 0xa5), answers(SCR, 0x5a) })
    u:write8(IER, 0)
    u:write8(LCR, lcr)
  end

  local function size_fifo(u)
    u:write8(LCR, 0)
    u:write8(IIR, 7)
    u:write8(MCR, 0x10)
    u:write8(LCR, 0x80)
    u:write8(DATA, 1)
    u:write8(IER, 0)
    assert.same({ 1, 0 }, { u:read8(DATA), u:read8(IER) })
    u:write8(LCR, 3)
    for i = 0, 255 do u:write8(DATA, i) end
    local count = 0
    while u:read8(LSR) & 1 == 1 do
      assert.equal(count, u:read8(DATA))
      count = count + 1
    end
    u:write8(MCR, 8)
    return count
  end

  local function clear_fifos(u)
    for _, fcr in ipairs { 1, 7, 0 } do u:write8(IIR, fcr) end
  end

  local function do_startup(u)
    clear_fifos(u)
    for _, reg in ipairs { LSR, DATA, IIR, MSR } do u:read8(reg) end
    assert.equal(0x60, u:read8(LSR)) -- empty, and not 0xff
    for _ = 1, 2 do -- THRE comes whenever it is enabled: no UART_BUG_THRE
      u:write8(IER, 2)
      assert.is_true(u.irq)
      assert.equal(2, u:read8(IIR) & 0x0f)
      u:write8(IER, 0)
      assert.is_false(u.irq)
    end
    u:write8(LCR, 3)
    u:write8(MCR, 0x0b)
    u:write8(IER, 2)
    assert.equal(0x40, u:read8(LSR) & 0x40)
    assert.equal(0, u:read8(IIR) & 1) -- no UART_BUG_TXEN
    u:write8(IER, 0)
    for _, reg in ipairs { LSR, DATA, IIR, MSR } do u:read8(reg) end
    u:write8(IIR, 0x81)
    u:write8(IER, 5)
    assert.is_false(u.irq)
  end

  local function tx_chars(u) -- THRI on, a load at each interrupt, THRI off
    u:write8(IER, 7)
    for _ = 1, 3 do
      assert.is_true(u.irq)
      assert.equal(2, u:read8(IIR) & 0x0f)
      assert.is_false(u.irq)
      for _ = 1, 16 do u:write8(DATA, 0x2e) end
    end
    u:write8(IER, 5)
    assert.is_false(u.irq)
  end

  it("is a 16550A for Linux's driver, as the one in C is", function()
    local c <close> = vmoon.bench { device = "uart16550" }
    for _, u in ipairs { b, c } do
      autoconfig(u)
      assert.equal(64, size_fifo(u))
      do_startup(u)
      tx_chars(u)
    end
    b:advance(1)
    assert.equal(("."):rep(48), sent(b))
    assert.equal(("."):rep(48), c:output())
  end)

  it("has a break that is stored, a FIFO that is emptied, and one overrun at a time", function()
    b:write8(LCR, 0x43)
    assert.equal(0x43, b:read8(LCR))
    b:write8(DATA, 10)
    assert.equal("\n", sent(b)) -- sent all the same
    b:write8(LCR, 3)
    b:write8(IER, 5)
    b:write8(MCR, 0x18)
    for i = 0, 64 do b:write8(DATA, i) end
    assert.equal(6, b:read8(IIR) & 0x0f) -- before bytes
    assert.equal(0x63, b:read8(LSR))
    assert.equal(0x61, b:read8(LSR))
    assert.equal(4, b:read8(IIR) & 0x0f)
    b:write8(IIR, 3)
    assert.is_false(b.irq)
    assert.same({ 0x60, 0 }, { b:read8(LSR), b:read8(DATA) })
    b:call("type", "later") -- the line is off in loopback
    assert.equal(0x60, b:read8(LSR))
    b:write8(MCR, 8)
    assert.same({ 0x61, ("l"):byte() }, { b:read8(LSR), b:read8(DATA) })
  end)

  it("is as at first after a reset, and what was sent before has not gone", function()
    b:write8(DATA, 0x24)
    b:write8(IER, 5)
    b:call("type", "abc")
    b:write8(SCR, 1)
    b:reset()
    assert.is_false(b.irq)
    assert.equal("$", sent(b))
    assert.same({ 0, 1, 3, 8, 0x60, 0xb0, 0 },
      { b:read8(IER), b:read8(IIR), b:read8(LCR), b:read8(MCR), b:read8(LSR), b:read8(MSR), b:read8(SCR) })
    b:write8(DATA, 0x25)
    b:advance(0.03)
    assert.equal("%", sent(b))
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
