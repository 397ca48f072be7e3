-- SPDX-License-Identifier: MIT
-- testdev.lua - the data port of QEMU's pc-testdev: 4 bytes that keep what was
-- written, in any width, as kvm-unit-tests' I/O tests want them.
local dev = require "vmoon.device"

return dev.pio {
  name = "testdev",
  at = 0xe0,
  size = 8,
  registers = {
    DATA = { at = 0, access = "rw" },
    DATA_LONG = { at = 4, access = "rw" },
  },
}
