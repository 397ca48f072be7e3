-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  disks = {
    { path = "one.img", size = "64M" },
    { path = "two.img", create = true },
    { path = "disk.img", create = true, size = "64M" },
    { path = "three.img", create = true, size = "1M", readonly = true },
    { path = "four.img", create = true, size = "1M" },
    { path = "./four.img", create = true, size = "1M" },
    { path = "five.img", create = true, size = 64 },
    { path = "six.img", create = true, size = "64MB" },
  },
}
