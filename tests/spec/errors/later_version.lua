-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  shares = { { path = "folder" } },
  nets = {},
  vsock = { cid = 3 },
}
