-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  serial = {
    { sink = "ring", limit = { policy = "pause", rate = "4K/s", max_stall = 60 } },
    { sink = "null", limit = { policy = "pause", rate = "4K/s", max_stall = "2s" } },
    { sink = "stdout", limit = { policy = "pause", rate = "4K/s", max_stall = -0.5 } },
    { sink = "stderr", limit = { policy = "pause", rate = "4K/s", max_stall = 3601, unsafe_stall = true } },
  },
}
