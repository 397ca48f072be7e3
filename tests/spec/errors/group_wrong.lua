-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  groups = {
    { name = "a", rate = "1M/s", group = "b" },
    { name = "b", rate = "1M/s", group = "b" },
    { name = "b", rate = "1M/s" },
    { name = "c d" },
    { name = "e", rate = "8G/s", burst = "1M" },
  },
}
