-- SPDX-License-Identifier: MIT
-- testdev_mem.lua - the memory of QEMU's pc-testdev, each access of which is
-- emulated. QEMU has 64 KiB, here are the first 32: kvm-unit-tests' emulator
-- test maps 4. An access that crosses a multiple of 8 bytes reads 0.
local dev = require "vmoon.device"

return dev.mmio {
  name = "testdev-mem",
  at = 0xff000000,
  size = "32K",
  registers = {
    BYTES = { at = 0, width = 8, access = "rw", array = { count = 4096 } },
  },
}
