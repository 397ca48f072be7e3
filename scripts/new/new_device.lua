-- SPDX-License-Identifier: MIT
-- NAME.lua - a device in Lua: change it, then run NAME_spec.lua again.
--
-- A guest sees registers in memory. What is only stored, or only cleared by a
-- written 1, is declared and never enters Lua; functions do the rest.
local dev = require "vmoon.device"

return dev.mmio {
  name = "NAME",
  compatible = "acme,NAME", -- what a driver looks for in the ACPI tables
  size = 0x1000, -- bytes of the window that the registers are in
  irq = "level",

  -- What who uses the device may set: params = { hz = 50 }.
  params = { hz = { type = "integer", default = 10, min = 1, max = 1000 } },

  -- Plain data beside the registers; it goes into snapshots. Here: d.state.
  state = { ticks = 0 },

  registers = {
    -- Read only, always the same.
    ID = { at = 0x00, access = "ro", reset = 0x1234 },

    -- The driver's own; on_write is called after it was stored.
    CTRL = {
      at = 0x04, access = "rw",
      fields = { ENABLE = { bit = 0 }, IRQEN = { bit = 1 }, SPEED = { bits = { 8, 15 } } },
      on_write = function(d, new, old)
        if new.ENABLE ~= old.ENABLE then
          d:set_timer("tick", new.ENABLE and 1 / d.params.hz or nil) -- nil: stop it
        end
      end,
    },

    -- The device sets bits, the driver clears them by writing 1. The interrupt
    -- follows from registers alone.
    STATUS = {
      at = 0x08, access = "w1c", fields = { TICK = { bit = 0 } },
      irq_when = "STATUS.TICK & CTRL.IRQEN",
    },

    -- Made when it is read.
    TICKS = {
      at = 0x0c, access = "ro",
      on_read = function(d) return d.state.ticks end,
    },
  },

  timers = {
    tick = function(d)
      d.state.ticks = (d.state.ticks + 1) & 0xffffffff
      d.reg.STATUS.TICK = true
      d:set_timer("tick", 1 / d.params.hz)
    end,
  },

  -- When the machine is reset; the registers have their reset values already.
  on_reset = function(d) d.state.ticks = 0 end,

  -- For scripts: vm.device.NAME:call("ticks").
  methods = { ticks = function(d) return d.state.ticks end },
}
