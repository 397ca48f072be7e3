-- SPDX-License-Identifier: MIT
-- boot.lua: time to init and private dirty memory, beside QEMU microvm in the same run.
-- Inside the testbed: vmoon run boot.lua     (prints rows of name | figure | unit | beside what)
local vmoon = require "vmoon"

local RUNS = tonumber(os.getenv "VMOON_BENCH_RUNS" or "3")
local KERNEL, INITRD = os.getenv "VMOON_KERNEL", os.getenv "VMOON_INITRD"
local CMDLINE = "console=ttyS0 quiet reboot=t panic=-1 nohz=off highres=off"
local MARK = "vmoon guest: init reached"
local GUEST_KIB = 256 * 1024

-- Private dirty KiB of a process, guest RAM (the mapping of its size or more) left out. Counted
-- as anonymous pages: the testbed's files live in a tmpfs, whose clean pages count as dirty too.
local function private_dirty(pid)
  local total, size = 0, 0
  for line in io.lines(("/proc/%s/smaps"):format(pid)) do
    size = tonumber(line:match "^Size:%s+(%d+) kB") or size
    local dirty = tonumber(line:match "^Anonymous:%s+(%d+) kB")
    if dirty and size < GUEST_KIB then total = total + dirty end
  end
  return total
end

local function boot_vmoon()
  local start = vmoon.now()
  local vm <close> = vmoon.boot {
    kernel = KERNEL, initrd = INITRD, memory = "256M", cmdline = CMDLINE,
  }
  vm:expect(MARK, { timeout = 120 })
  return vmoon.now() - start, private_dirty "self"
end

local function boot_qemu()
  local start = vmoon.now()
  local out <close> = assert(io.popen(("echo $$; exec qemu-system-x86_64 -accel kvm -cpu host "
    .. "-M microvm,acpi=on,rtc=on,isa-serial=on -m 256M -nodefaults -no-user-config -display none "
    .. "-serial stdio -kernel %s -initrd %s -append '%s' </dev/null 2>&1"):format(KERNEL, INITRD, CMDLINE)))
  local pid = out:read "l"
  for line in out:lines() do
    if line:find(MARK, 1, true) then
      local seconds, kib = vmoon.now() - start, private_dirty(pid)
      os.execute("kill -9 " .. pid)
      return seconds, kib
    end
  end
  error "QEMU ended before the guest's init"
end

local function median(values)
  table.sort(values)
  return values[(#values + 1) // 2]
end

local function measure(boot)
  local seconds, kib = {}, {}
  for i = 1, RUNS do seconds[i], kib[i] = boot() end
  return median(seconds), median(kib)
end

local ours, our_kib = measure(boot_vmoon)
local has_qemu = os.execute "command -v qemu-system-x86_64 >/dev/null 2>&1"
local row = "%-34s | %8.2f | %-4s | %s"
if has_qemu then
  local theirs, their_kib = measure(boot_qemu)
  print(row:format("Debian cloud kernel to init", ours, "s",
    ("%.2f of QEMU microvm's %.2f s"):format(ours / theirs, theirs)))
  print(row:format("private dirty beside guest RAM", our_kib / 1024, "MiB",
    ("%.2f of QEMU microvm's %.1f MiB"):format(our_kib / their_kib, their_kib / 1024)))
else
  print(row:format("Debian cloud kernel to init", ours, "s", "no QEMU here to compare with"))
  print(row:format("private dirty beside guest RAM", our_kib / 1024, "MiB", "no QEMU here to compare with"))
end
