-- SPDX-License-Identifier: MIT
-- i2c_tmp.lua - a virtio I2C adapter (VIRTIO 1.2, 5.16) with one LM75 sensor.
-- The script heats it: vm.device["i2c-tmp"]:call("set_temp", 85).
local dev = require "vmoon.device"

local HEADER, FAIL_NEXT, READ = "<I2I2I4", 1, 2 -- address << 1, padding, flags
local OK, ERR = "\0", "\1"
local LENGTH = { [0] = 2, 1, 2, 2 } -- temperature, configuration, hysteresis, limit

-- What a read gets: 9 bits of temperature, in steps of half a degree.
local function register(d)
  local n = d.state.pointer
  if n == 0 then return string.pack(">I2", d.state.milli // 500 << 7 & 0xffff) end
  return d.state.registers[n]
end

-- A write is the register's number, then what it is to hold; none: is it there?
local function write(d, bytes)
  if bytes == "" then return end
  local n = bytes:byte() & 3
  d.state.pointer = n
  if n > 0 and #bytes == 1 + LENGTH[n] then d.state.registers[n] = bytes:sub(2) end
end

local function transfer(d, buf, address, flags)
  if address ~= d.params.addr << 1 then return ERR end
  if flags & READ == 0 then
    if buf.writable > 1 then return ERR end
    write(d, buf:read(math.min(buf.readable, 3)))
    return OK
  end
  if buf.readable > 0 then return ERR end
  local want = buf.writable - 1 -- without the status; an idle bus is all ones
  if want > 256 then return ERR end
  buf:write((register(d) .. ("\xff"):rep(want)):sub(1, want))
  return OK
end

return dev.virtio {
  name = "i2c-tmp",
  id = 34,
  features = { [0] = "ZERO_LENGTH_REQUEST" },
  params = { addr = { type = "integer", default = 0x48, min = 0x03, max = 0x77 } },
  state = { milli = 21500, pointer = 0, is_failing = false, registers = { "\0", "\x4b\0", "\x50\0" } },
  on_reset = function(d) d.state.is_failing = false end,

  queues = {
    {
      name = "request", size = 64,
      on_buffer = function(d, buf)
        if buf.writable == 0 then return end -- no place for a status
        local status, flags = ERR, 0
        if buf.readable >= 8 then
          local address, _, bits = string.unpack(HEADER, buf:read(8))
          flags = bits
          if not d.state.is_failing then status = transfer(d, buf, address, flags) end
        end
        -- What is grouped with a request that failed is not even tried.
        d.state.is_failing = status == ERR and flags & FAIL_NEXT ~= 0
        buf:write_last(status)
      end,
    },
  },

  methods = { set_temp = function(d, celsius) d.state.milli = math.floor(celsius * 1000) end },
}
