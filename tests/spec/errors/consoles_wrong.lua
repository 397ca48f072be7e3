-- SPDX-License-Identifier: MIT
-- Sinks of consoles are checked as those of serial, and beside them.
return {
  kernel = "kernel",
  serial = { { sink = "file:a.log" } },
  consoles = {
    { name = "cmd", kind = "prot", sink = "file:b.log" },
    { name = "x", sinks = { { sink = "file:a.log" }, { sink = "file:b.log" }, { sink = "fil:b.log" } } },
    { name = "y", kind = "port", sinks = { { sink = "file:b.log" }, { sink = "ring" }, { sink = "ring" } } },
    { name = "z", sinks = { { sink = "ring", limit = { policy = "pause", rate = "4K/s", group = "all" } } } },
    { name = "w", sinks = { { sink = "callback" } } },
  },
  log = { sinks = { { sink = "file:b.log" } } },
}
