-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  disks = {
    { path = "disk.img", limit = { bytes = "50M", ops = 2000, burst = "1K" } },
    { path = "other.img", limit = { bytes = "2T/s", ops = "2K/s", burst = "2G" } },
    { path = "third.img", limit = { burst = "8M", read = { ops = "0/s", burst = "8M" }, write = { byte = "1M/s" } } },
    { path = "fourth.img", limit = { bytes = "1G/s", burst = "4K", read = "1M/s", ops = "5000000000/s" } },
  },
  rng = { rate = "64K", burst = "64K" },
}
