-- SPDX-License-Identifier: MIT
local function log(n, rate) return { sink = "file:" .. n .. ".log", limit = { policy = "drop", rate = rate } } end
return {
  kernel = "kernel",
  serial = {
    { sink = "ring", limit = { policy = "drop", rate = "0K/s" } },
    { sink = "stdout", limit = { policy = "drop", rate = "-5K/s" } },
    { sink = "stderr", limit = { policy = "drop", rate = "2000T/s" } },
    { sink = "null", limit = { policy = "drop", rate = "1000/s" } },
    { sink = "fd:3", limit = { policy = "drop", rate = 64 } },
    { sink = "fd:4", limit = { policy = "drop", rate = "64K" } },
    { sink = "fd:5", limit = { policy = "drop" } },
    log(8, "fast"),
  },
}
