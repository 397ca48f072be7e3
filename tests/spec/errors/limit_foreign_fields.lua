-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  serial = {
    { sink = "ring", limit = { policy = "drop", rate = "4K/s", capacity = "1M", full = "drop-oldest" } },
    { sink = "null", limit = { policy = "spool", max_stall = 60, after_stall = "drop", unsafe_stall = true } },
    { sink = "stdout", limit = { policy = "pause", rate = "4K/s", full = "drop-newest", capacity = "3K" } },
  },
}
