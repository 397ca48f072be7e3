-- SPDX-License-Identifier: MIT
-- debug_exit.lua - QEMU's isa-debug-exit as kvm-unit-tests uses it: a number n
-- that is written to the port ends the machine with the status 2 n + 1.
--
--   vmoon.boot { kernel = "test.elf", debug_exit = false, devices = { { file = "debug_exit.lua" } } }
--
-- debug_exit = false takes vmoon's own away, which has the same port and ends
-- with n itself.
local dev = require "vmoon.device"

return dev.pio {
  name = "isa-debug-exit",
  at = 0xf4,
  size = 4,
  registers = {
    CODE = {
      at = 0, width = 4, access = "wo",
      on_write = function(d, code) d:exit((code << 1 | 1) & 0xff) end,
    },
  },
}
