-- SPDX-License-Identifier: MIT
-- start.lua: CPU time from process start to the first KVM_RUN, and the cost of a VM.
-- vmoon run start.lua     (GUEST names a small test image: tests/guest/hello)
local vmoon = require "vmoon"

local GUEST = assert(os.getenv "GUEST", "set GUEST to a small test image")
local VMS = tonumber(os.getenv "VMOON_BENCH_VMS" or "20")

local spec = { kernel = GUEST, memory = "128M", cmdline = "" }
local vm = vmoon.boot(spec)
local cpu_ms = os.clock() * 1e3 -- what is left is waking the vCPU thread
vm:close()

local start = vmoon.now()
for _ = 1, VMS do vmoon.new(spec):close() end
local each_ms = (vmoon.now() - start) / VMS * 1e3

local row = "%-34s | %8.2f | %-4s | %s"
print(row:format("process start to first KVM_RUN", cpu_ms, "ms", "CPU time, script included; budget 3 ms"))
print(row:format("VM created and closed", each_ms, "ms", ("mean of %d"):format(VMS)))
