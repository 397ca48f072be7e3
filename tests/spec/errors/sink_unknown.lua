-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  serial = {
    { sink = "stdot" },
    { sink = "file:" },
    { sink = "fd:x" },
    { sink = "tcp:localhost:4444" },
    { sink = 2 },
    { name = "log" },
  },
}
