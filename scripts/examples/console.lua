-- SPDX-License-Identifier: MIT
-- console.lua - a second console for commands, beside the serial port where the
-- kernel talks, and a port that programs on both sides use as a pipe. Boots the
-- kernel and initrd named by VMOON_KERNEL and VMOON_INITRD, whose init must
-- offer a login on /dev/hvc0; writes kernel.log into the current folder.
local vmoon = require "vmoon"

local vm <close> = vmoon.boot {
  kernel = os.getenv "VMOON_KERNEL" or "bzImage", initrd = os.getenv "VMOON_INITRD",
  memory = "256M", cmdline = "console=ttyS0",
  serial = { { sink = "file:kernel.log" } },
  consoles = {
    { name = "cmd" },                                        -- /dev/hvc0
    { name = "data", kind = "port", sinks = { { sink = "ring" } } }, -- /dev/virtio-ports/data
  },
}
local sh = vm:login { on = "cmd", timeout = 120 }
print("a shell on " .. sh:run "readlink /proc/self/fd/1")
vm.port.cmd:resize(132, 43)
print("the size of its terminal: " .. sh:run "stty size </dev/hvc0")

-- What the kernel says meanwhile is on serial, and not between two lines here.
sh:run "echo a line of the kernel >/dev/kmsg"
vm:expect("a line of the kernel", { timeout = 10 })

-- A program of the guest that answers each line.
local port = "/dev/" .. sh:run "basename $(dirname $(grep -l '^data$' /sys/class/virtio-ports/*/name))"
sh:run(("(while read -r line; do echo \"guest got: $line\"; done <>%s >&0) >/dev/null 2>&1 &"):format(port))
for _, word in ipairs { "one", "two", "three" } do
  vm.port.data:send(word)
  print(vm.port.data:expect("guest got: " .. word .. "\n", { timeout = 10 }).line)
end

local s = vm.port.data:stats()
print(("the port: %d bytes from the guest, %d to it, open: %s"):format(s.out_bytes, s.in_bytes, s.is_open))
assert(s.out_lost == 0 and s.is_open)
io.write("in its ring:\n", (vm.port.data:sink_text "ring"))
