-- SPDX-License-Identifier: MIT
-- away_spec.lua - hooks that stay in the script, of a device that a guest uses:
-- its accesses wait until the script waits for its VM.
local support = assert(loadfile "tests/spec/kvm/support.lua")(it, pending)
local vmoon = require "vmoon"
local dev = require "vmoon.device"
local with, raised = support.with, support.raised

local LONG <const> = { timeout = 600 } -- a hang guard

-- What tests/guest/custom.S wants: one poke, one add, the count as its status.
local function custom(fields)
  local device = {
    name = "custom", at = 0xd0000000, size = 16, irq = "level", line = 10, where = "script",
    state = { adds = 0 },
    registers = {
      COUNT = { at = 0, access = "ro" },
      POKE = { at = 4, access = "wo", on_write = function(d)
        d.reg.COUNT = d.reg.COUNT + 1
        d:irq(true)
      end },
      ACK = { at = 8, access = "wo", on_write = function(d) d:irq(false) end },
      ADD = { at = 12, access = "wo", on_write = function(d, gpa)
        d.reg.COUNT = d.reg.COUNT + string.unpack("<I4", (assert(d:mem_read(gpa, 4))))
        d.state.adds = d.state.adds + 1
      end },
    },
    methods = { twice = function(_, x) return 2 * x end },
  }
  for name, register in pairs(fields or {}) do
    for key, value in pairs(register) do device.registers[name][key] = value end
  end
  return dev.mmio(device)
end

local function new(kernel, fields, use)
  local spec = { kernel = kernel, name = "a", devices = { { device = custom(fields) } } }
  for key, value in pairs(use or {}) do spec.devices[1][key] = value end
  return vmoon.new(spec)
end

describe("a hook with where = script in a VM", function()
  with("custom", "has the script's variables, and is counted", function(kernel)
    local seen = {}
    local vm <close> = new(kernel, {
      ACK = { on_write = function(d, value, old)
        seen[#seen + 1] = { value, old }
        d:irq(false)
      end },
      COUNT = { on_read = function(d) return d.reg.COUNT + #seen end },
    })
    local d = vm.device.custom
    d:watch(true)
    vm:start()
    assert.equal(7, vm:wait(LONG).status)
    assert.equal(1, #seen)
    assert.same({ adds = 1 }, d.state)
    local stats = d.stats
    assert.same({ 4, 4, 0, false }, { stats.hooks, stats.asked, stats.errors, stats.failed })
    local by = stats.by_hook["on_write of ADD"]
    assert.equal(1, by.calls)
    assert.is_true(by.total > by.worst / 2 and by.worst > by.total / 2) -- the same, by two looks at the clock
    local log, names = d:log(), {}
    for i, note in ipairs(log) do names[i] = note.register end
    assert.same({ "POKE", "ACK", "ADD", "COUNT" }, names)
    assert.equal(7, log[4].value)
  end)

  with("custom", "may use the VM and its device, pause and resume it", function(kernel)
    local vm, seen
    vm = new(kernel, { POKE = { on_write = function(d)
      local self = vm.device.custom
      seen = { vm.state, self:regs()[2].name, self:call("twice", 4), self.state.adds }
      vm:pause()
      seen[#seen + 1] = vm.state
      d.reg.COUNT = 1
      vm:resume()
      d:irq(true)
    end } })
    vm:start()
    assert.equal(6, vm:wait(LONG).status)
    assert.same({ "running", "POKE", 8, 0, "paused" }, seen)
    vm:close()
  end)

  with("custom", "waits while the VM is paused, before and behind the answer", function(kernel)
    local calls = 0
    local vm <close> = new(kernel, { POKE = { on_write = function(d)
      calls = calls + 1
      d.reg.COUNT = 1
      d:irq(true)
    end } })
    vm:start()
    local d = vm.device.custom
    repeat until d.stats.asked == 1
    vm:pause()
    assert.equal("paused", vm.state)
    vmoon.sleep(0.01) -- answers it
    assert.equal(1, calls)
    vmoon.sleep(0.01)
    assert.same({ 1, "paused" }, { d.stats.asked, vm.state })
    assert.is_nil(d.stats.by_hook["on_write of POKE"].calls ~= 0 or nil)
    vm:resume()
    assert.equal(6, vm:wait(LONG).status)
    assert.equal(1, calls)
  end)

  with("custom", "does not keep the VM from its end", function(kernel)
    local vm
    vm = new(kernel, { POKE = { on_write = function() vm:stop() end } })
    vm:start()
    assert.equal("stopped", vm:wait(LONG).reason)
    vm:close()
    vm = new(kernel, { POKE = { on_write = function(d)
      vm:close()
      d.reg.COUNT = 3
    end } })
    vm:start()
    assert.matches("vm is closed", tostring(raised(vm.wait, vm, LONG)), 1, true)
    -- Never asked for at all.
    vm = new(kernel)
    vm:start()
    repeat until vm.device.custom.stats.asked == 1
    vm:close()
  end)

  with("custom", "that raises pauses the VM, says where, and the device works on", function(kernel)
    local is_bad = true
    local vm <close> = new(kernel, {
      ADD = { on_write = function(d)
        if is_bad then error "no sums today" end
        d.reg.COUNT = 9
      end },
    })
    vm:start()
    local err = raised(vm.wait, vm, LONG)
    assert.matches("away_spec.lua:%d+: no sums today", tostring(err.detail) .. tostring(err.message))
    assert.equal("paused", vm.state)
    assert.equal(1, vm.device.custom.stats.errors)
    is_bad = false
    vm:resume()
    assert.equal(1, vm:wait(LONG).status)
  end)

  with("custom", "that gives what is no plain data is such an error", function(kernel)
    local vm <close> = new(kernel, { COUNT = { on_read = function() return print end } })
    vm:start()
    assert.matches("a function cannot be", tostring(raised(vm.wait, vm, LONG)), 1, true)
  end)

  with("custom", "is given up when the script never waits", function(kernel)
    local vm <close> = new(kernel, nil, { budget = 0.05 })
    vm:start()
    local d = vm.device.custom
    repeat until d.stats.errors > 0
    assert.matches("on_write of POKE: the script has not answered in 0.05 s", d.stats.error, 1, true)
    repeat until vm.state == "paused"
  end)

  with("custom", "outlives a reload while it is asked", function(kernel)
    local vm <close> = new(kernel)
    local d = vm.device.custom
    vm:start()
    repeat until d.stats.asked == 1
    d:reload()
    assert.equal(6, vm:wait(LONG).status)
  end)

  with("custom", "answers while a text is expected", function(kernel)
    local vm <close> = new(kernel)
    vm:start()
    local ok, err = pcall(vm.expect, vm, "never said", LONG)
    assert.same({ false, "exited" }, { ok, err.kind })
    assert.equal(6, vm.exit.status)
  end)
end)
