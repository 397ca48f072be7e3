-- SPDX-License-Identifier: MIT
-- Devices of one's own: places, names and parameters.
return {
  kernel = "kernel",
  disks = { { path = "disk.img", name = "counter" } },
  devices = {
    { file = "kernel", name = "counter", at = 0xd0000800, irq = 99, on_error = "halt" },
    { path = "kernel", budget = "10ms", memory = "1K" },
    { file = "missing.lua", params = { hz = { 1 }, f = print, ["a-b"] = 1 } },
    { file = "kernel", gsi = 5, params = { 1, 2 }, trusted = "yes" },
    { vhost_user = "i2c.sock", file = "kernel" },
  },
}
