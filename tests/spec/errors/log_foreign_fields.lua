-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  logger = { log_path = "vm.log" },
  log = { log_path = "vm.log", log_level = "debug", json = true, show_origin = true },
}
