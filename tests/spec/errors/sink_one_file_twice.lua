-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  serial = {
    { sink = "file:boot.log", generations = 2 },
    { sink = "file:./boot.log", name = "second" },
    { sink = "file:boot.log.2" },
  },
}
