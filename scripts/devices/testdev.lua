-- SPDX-License-Identifier: MIT
-- testdev.lua - the ports of QEMU's pc-testdev, for kvm-unit-tests.
--
--   0xe0 DATA   four bytes that keep what was written, in any width
--   0xe4 FLUSH  QEMU unmaps the page whose address is written; nothing to do here
--   0xe8 BYTES  the same four bytes as DATA
--
-- Its other parts are files of their own, as a device has one window and one
-- interrupt; with debug_exit.lua that is all of it:
--
--   vmoon.boot {
--     kernel = "ioapic.elf", debug_exit = false,
--     devices = {
--       { file = "debug_exit.lua" }, { file = "testdev.lua" }, { file = "testdev_mem.lua" },
--       { file = "testdev_irq.lua", name = "line14", at = 0x200e, irq = 14 }, -- port 0x2000 + line
--       { file = "testdev_irq.lua", name = "line15", at = 0x200f, irq = 15 },
--     },
--   }
local dev = require "vmoon.device"

return dev.pio {
  name = "pc-testdev",
  at = 0xe0,
  size = 12,
  registers = {
    DATA = { at = 0, access = "rw" },
    FLUSH = { at = 4, access = "wo" },
    BYTES = {
      at = 8, access = "rw",
      on_read = function(d) return d.reg.DATA end,
      on_write = function(d, value) d.reg.DATA = value end,
    },
  },
}
