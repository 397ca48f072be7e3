-- SPDX-License-Identifier: MIT
-- debug_exit.lua - QEMU's isa-debug-exit: a number written to the port is the
-- end of a test, and QEMU's exit status 2 n + 1. Posted as "exit".
local dev = require "vmoon.device"

return dev.pio {
  name = "debug-exit",
  at = 0xf4,
  size = 4,
  registers = {
    CODE = {
      at = 0, width = 4, access = "wo",
      on_write = function(d, code) d:post("exit", (code << 1 | 1) & 0xff) end,
    },
  },
}
