-- SPDX-License-Identifier: MIT
-- testdev.lua - the ports of QEMU's pc-testdev, for kvm-unit-tests.
--
--   0xe0 DATA   four bytes that keep what was written, in any width
--   0xe4 FLUSH  QEMU unmaps the page whose address is written; nothing to do here
--   0xe8 BYTES  the same four bytes as DATA
--
-- Its interrupt lines, port 0x2000 + N for line N, are a device each:
-- { file = "testdev_irq.lua", at = 0x2000 + N, irq = N }.
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
