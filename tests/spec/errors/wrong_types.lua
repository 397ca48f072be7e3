-- SPDX-License-Identifier: MIT
return {
  name = true,
  kernel = function() return "kernel" end,
  initrd = 7,
  cmdline = { "console=ttyS0", "quiet" },
  cpus = "2",
  memory = 1.5,
}
