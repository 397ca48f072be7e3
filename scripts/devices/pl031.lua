-- SPDX-License-Identifier: MIT
-- pl031.lua - ARM's PrimeCell real-time clock (DDI 0224). Seconds since 1970
-- begin at the parameter start and go on from there.
local dev = require "vmoon.device"

local ids = { [0] = 0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 }

local function now(d)
  return (d.state.offset + math.floor(d:time())) & 0xffffffff
end

-- The alarm is one second long, and 2^32 seconds away when it is now.
local function arm(d)
  d:set_timer("alarm", ((d.reg.MR - now(d) - 1) & 0xffffffff) + 1)
end

return dev.mmio {
  name = "pl031",
  compatible = "arm,pl031",
  size = 0x1000,
  irq = "level",
  params = { start = { type = "integer", default = 0, min = 0, max = 0xffffffff } },
  state = { offset = 0 },

  registers = {
    DR = { at = 0x000, access = "ro", on_read = now },
    MR = { at = 0x004, access = "rw", on_write = arm },
    LR = {
      at = 0x008, access = "rw",
      on_write = function(d, new)
        d.state.offset = new - math.floor(d:time())
        arm(d)
      end,
    },
    CR = { at = 0x00c, access = "ro", reset = 1 }, -- it always runs
    IMSC = { at = 0x010, access = "rw", fields = { RTCIMSC = { bit = 0 } } },
    RIS = {
      at = 0x014, access = "ro", fields = { RTCRIS = { bit = 0 } },
      irq_when = "RIS.RTCRIS & IMSC.RTCIMSC",
    },
    MIS = {
      at = 0x018, access = "ro",
      on_read = function(d) return d.reg.RIS.RTCRIS and d.reg.IMSC.RTCIMSC end,
    },
    ICR = {
      at = 0x01c, access = "wo", fields = { RTCICR = { bit = 0 } },
      on_write = function(d, new) if new.RTCICR then d.reg.RIS.RTCRIS = false end end,
    },
    ID = {
      at = 0xfe0, access = "ro", array = { count = 8, stride = 4 },
      on_read = function(_, i) return ids[i] end,
    },
  },

  timers = {
    alarm = function(d)
      d.reg.RIS.RTCRIS = true
      arm(d)
    end,
  },

  on_reset = function(d)
    d.state.offset = d.params.start - math.floor(d:time())
  end,
}
