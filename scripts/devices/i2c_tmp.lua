-- SPDX-License-Identifier: MIT
-- i2c_tmp.lua - a virtio I2C adapter (VIRTIO 1.2, 5.17) with one LM75 sensor.
-- The script heats it: vm.device["i2c-tmp"]:call("set_temp", 85).
local dev = require "vmoon.device"

local HEADER, READ, OK, ERR = "<I2I2I4", 2, "\0", "\1" -- address << 1, padding, flags

-- Temperature (9 bits, steps of 0.5 degrees), configuration, hysteresis, limit.
local function register(d, n)
  if n == 0 then return string.pack(">I2", d.state.milli // 500 << 7 & 0xffff) end
  return d.state.registers[n] or "\xff\xff"
end

return dev.virtio {
  name = "i2c-tmp",
  id = 34,
  features = { [0] = "ZERO_LENGTH_REQUEST" },
  params = { addr = { type = "integer", default = 0x48, min = 0x03, max = 0x77 } },
  state = { milli = 21500, pointer = 0, registers = { "\0", "\x4b\0", "\x50\0" } },

  queues = {
    {
      name = "request", size = 64,
      on_buffer = function(d, buf)
        if buf.readable < 8 or buf.writable < 1 then return end
        local addr, _, flags = string.unpack(HEADER, buf:read(8))
        if addr >> 1 ~= d.params.addr then return buf:write_last(ERR) end
        if flags & READ ~= 0 then
          buf:write(register(d, d.state.pointer):sub(1, buf.writable - 1))
        elseif buf.readable > 0 then
          local data = buf:read(math.min(buf.readable, 3))
          d.state.pointer = data:byte() & 3
          if #data > 1 then d.state.registers[d.state.pointer] = data:sub(2) end
        end
        buf:write_last(OK)
      end,
    },
  },

  methods = { set_temp = function(d, celsius) d.state.milli = math.floor(celsius * 1000) end },
}
