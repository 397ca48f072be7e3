-- SPDX-License-Identifier: MIT
-- gpio.lua - 32 lines that the guest reads and drives, with an interrupt for
-- edges. The script moves inputs: vm.device.gpio:call("set", LINE, LEVEL).
--
--   0x00 IN      levels of all lines        0x0c RISE    edges that count
--   0x04 OUT     levels of outputs          0x10 FALL    edges that count
--   0x08 DIR     1: an output               0x14 STATUS  edges seen; write 1 to clear
--                                           0x18 MASK    1: may interrupt
local dev = require "vmoon.device"

-- What the lines are now: outputs as driven, inputs as the script has them.
local function refresh(d)
  local before, dir = d.reg.IN, d.reg.DIR
  local now = (d.reg.OUT & dir) | (d.state.inputs & ~dir & 0xffffffff)
  d.reg.IN = now
  local rising, falling = now & ~before & d.reg.RISE, before & ~now & d.reg.FALL
  d.reg.STATUS = d.reg.STATUS | rising | falling
end

local function drive(d)
  local before = d.reg.IN
  refresh(d)
  if d.reg.IN ~= before then d:post("lines", d.reg.IN) end
end

return dev.mmio {
  name = "gpio",
  compatible = "acme,gpio",
  size = 0x1000,
  irq = "level",
  state = { inputs = 0 },

  registers = {
    IN = { at = 0x00, access = "ro" },
    OUT = { at = 0x04, access = "rw", on_write = drive },
    DIR = { at = 0x08, access = "rw", on_write = drive },
    RISE = { at = 0x0c, access = "rw" },
    FALL = { at = 0x10, access = "rw" },
    STATUS = { at = 0x14, access = "w1c", irq_when = "STATUS & MASK" },
    MASK = { at = 0x18, access = "rw" },
  },

  on_reset = refresh,

  methods = {
    set = function(d, line, level)
      assert(math.type(line) == "integer" and line >= 0 and line < 32, "a line is 0 to 31")
      local bit = 1 << line
      d.state.inputs = level and d.state.inputs | bit or d.state.inputs & ~bit
      refresh(d)
    end,
    get = function(d, line) return d.reg.IN >> line & 1 == 1 end,
  },
}
