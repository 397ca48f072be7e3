-- SPDX-License-Identifier: MIT
local disks = {}
for i = 1, 31 do disks[i] = { path = "disk.img", readonly = true } end
return {
  kernel = "kernel",
  rng = true,
  consoles = { {} },
  disks = disks,
}
