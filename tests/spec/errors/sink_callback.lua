-- SPDX-License-Identifier: MIT
local calls = { sink = "callback" }
return {
  kernel = "kernel",
  serial = {
    calls,
    { sink = "callback", name = "second", on_data = "print" },
    { sink = "callback", name = "third", limit = { policy = "drop", rate = "1K/s", on_data = print } },
  },
}
