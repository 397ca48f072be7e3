-- SPDX-License-Identifier: MIT
-- uart.lua - a 16550A (TL16C550) at COM2's place: Linux calls it ttyS1. What
-- the guest prints is posted as "tx", line by line or after 20 ms; the script
-- types with vm.device.uart:call("type", TEXT).
local dev = require "vmoon.device"

local DLAB, FIFO = 0x80, 16

local function update(d)
  local s, ier = d.state, d.reg.IER
  d:irq((#s.rx > 0 and ier & 1 ~= 0) or (s.thre and ier & 2 ~= 0))
end

local function flush(d)
  if #d.state.tx > 0 then d:post("tx", d.state.tx) end
  d.state.tx = ""
  d:set_timer("flush", nil)
end

local function send(d, byte)
  local s = d.state
  if s.tx == "" then d:set_timer("flush", 0.02) end
  s.tx = s.tx .. string.char(byte)
  if byte == 10 or #s.tx >= 256 then flush(d) end
  s.thre = true
end

return dev.pio {
  name = "uart",
  at = 0x2f8,
  size = 8,
  irq = "level",
  line = 3,
  state = { rx = "", tx = "", thre = false, dll = 1, dlm = 0 },

  registers = {
    DATA = {
      at = 0, width = 1, access = "rw",
      on_read = function(d)
        local s = d.state
        if d.reg.LCR & DLAB ~= 0 then return s.dll end
        local byte = s.rx:byte(1) or 0
        s.rx = s.rx:sub(2)
        update(d)
        return byte
      end,
      on_write = function(d, byte)
        if d.reg.LCR & DLAB ~= 0 then d.state.dll = byte return end
        if d.reg.MCR & 0x10 == 0 then send(d, byte)
        elseif #d.state.rx < FIFO then d.state.rx = d.state.rx .. string.char(byte) end -- loop back
        update(d)
      end,
    },
    IER = {
      at = 1, width = 1, access = "rw",
      on_read = function(d) return d.reg.LCR & DLAB ~= 0 and d.state.dlm or d.reg.IER end,
      on_write = function(d, new, old)
        if d.reg.LCR & DLAB ~= 0 then d.state.dlm, d.reg.IER = new, old return end
        if new & ~old & 2 ~= 0 then d.state.thre = true end
        d.reg.IER = new & 0x0f
        update(d)
      end,
    },
    IIR = { -- FCR when written
      at = 2, width = 1, access = "rw",
      on_read = function(d)
        local s, ier, id = d.state, d.reg.IER, 1
        if #s.rx > 0 and ier & 1 ~= 0 then id = 4
        elseif s.thre and ier & 2 ~= 0 then id, s.thre = 2, false update(d) end
        return id | 0xc0
      end,
      on_write = function(d, new) if new & 2 ~= 0 then d.state.rx = "" update(d) end end,
    },
    LCR = { at = 3, width = 1, access = "rw" },
    MCR = { at = 4, width = 1, access = "rw" },
    LSR = {
      at = 5, width = 1, access = "ro",
      on_read = function(d) return 0x60 | (#d.state.rx > 0 and 1 or 0) end,
    },
    MSR = { at = 6, width = 1, access = "ro", reset = 0xb0 },
    SCR = { at = 7, width = 1, access = "rw" },
  },

  timers = { flush = flush },

  methods = {
    type = function(d, text) -- how many bytes fit
      local room = math.min(4096 - #d.state.rx, #text)
      d.state.rx = d.state.rx .. text:sub(1, room)
      update(d)
      return room
    end,
  },
}
