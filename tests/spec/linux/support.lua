-- SPDX-License-Identifier: MIT
-- support.lua - a Debian kernel for the Linux specs, inside the testbed.
-- busted hands `it` and `pending` to spec files alone: they pass them on, and
-- pending as a function of their own, for inside a test it is another one.
local it, pending = ...
local assert = require "luassert" -- as spec files have it
local support = {}

support.kernel = os.getenv "VMOON_KERNEL"
support.initrd = os.getenv "VMOON_INITRD"

-- A tick that never stops: where emulation loses a timer interrupt, the next
-- tick makes up for it (tests/testbed/README.md). Where the host stands still
-- for half a minute, the guest is not to say so in the midst of what is tested.
local steady = " nohz=off highres=off nowatchdog rcupdate.rcu_cpu_stall_suppress=1"

-- A spec for vmoon.new: the defaults below, changed by fields.
function support.spec(fields)
  local spec = {
    kernel = support.kernel, initrd = support.initrd, memory = "256M",
    cmdline = "console=ttyS0 quiet",
  }
  for key, value in pairs(fields or {}) do spec[key] = value end
  spec.cmdline = spec.cmdline .. steady
  return spec
end

-- it(), or pending with the reason where no Linux can boot.
function support.it(title, test)
  it(title, function()
    if not (support.kernel and support.initrd) then
      return pending "VMOON_KERNEL and VMOON_INITRD are not set: run this in tests/testbed/run"
    end
    local host = require("vmoon").host()
    if not host.kvm then return pending(host.reason) end
    test()
  end)
end

-- Seconds for what an emulated host does slowly.
support.long = 120

-- A device of scripts/devices. An emulated host stands still now and then for
-- longer than a hook may.
function support.device(name, params)
  return { file = "scripts/devices/" .. name .. ".lua", params = params, budget = 1 }
end

function support.boot(fields)
  local vm = require("vmoon").boot(support.spec(fields))
  local ok, sh = pcall(vm.login, vm, { timeout = support.long })
  if ok then return vm, sh end
  vm:close()
  error(sh, 0)
end

-- The figures of a device whose hooks all went well.
function support.sound(d)
  local stats = d.stats
  assert.same({ 0, 0, 0, false }, { stats.errors, stats.events_lost, stats.lines_lost, stats.failed })
  if d.type == "lua-virtio" then
    assert.same({ 0, 0, false }, { stats.malformed, stats.needs_reset, stats.is_broken })
  end
  return stats
end

return support
