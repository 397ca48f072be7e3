-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  serial = { { sink = "file:vm.log", generations = 2 } },
  log = { sinks = { { sink = "file:./vm.log" }, { sink = "file:vm.log.1" }, { sink = "stderr" } } },
}
