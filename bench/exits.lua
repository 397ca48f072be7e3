-- SPDX-License-Identifier: MIT
-- exits.lua: round trips out of the guest and back, beside QEMU microvm in the same run if it is here; then to
-- devices in Lua, beside the memory that nobody claims.
-- vmoon run exits.lua     (VMOON_OUT names the build, for guest/exits; rows of name | figure | unit | beside what)
local vmoon = require "vmoon"

local GUEST = assert(os.getenv "VMOON_OUT", "set VMOON_OUT to the build's folder") .. "/guest/exits"
local RUNS = tonumber(os.getenv "VMOON_BENCH_RUNS" or "3")
local COUNT = 20000
local MARKS = { "port", "serial", "memory", "end" }
local NAMES = { "exit, port nobody claims", "exit, serial scratch register", "exit, memory nobody claims" }

local function run_vmoon(devices)
  local times = {}
  local vm <close> = vmoon.boot { kernel = GUEST, memory = "64M", cmdline = "", devices = devices }
  for i, mark in ipairs(MARKS) do
    vm:expect(mark .. "\n", { timeout = 300 })
    times[i] = vmoon.now()
  end
  return times
end

local function run_qemu()
  local times, n = {}, 0
  local out <close> = assert(io.popen(("exec qemu-system-x86_64 -accel kvm -cpu host -M microvm,isa-serial=on "
    .. "-m 64M -nodefaults -no-user-config -display none -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4 "
    .. "-serial stdio -kernel %s </dev/null 2>&1"):format(GUEST)))
  for line in out:lines() do
    if line:find(MARKS[n + 1], 1, true) then
      n = n + 1
      times[n] = vmoon.now()
    end
    if n == #MARKS then return times end
  end
  error "QEMU ended before the guest did"
end

-- Microseconds an exit, per kind: the best of the runs, the others were disturbed.
local function measure(run, devices)
  local best = {}
  for _ = 1, RUNS do
    local times = run(devices)
    for i = 1, #NAMES do
      local us = (times[i + 1] - times[i]) / COUNT * 1e6
      best[i] = math.min(best[i] or us, us)
    end
  end
  return best
end

local ours = measure(run_vmoon)
local theirs = os.execute "command -v qemu-system-x86_64 >/dev/null 2>&1" and os.getenv "VMOON_TESTBED"
  and measure(run_qemu)
for i, name in ipairs(NAMES) do
  local beside = theirs and ("%.2f of QEMU microvm's %.2f us"):format(ours[i] / theirs[i], theirs[i])
    or "round trip on this machine's KVM; no QEMU to compare with"
  print(("%-34s | %8.2f | %-4s | %s"):format(name, ours[i], "us", beside))
end

-- A device in Lua where the guest reads memory.
local DEVICE = [[
return require("vmoon.device").mmio { name = "x", at = 0xd0000000, size = 4096, registers = { R = { at = 0, %s } } }]]
local HOOK = "access = 'ro', on_read = function() return 7 end"
local LUA = {
  { "exit, declared register in Lua", "reset = 7" },
  { "exit, register in Lua with a hook", HOOK },
  { "exit, the same of a trusted device", HOOK, true },
}
for _, row in ipairs(LUA) do
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(DEVICE:format(row[2])):close()
  local us = measure(run_vmoon, { { file = path, trusted = row[3] or false } })[3]
  os.remove(path)
  print(("%-34s | %8.2f | %-4s | %.2f of memory nobody claims"):format(row[1], us, "us", us / ours[3]))
end
