-- SPDX-License-Identifier: MIT
-- linux.lua - boots the kernel and initrd named by VMOON_KERNEL and
-- VMOON_INITRD to init, with the console on standard output, then says how.
local vmoon = require "vmoon"
local vm <close> = vmoon.new {
  name = "linux", kernel = os.getenv "VMOON_KERNEL" or "bzImage", initrd = os.getenv "VMOON_INITRD",
  memory = "256M", cmdline = "console=ttyS0",
}
vm.serial:copy_to(io.stdout)
vm:start():expect("vmoon guest: init reached", { timeout = 120 })
local stats = vm.stats
print(("\ninit after %.2f s, %d exits, %d MiB of guest memory"):format(stats.uptime, stats.exits, stats.memory >> 20))
