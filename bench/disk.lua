-- SPDX-License-Identifier: MIT
-- disk.lua: one disk under load beside QEMU microvm and q35 with an iothread: same guest, kernel, image.
-- Inside the testbed: vmoon run disk.lua     (disk.sh starts it; rows of name | figure | unit | beside what)
local vmoon = require "vmoon"

local KERNEL, INITRD = os.getenv "VMOON_KERNEL", os.getenv "VMOON_INITRD"
local LOAD = assert(os.getenv "LOAD", "set LOAD to the guest's program, disk_load")
local REQUESTS = tonumber(os.getenv "VMOON_BENCH_REQUESTS" or "2000")
local CMDLINE = "console=ttyS0 quiet reboot=t panic=-1 nohz=off highres=off "
  .. "rdinit=/bench/disk-init requests=" .. REQUESTS
local IMAGE = "/tmp/disk.img"
local ROWS = {
  "random-read-1", "random-write-1", "sequential-read-1", "sequential-write-1",
  "random-read-4", "random-write-4", "sequential-read-4", "sequential-write-4",
}

-- The guest's initramfs, and a second archive behind it with what this needs.
local function make_initrd()
  local path = "/tmp/initrd-disk"
  assert(os.execute(([[
    set -e; rm -rf /tmp/more; mkdir -p /tmp/more/bench
    cp %s /tmp/more/bench/disk_load; cp bench/disk-init /tmp/more/bench/disk-init
    (cd /tmp/more && find . | cpio -o -H newc) > /tmp/more.cpio 2>/dev/null
    cat %s /tmp/more.cpio > %s]]):format(LOAD, INITRD, path)))
  return path
end

local function counter(name)
  local file = io.open("/sys/kernel/debug/kvm/" .. name)
  if not file then return 0 end
  local n = file:read "n"
  file:close()
  return n or 0
end

local function to_user() return counter "mmio_exits" + counter "io_exits" end

-- Reads the guest's lines: { name = { us, interrupts, exits to user space, kicks } }.
local function follow(next_line, count_kicks)
  local rows, at, kicks = {}, 0, 0
  for line in next_line do
    local name = line:match "^begin (%S+)"
    if name then at, kicks = to_user(), count_kicks() end
    local ended, us, irqs = line:match "^end (%S+) (%d+) (%d+)"
    if ended then rows[ended] = { tonumber(us), tonumber(irqs), to_user() - at, count_kicks() - kicks } end
    if line:match "^all done" then return rows end
  end
  error "the guest ended before its loads did"
end

local function run_vmoon(initrd)
  local vm <close> = vmoon.boot {
    kernel = KERNEL, initrd = initrd, memory = "256M", cmdline = CMDLINE,
    disks = { { path = IMAGE } },
  }
  return follow(function() return vm:expect(vmoon.re "[^\n]*\n", { timeout = 600 }).line end,
    function() return vm.device.disk0.stats.kicks end)
end

local function run_qemu(initrd, machine)
  local out <close> = assert(io.popen(("exec qemu-system-x86_64 -accel kvm -cpu host -m 256M -nodefaults "
    .. "-no-user-config -display none -no-reboot -serial stdio -kernel %s -initrd %s -append '%s' "
    .. "-drive if=none,id=d0,file=%s,format=raw,cache=writeback %s </dev/null 2>&1")
    :format(KERNEL, initrd, CMDLINE, IMAGE, machine)))
  local lines = out:lines()
  return follow(function()
    local line = lines()
    return line and line:gsub("\r", "")
  end, function() return 0 end) -- nobody tells us of QEMU's
end

local PEERS = {
  { "microvm", "-M microvm,acpi=on,rtc=on,isa-serial=on -device virtio-blk-device,drive=d0", 2.0 },
  { "q35 with an iothread", "-M q35 -object iothread,id=t0 -device virtio-blk-pci,drive=d0,iothread=t0", 1.3 },
}

os.execute "mount -t debugfs none /sys/kernel/debug 2>/dev/null"
assert(os.execute("dd if=/dev/zero of=" .. IMAGE .. " bs=1M count=64 2>/dev/null"))
local initrd = make_initrd()
local ours = run_vmoon(initrd)
local theirs = {}
local has_qemu = os.execute "command -v qemu-system-x86_64 >/dev/null 2>&1"
for i, peer in ipairs(has_qemu and PEERS or {}) do theirs[i] = run_qemu(initrd, peer[2]) end
for _, name in ipairs(ROWS) do
  local us, irqs, exits, kicks = table.unpack(ours[name])
  local beside = {}
  for i, rows in ipairs(theirs) do
    beside[i] = ("%.2f times QEMU %s's (%.0f us, %.2f irqs, %.2f exits)"):format(rows[name][1] / us, PEERS[i][1],
      rows[name][1] / REQUESTS, rows[name][2] / REQUESTS, rows[name][3] / REQUESTS)
  end
  print(("%-34s | %8.1f | %-4s | a request: %.2f kicks, %.2f interrupts, %.2f exits to user space; %s"):format(
    "disk " .. name, us / REQUESTS, "us", kicks / REQUESTS, irqs / REQUESTS, exits / REQUESTS,
    #beside > 0 and table.concat(beside, ", ") or "no QEMU here to compare with"))
end
