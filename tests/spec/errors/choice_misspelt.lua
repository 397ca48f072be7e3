-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  boot = "phv",
  unpack = "Guest",
  on_panic = "explode",
  on_reboot = 1,
}
