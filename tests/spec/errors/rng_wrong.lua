-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  rng = { src = "/dev/urandom", burst = "64K", rte = "64K/s" },
  consoles = { name = "cmd" },
}
