-- SPDX-License-Identifier: MIT
-- uart.lua - a 16550A (PC16550D data sheet) at COM2's place, Linux's ttyS1, with
-- vmoon's FIFO of 64 bytes. What the guest prints is posted as "tx", line by
-- line or after 20 ms; the script types with vm.device.uart:call("type", TEXT).
local dev = require "vmoon.device"
local DLAB, LOOP, FIFO, TYPED_MAX = 0x80, 0x10, 64, 65536

-- IIR (8.6): an overrun comes before bytes, those before an empty transmitter.
local function cause(d)
  local s, ier = d.state, d.reg.IER
  if s.overrun and ier & 4 ~= 0 then return 6 end
  if s.rx ~= "" and ier & 1 ~= 0 then return 4 end
  return s.thre and 2 or 1
end

-- What was typed goes on when there is room; in loopback the line is off.
local function update(d)
  local s = d.state
  if s.rx == "" and s.typed ~= "" and d.reg.MCR & LOOP == 0 then
    s.rx, s.typed = s.typed:sub(1, FIFO), s.typed:sub(FIFO + 1)
  end
  d:irq(cause(d) ~= 1)
end

local function flush(d)
  if d.state.tx ~= "" then d:post("tx", d.state.tx) end
  d.state.tx = ""
end

local function send(d, byte)
  local s, char = d.state, string.char(byte)
  if d.reg.MCR & LOOP == 0 then
    s.tx = s.tx .. char
    if byte == 10 or #s.tx == 256 then flush(d) elseif #s.tx == 1 then d:set_timer("flush", 0.02) end
  elseif #s.rx < FIFO then s.rx = s.rx .. char else s.overrun = true end
  s.thre = d.reg.IER & 2 ~= 0 -- sent at once
end

-- Calls f, and the interrupt is what it should be.
local function with(f)
  return function(d, ...)
    local value = f(d, d.state, ...)
    update(d)
    return value
  end
end

local function has_dlab(d) return d.reg.LCR & DLAB ~= 0 end

return dev.pio {
  name = "uart", hid = "PNP0501", at = 0x2f8, size = 8, irq = "level", line = 3,
  state = { rx = "", typed = "", tx = "", thre = false, overrun = false, fifo = false, dll = 12, dlm = 0 },
  registers = { -- with DLAB the first two are the divisor
    DATA = { at = 0, width = 1,
      on_read = with(function(d, s)
        if has_dlab(d) then return s.dll end
        local byte = s.rx:byte(1) or 0
        s.rx = s.rx:sub(2)
        return byte
      end),
      on_write = with(function(d, s, byte) if has_dlab(d) then s.dll = byte else send(d, byte) end end) },
    IER = { at = 1, width = 1,
      on_read = function(d) return has_dlab(d) and d.state.dlm or d.reg.IER end,
      on_write = with(function(d, s, new, old)
        if has_dlab(d) then s.dlm, d.reg.IER = new, old return end
        d.reg.IER, s.thre = new & 0x0f, new & 2 ~= 0 and (old & 2 == 0 or s.thre)
      end) },
    IIR = { at = 2, width = 1, -- FCR when written: bit 0 enables the FIFO, bit 1 empties it
      on_read = with(function(d, s)
        local id = cause(d)
        if id == 2 then s.thre = false end -- to be told acknowledges it
        return id | (s.fifo and 0xc0 or 0)
      end),
      on_write = with(function(_, s, new) s.fifo, s.rx = s.fifo or new & 1 ~= 0, new & 2 ~= 0 and "" or s.rx end) },
    LCR = { at = 3, width = 1, reset = 0x03 },
    MCR = { at = 4, width = 1, reset = 0x08, on_write = with(function(d, _, new) d.reg.MCR = new & 0x1f end) },
    LSR = { at = 5, width = 1, access = "ro", on_read = with(function(_, s)
      local lsr = 0x60 | (s.rx ~= "" and 1 or 0) | (s.overrun and 2 or 0)
      s.overrun = false
      return lsr
    end) },
    MSR = { at = 6, width = 1, access = "ro", on_read = function(d) -- in loopback outputs are inputs (8.7)
      local m = d.reg.MCR
      return m & LOOP == 0 and 0xb0 or (m & 1) << 5 | (m & 2) << 3 | (m & 4) << 4 | (m & 8) << 4
    end },
    SCR = { at = 7, width = 1 },
  },
  timers = { flush = flush },
  on_reset = with(function(d, s)
    flush(d) -- its timer has gone
    s.rx, s.thre, s.overrun, s.fifo, s.dll, s.dlm = "", false, false, false, 12, 0
  end),
  methods = { type = with(function(_, s, text) -- how many bytes there was room for
    local fit = text:sub(1, TYPED_MAX - #s.typed)
    s.typed = s.typed .. fit
    return #fit
  end) },
}
