-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  cmdline = [[console=ttyS0
quiet]],
}
