-- SPDX-License-Identifier: MIT
-- One file under two names, and names that are taken.
return {
  kernel = "kernel",
  disks = {
    { path = "disk.img", readonly = true },
    { path = "hard.img" },
    { path = "link.img", symlink = true, readonly = true },
    { path = "other.img", name = "rng" },
    { path = "third.img", name = "disk5" },
    { path = "fourth.img" },
  },
  rng = true,
  consoles = {
    { name = "disk0" },
    { name = "serial0" },
    { name = "cmd" },
    { name = "cmd" },
    { name = "two words" },
    { name = "console6" },
    {},
  },
}
