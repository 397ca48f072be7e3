-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  log = { modules = "debug" },
}
