-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  serial_out_path = "boot.log",
  chardev = "stdio",
  console = { mode = "Tty" },
  log = { file = "a.log" },
  serial = {
    { file = "a.log" },
    { logfile = "a.log", logappend = true },
    { sink = "stdout", rate_limiter = { bandwidth = {} } },
  },
}
