-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  serial = {
    { sink = "stdout", generations = 3, append = true, max_size = "1M", on_data = print },
    { sink = "ring", max_size = "1K" },
    { sink = "file:a.log", max_size = "0K", generations = 100 },
  },
}
