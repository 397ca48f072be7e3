-- SPDX-License-Identifier: MIT
-- Fields that are none, and values that are out of range.
return {
  kernel = "kernel",
  disks = {
    { path = "disk.img", cache = "writebak", queues = 9, readonly = "yes" },
    { path = "other.img", id = "a serial number of 27 bytes", symlnk = true },
    { readonly = true },
    "third.img",
    { path = "third.img", id = "tab\there", name = "two words", limit = "50M/s" },
  },
}
