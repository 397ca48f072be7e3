-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  disks = { { path = "root.img" } },
  nets = {},
  vsock = { cid = 3 },
}
