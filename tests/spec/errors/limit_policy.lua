-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  serial = {
    { sink = "ring", limit = { policy = "drpo", rate = "4K/s", capacity = "1M" } },
    { sink = "null", limit = { rate = "4K/s" } },
    { sink = "stdout", limit = "4K/s" },
  },
}
