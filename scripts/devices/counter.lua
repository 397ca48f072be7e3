-- SPDX-License-Identifier: MIT
-- counter.lua - a counter that can tick once a second.
--
--   0x00 ID       reads 0x434e5452, "RTNC"
--   0x04 SCRATCH  the driver's own
--   0x08 CTRL     bit 0 ENABLE, bit 1 IRQEN, bit 2 CLEAR
--   0x0c STATUS   bit 0 TICK: a second is over; write 1 to clear
--   0x10 COUNT    hz a second while ENABLE is set
local dev = require "vmoon.device"

return dev.mmio {
  name = "counter",
  compatible = "acme,counter",
  size = 0x1000,
  irq = "level",
  params = { hz = { type = "integer", default = 1000, min = 1, max = 100000 } },
  state = { base = 0.0, running = false },

  registers = {
    ID = { at = 0x00, access = "ro", reset = 0x434e5452 },
    SCRATCH = { at = 0x04, access = "rw" },
    CTRL = {
      at = 0x08, access = "rw",
      fields = { ENABLE = { bit = 0 }, IRQEN = { bit = 1 }, CLEAR = { bit = 2, access = "w1-pulse" } },
      on_write = function(d, new, old)
        local now = d:time()
        if new.ENABLE ~= old.ENABLE then d.state.running, d.state.base = new.ENABLE, now end
        if new.CLEAR then d.state.base = now end
        d:set_timer("tick", new.ENABLE and new.IRQEN and 1.0 or nil)
      end,
    },
    STATUS = {
      at = 0x0c, access = "w1c", fields = { TICK = { bit = 0 } },
      irq_when = "STATUS.TICK & CTRL.IRQEN",
    },
    COUNT = {
      at = 0x10, access = "ro",
      on_read = function(d)
        if not d.state.running then return 0 end
        return math.floor((d:time() - d.state.base) * d.params.hz) & 0xffffffff
      end,
    },
  },

  on_reset = function(d) d.state.running = false end, -- the registers have theirs already

  timers = {
    tick = function(d)
      d.reg.STATUS.TICK = true
      d:set_timer("tick", 1.0)
    end,
  },
}
