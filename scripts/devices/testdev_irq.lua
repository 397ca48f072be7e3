-- SPDX-License-Identifier: MIT
-- testdev_irq.lua - one interrupt line of QEMU's pc-testdev: a byte written to
-- the port raises the line, 0 lowers it.
--
--   devices = { { file = "testdev_irq.lua", name = "line14", at = 0x200e, irq = 14 } }
local dev = require "vmoon.device"

return dev.pio {
  name = "testdev-irq",
  size = 1,
  irq = "level",
  registers = {
    LEVEL = { at = 0, width = 1, access = "rw", irq_when = "LEVEL" },
  },
}
