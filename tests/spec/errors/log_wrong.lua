-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  log = {
    level = "dbug",
    modules = "outptu=debug,ports=error",
    format = "xml",
    sinks = { { sink = "file" }, { sink = "callback" } },
  },
}
