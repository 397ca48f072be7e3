-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  log = {
    sinks = {
      { sink = "file:vm.log", limit = { policy = "pause", rate = "64K/s" } },
      { sink = "ring" },
      { sink = "ring" },
    },
  },
}
