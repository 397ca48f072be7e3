-- SPDX-License-Identifier: MIT
-- What a path can be that is no disk.
return {
  kernel = "kernel",
  disks = {
    { path = "nowhere.img" },
    { path = "/nonexistent/nowhere.img", create = true, size = "64M" },
    { path = "folder" },
    { path = "fifo" },
    { path = "/dev/null" },
    { path = "empty" },
    { path = "odd.img" },
    { path = "link.img" },
    { path = "" },
    { path = "kernel/disk.img" },
  },
}
