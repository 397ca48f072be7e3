-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  serial = {
    { sink = "stdout" },
    { sink = "fd:1" },
    { sink = "file:a.log", name = "log" },
    { sink = "file:b.log", name = "log" },
  },
}
