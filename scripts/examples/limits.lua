-- SPDX-License-Identifier: MIT
-- limits.lua - one guest that prints a lot, and three sinks that each do
-- something else about it. The rates are below what a guest of the testbed
-- prints. Boots the kernel and initrd named by VMOON_KERNEL and VMOON_INITRD;
-- writes boot.log into the current folder.
local vmoon = require "vmoon"

local vm <close> = vmoon.boot {
  kernel = os.getenv "VMOON_KERNEL" or "bzImage", initrd = os.getenv "VMOON_INITRD",
  memory = "256M", cmdline = "console=ttyS0 " .. (os.getenv "VMOON_CMDLINE" or ""),
  serial = {
    -- pause: the guest waits, at most 2 seconds in any 10; then the newest bytes are lost.
    { sink = "file:boot.log", limit = { policy = "pause", rate = "512B/s", burst = "16K", max_stall = 2.0 } },
    -- drop: whole lines above the rate are lost; a line says how many.
    { sink = "stderr", limit = { policy = "drop", rate = "512B/s", burst = "8K", unit = "line" } },
    -- spool: what is above the rate waits; when 1M waits, the oldest bytes are lost.
    {
      sink = "callback",
      limit = { policy = "spool", rate = "512B/s", burst = "4K", capacity = "1M", full = "drop-oldest" },
      on_data = function(bytes, info)
        if info.backlog > 0 and #bytes >= 1000 then
          print(("[%6.2fs] %d bytes, backlog %d"):format(info.time, #bytes, info.backlog))
        end
      end,
    },
  },
}

vm.serial:on("limited", function(event) -- at most once a second and sink
  print(("sink %s: %s, %d bytes over so far"):format(event.sink, event.policy, event.bytes))
end)

local sh = vm:login { user = "root", timeout = 120 } -- sees every byte, before any limit
sh:run("yes spam-spam-spam | head -c 100000 > /dev/console", { timeout = 300 })

print()
for _, s in ipairs(vm.serial:stats().sinks) do
  assert(s.bytes_in == s.bytes_out + s.bytes_dropped + s.backlog)
  print(("%-14s in=%7d out=%7d dropped=%7d waiting=%7d stalled=%.1fs"):format(
    s.sink, s.bytes_in, s.bytes_out, s.bytes_dropped, s.backlog, s.stalled))
end
