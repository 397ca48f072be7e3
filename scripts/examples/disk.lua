-- SPDX-License-Identifier: MIT
-- disk.lua - a disk that a guest makes a file system on, fills and checks, what
-- it counted, and the same with a limit. Boots the kernel and initrd named by
-- VMOON_KERNEL and VMOON_INITRD, in which there must be mkfs.ext4 and e2fsck;
-- makes disk.img, a sparse file, in the current folder.
local vmoon = require "vmoon"

local vm <close> = vmoon.boot {
  kernel = os.getenv "VMOON_KERNEL" or "bzImage", initrd = os.getenv "VMOON_INITRD",
  memory = "256M", cmdline = "console=ttyS0 quiet",
  disks = {
    { name = "data", path = "disk.img", create = true, size = "64M", id = "example-1", queues = 1 },
  },
  rng = true,
}
local disk = vm.device.data
local sh = vm:login { user = "root", timeout = 120 }
print("the guest's disk", sh:run "cat /sys/block/vda/serial", sh:run "blockdev --getsize64 /dev/vda")

sh:run("mkfs.ext4 -q -F /dev/vda && mkdir -p /mnt && mount /dev/vda /mnt", { timeout = 120 })
sh:run("dd if=/dev/hwrng of=/mnt/random bs=4k count=16 2>/dev/null", { timeout = 120 })
sh:run("dd if=/dev/zero of=/mnt/zeroes bs=64k count=128 2>/dev/null && sync", { timeout = 120 }) -- a flush
local sum = sh:run "sha256sum </mnt/random"
sh:run("umount /mnt && e2fsck -f -n /dev/vda", { timeout = 120 })
sh:run "mount /dev/vda /mnt"
assert(sh:run "sha256sum </mnt/random" == sum)

-- Larger, while it is mounted; then slower.
disk:resize "128M"
sh:run "until [ $(blockdev --getsize64 /dev/vda) = 134217728 ]; do sleep 0.1; done"
print("the guest's disk has grown", sh:run "blockdev --getsize64 /dev/vda")

local function seconds_to_read()
  local started = vmoon.now()
  sh:run("dd if=/dev/vda of=/dev/null bs=64k count=64 iflag=direct 2>/dev/null", { timeout = 120 }) -- 4 MiB
  return vmoon.now() - started
end

local unlimited = seconds_to_read()
disk:limit { read = { bytes = "1M/s", burst = "256K" } }
local limited = seconds_to_read()
print(("4 MiB in %.1f s, and in %.1f s with a limit of 1 MiB a second"):format(unlimited, limited))
assert(limited > 3.5)
disk:limit(nil)

local s = disk.stats
print(("%d reads of %d bytes, %d writes of %d, %d flushes, %d waited, %d errors"):format(
  s.reads, s.read_bytes, s.writes, s.written_bytes, s.flushes, s.delayed, s.errors))
print(("entropy: %d bytes in %d requests"):format(vm.device.rng.stats.bytes, vm.device.rng.stats.requests))
assert(s.flushes > 0 and s.delayed > 0 and s.errors == 0)
sh:run "umount /mnt"
