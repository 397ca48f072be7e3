-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  groups = { { name = "host", rate = "1M/s" } },
  serial = {
    { sink = "ring", limit = { policy = "drop", group = "hots" } },
    { sink = "null", limit = { policy = "drop", group = "vm" } },
  },
}
