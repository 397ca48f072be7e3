-- SPDX-License-Identifier: MIT
local vmoon = require "vmoon"
return {
  kernel = "kernel",
  serial = {
    { sink = "ring", limit = { policy = "drop", rate = "4K/s", burst = 0.5 * vmoon.KiB, unit = "line" } },
    { sink = "null", limit = { policy = "drop", rate = "1G/s", burst = "16K" } },
    { sink = "stdout", limit = { policy = "drop", rate = "4K/s", burst = 512 } },
  },
}
