-- SPDX-License-Identifier: MIT
-- lua_device_spec.lua - devices in Lua in a VM that runs: a guest's accesses,
-- interrupts, timers, doorbells; mistakes; what the script may do meanwhile.
local support = assert(loadfile "tests/spec/kvm/support.lua")(it, pending)
local vmoon = require "vmoon"
local with, raised = support.with, support.raised

local LONG <const> = { timeout = 600 } -- a hang guard

-- examples/custom_device.c again: counts pokes, adds what is in memory.
local CUSTOM <const> = [[
local dev = require "vmoon.device"
return dev.mmio {
  name = "custom", at = 0xd0000000, size = 16, irq = "level", line = 10,
  params = { start = { type = "integer", default = 0 } },
  state = { adds = 0 },
  registers = {
    COUNT = { at = 0, access = "ro" },
    POKE = { at = 4, access = "wo", on_write = function(d)
      d.reg.COUNT = d.reg.COUNT + 1 + d.params.start
      d:irq(true)
      d:post("poked", { count = d.reg.COUNT })
    end },
    ACK = { at = 8, access = "wo", on_write = function(d) d:irq(false) end },
    ADD = { at = 12, access = "wo", on_write = function(d, gpa)
      local bytes = assert(d:mem_read(gpa, 4))
      d.reg.COUNT = d.reg.COUNT + string.unpack("<I4", bytes)
      d.state.adds = d.state.adds + 1
      d:log("added")
    end },
  },
  methods = { count = function(d, more) return d.reg.COUNT + more, d.state.adds end },
}
]]

-- What tests/guest/device.S wants: a timer, two doorbells, edges.
local DEVICE <const> = [[
local dev = require "vmoon.device"
return dev.mmio {
  name = "bells", at = 0xd0000000, size = 0x1000, irq = "edge", line = 10,
  state = { rung = 0 },
  registers = {
    ALARM = { at = 4, access = "wo", on_write = function(d, us) d:set_timer("alarm", us / 1e6) end },
    BELL = { at = 0x10, width = 1, access = "wo", doorbell = true, on_write = function(d)
      d.state.rung = d.state.rung | 1
      if d.state.rung == 3 then d:pulse() end
    end },
    BELL4 = { at = 0x14, access = "wo", doorbell = true, on_write = function(d)
      d.state.rung = d.state.rung | 2
      if d.state.rung == 3 then d:pulse() end
    end },
  },
  timers = { alarm = function(d) d:pulse() end },
}
]]

local count = 0
local function device_file(text)
  count = count + 1
  return support.write(("dev%d.lua"):format(count), text)
end

local function new(kernel, text, fields, device)
  local spec = { kernel = kernel, name = "a", devices = { { file = device_file(text) } } }
  for key, value in pairs(fields or {}) do spec[key] = value end
  for key, value in pairs(device or {}) do spec.devices[1][key] = value end
  return vmoon.new(spec)
end

local function log_of(vm)
  return vm.log:text()
end

teardown(support.clean)

describe("a device in Lua that a guest uses", function()
  with("custom", "has registers, an interrupt, memory, events and a method", function(kernel)
    local vm <close> = new(kernel, CUSTOM)
    local d = vm.device.custom
    assert.equal("lua-device", d.type)
    assert.equal("device 'custom' of vm 'a'", tostring(d))
    d:watch(true)
    vm:start()
    assert.equal(6, vm:wait(LONG).status)
    assert.same({ 16, 1 }, { d:call("count", 10) })
    assert.same({ adds = 1 }, d.state)
    assert.same({ { name = "poked", value = { count = 1 } } }, d:events())
    assert.same({}, d:events())
    assert.equal(6, d:regs()[1].value)
    assert.equal("COUNT 0x0 = 0x6\n", tostring(d:regs()):match "^[^\n]*\n")
    local stats = d.stats
    assert.same({ 3, 0, 1, false }, { stats.hooks, stats.errors, stats.events, stats.failed })
    assert.equal(1, stats.by_hook["on_write of ADD"].calls)
    assert.same({ "POKE", "ACK", "ADD", "COUNT" }, (function()
      local names = {}
      for i, note in ipairs(d:log()) do names[i] = note.register end
      return names
    end)())
    assert.matches("custom: added", log_of(vm), 1, true)
  end)

  with("device", "has timers, doorbells and edges", function(kernel)
    local vm <close> = new(kernel, DEVICE)
    vm:start()
    assert.equal(2, vm:wait(LONG).status)
    assert.same({ rung = 3 }, vm.device.bells.state)
  end)

  with("custom", "has no timer while its VM is paused", function(kernel)
    local ticking = CUSTOM:gsub("d:irq%(true%)", 'd:set_timer("tick", 0.0005)', 1):gsub("methods = {", [[
      timers = { tick = function(d)
        d.state.ticks = (d.state.ticks or 0) + 1
        d:set_timer("tick", 0.0005)
      end },
      methods = { raise = function(d) d:irq(true) end,]])
    local vm <close> = new(kernel, ticking)
    local d = vm.device.custom
    local function wait_beyond(ticks)
      repeat vmoon.sleep(0.001) until (d.state.ticks or 0) > ticks
    end
    vm:start()
    wait_beyond(0)
    vm:pause()
    local ticks = d.state.ticks
    vmoon.sleep(0.05)
    assert.equal(ticks, d.state.ticks)
    vm:resume()
    wait_beyond(ticks)
    d:call "raise"
    assert.equal(6, vm:wait(LONG).status)
  end)

  with("custom", "takes its place, its parameters and its name from the description", function(kernel)
    local other = CUSTOM:gsub("at = 0xd0000000", "at = 0xd0010000"):gsub("line = 10", "line = 11")
    local vm <close> = new(kernel, other, {},
      { name = "mine", at = 0xd0000000, irq = 10, params = { start = 2 } })
    assert.equal("mine", vm.device.mine.name)
    vm:start()
    assert.equal(8, vm:wait(LONG).status)
  end)

  with("custom", "is one of several, and none knows of another", function(kernel)
    local bare = 'return require("vmoon.device").mmio { name = "%s", size = 4096, registers = { R = { at = 0 } } }'
    local vm <close> = vmoon.new { kernel = kernel, devices = {
      { file = device_file(bare:format "a") }, { file = device_file(CUSTOM) }, { file = device_file(bare:format "b") },
    } }
    vm:start()
    assert.equal(6, vm:wait(LONG).status)
    assert.equal(0, vm.device.a.stats.fast + vm.device.b.stats.fast)
  end)
end)

describe("the ports of kvm-unit-tests in Lua", function()
  with("testdev", "end as QEMU's do", function(kernel)
    local spec = {
      kernel = kernel, debug_exit = false,
      devices = {
        { file = "scripts/devices/debug_exit.lua" },
        { file = "scripts/devices/testdev.lua" },
        { file = "scripts/devices/testdev_mem.lua" },
        { file = "scripts/devices/testdev_irq.lua", name = "line14", at = 0x200e, irq = 14 },
        { file = "scripts/devices/testdev_irq.lua", name = "line15", at = 0x200f, irq = 15 },
      },
    }
    local vm <close> = vmoon.new(spec)
    vm:start()
    local record = vm:wait(LONG)
    assert.same({ "debug-exit", 0x21, 0x21 }, { record.reason, record.status, record.exit_status })
    assert.equal("LEVEL 0x0 = 0x1\n", tostring(vm.device.line14:regs()))
    assert.equal("LEVEL 0x0 = 0x0\n", tostring(vm.device.line15:regs()))
    -- vmoon's own port has n itself, and is in the way of another.
    spec.debug_exit = nil
    assert.matches("0xf4..0xf7 overlaps debug-exit", tostring(raised(vmoon.new, spec)), 1, true)
    table.remove(spec.devices, 1)
    local own <close> = vmoon.new(spec)
    own:start()
    assert.equal(0x10, own:wait(LONG).status)
  end)
end)

describe("an inline device that a guest uses", function()
  with("custom", "is a device as any", function(kernel)
    local dev, start, log = require "vmoon.device", 1, {}
    local custom = dev.mmio {
      name = "custom", at = 0xd0000000, size = 16, irq = "level", line = 10,
      registers = {
        COUNT = { at = 0, access = "ro" },
        POKE = { at = 4, access = "wo", on_write = function(d) d.reg.COUNT = start; d:irq(true) end },
        ACK = { at = 8, access = "wo", on_write = function(d) log[1] = true; d:irq(false) end },
        ADD = { at = 12, access = "wo", on_write = function(d, gpa)
          d.reg.COUNT = d.reg.COUNT + string.unpack("<I4", (d:mem_read(gpa, 4)))
        end },
      },
    }
    for _, devices in ipairs { { custom }, { { device = custom, on_error = "stop" } } } do
      local vm <close> = vmoon.new { kernel = kernel, devices = devices }
      vm:start()
      assert.equal(6, vm:wait(LONG).status)
      assert.equal(3, vm.device.custom.stats.hooks)
    end
    assert.same({}, log) -- the device has one of its own
  end)
end)

describe("a hook that fails", function()
  local BROKEN <const> = CUSTOM:gsub("d:irq%(true%)", 'error("no irq today")')

  with("custom", "pauses the VM, which goes on with new code", function(kernel)
    local path = device_file(BROKEN)
    local vm <close> = vmoon.new { kernel = kernel, name = "a", devices = { { file = path } } }
    vm:start()
    local err = raised(vm.wait, vm, LONG)
    assert.equal("script", err.kind)
    assert.matches("^vm 'a': the VM was paused while waiting for its end .*: "
      .. "device 'custom': on_write of POKE: .*:%d+: no irq today$", err.message)
    assert.equal("paused", vm.state)
    assert.matches("no irq today", log_of(vm), 1, true)
    assert.matches("no irq today", raised(vm.expect, vm, "x").message, 1, true)
    -- Mended: the line is raised by a method, as the guest's write is gone.
    support.write(path:match "[^/]+$", (CUSTOM:gsub("methods = {", "methods = { raise = function(d) d:irq(true) end,")))
    local d = vm.device.custom
    assert.equal(d, d:reload())
    assert.equal(1, d:regs()[1].value)
    d:call "raise"
    vm:resume()
    assert.equal(6, vm:wait(LONG).status)
  end)

  with("custom", "stops it with on_error = stop", function(kernel)
    local vm <close> = new(kernel, BROKEN, {}, { on_error = "stop" })
    vm:start()
    local record = vm:wait(LONG)
    assert.equal("host-error", record.reason)
    assert.matches("device 'custom': on_write of POKE: .*no irq today", record.message)
  end)

  with("custom", "is passed over with on_error = ignore", function(kernel)
    local ignorant = CUSTOM:gsub("d:log%(\"added\"%)", 'error("after all")')
    local vm <close> = new(kernel, ignorant, {}, { on_error = "ignore" })
    vm:start()
    assert.equal(6, vm:wait(LONG).status)
    assert.same({ 1, false }, { vm.device.custom.stats.errors, vm.device.custom.stats.failed })
    assert.matches("after all", vm.device.custom.stats.error)
  end)

  with("custom", "test_y23__for ever ends at its budget, and pause and stop work", function(kernel)
    local endless = CUSTOM:gsub("d:irq%(true%)", "while true do end")
    local vm <close> = new(kernel, endless)
    vm:start()
    assert.matches("budget of 10 ms", raised(vm.wait, vm, LONG).message, 1, true)
    vm:resume()
    vm:pause()
    assert.equal("stopped", vm:stop().reason)
  end)

  with("custom", "in on_reset is told when the VM starts", function(kernel)
    local late = CUSTOM:gsub("registers = {", 'on_reset = function() error("not yet") end, registers = {', 1)
    local vm <close> = new(kernel, late)
    vm:start()
    assert.matches("on_reset: .*not yet", raised(vm.wait, vm, LONG).message)
  end)
end)

describe("the description of a device in Lua", function()
  local BAD <const> = 'local dev = require "vmoon.device"\nreturn dev.mmio { name = "x", sise = 4096,\n'
    .. "  registers = { R = { at = 2, width = 3 } } }\n"

  with("hello", "has its file's mistakes, all of them with their places", function(kernel)
    local path = device_file(BAD)
    local spec = { kernel = kernel, devices = { { file = path } } }
    for _, check in ipairs { vmoon.new, vmoon.check } do
      local err = raised(check, spec)
      assert.equal("config", err.kind)
      assert.matches(path .. ":2:31: sise: ", err.detail, 1, true)
      assert.matches(path .. ":3:39: registers.R.width: ", err.detail, 1, true)
      assert.matches('did you mean "size"?', err.detail, 1, true)
    end
  end)

  with("hello", "has the script's mistakes about it", function(kernel)
    local path = device_file(CUSTOM)
    local function why(device)
      device.file = path
      return raised(vmoon.new, { kernel = kernel, devices = { device } })
    end
    local err = why { params = { start = "two", more = 1 } }
    assert.matches("devices.1.params.start: ", err.detail, 1, true)
    assert.matches("devices.1.params.more: ", err.detail, 1, true)
    assert.matches("devices.1.at: 'custom' is at an address of memory", tostring(why { at = 0x300 }), 1, true)
    local bare = 'return require("vmoon.device").mmio { name = "b", size = 4096, registers = { R = { at = 0 } } }'
    path = device_file(bare)
    assert.matches("devices.1.irq: 'b' has no interrupt", tostring(why { irq = 5 }), 1, true)
    path = device_file('return require("vmoon.device").virtio { name = "v", id = 4, queues = { '
      .. '{ name = "q", size = 4, on_buffer = function() end } } }')
    assert.matches("devices.1.at: 'v' is a virtio device", tostring(why { at = 0xd0000000 }), 1, true)
    path = "/none/such.lua"
    assert.matches("/none/such.lua", tostring(why {}), 1, true)
  end)

  with("hello", "cannot use a place or a name twice", function(kernel)
    local path = device_file(CUSTOM)
    local err = raised(vmoon.new, { kernel = kernel, devices = { { file = path }, { file = path, name = "other" } } })
    assert.matches("other", tostring(err), 1, true)
    assert.is_not_nil(raised(vmoon.new, { kernel = kernel, devices = { { file = path }, { file = path } } }))
    local vm <close> = vmoon.new { kernel = kernel, devices = { { file = path } } }
    assert.equal("custom", vm.device.custom.name)
  end)
end)

describe("a handle of a device", function()
  with("hello", "in Lua has no methods of a disk, and a disk none of it", function(kernel)
    local vm <close> = new(kernel, CUSTOM, { rng = true })
    assert.matches("limit is for disks: 'custom' is a lua-device",
      raised(function() vm.device.custom:limit(nil) end).message, 1, true)
    assert.equal("device 'rng' is a virtio-rng: it is not written in Lua",
      raised(function() vm.device.rng:regs() end).message)
    assert.is_true(collectgarbage "isrunning") -- it waits while a device is looked at
    assert.matches("not written in Lua", raised(function() return vm.device.rng.state end).message, 1, true)
    assert.matches("has no method 'x'", raised(function() vm.device.custom:call "x" end).message, 1, true)
  end)

  with("hello", "is gone with its VM", function(kernel)
    local vm = new(kernel, CUSTOM)
    local d = vm.device.custom
    vm:close()
    assert.equal("vm is closed", raised(function() d:regs() end).message)
    assert.equal("vm is closed", raised(function() d:reload() end).message)
  end)

  with("hello", "keeps a bad reload out", function(kernel)
    local path = device_file(CUSTOM)
    local vm <close> = vmoon.new { kernel = kernel, devices = { { file = path } } }
    local d = vm.device.custom
    support.write(path:match "[^/]+$", "return nothing +")
    assert.is_not_nil(raised(d.reload, d))
    support.write(path:match "[^/]+$", (CUSTOM:gsub("size = 16", "size = 32")))
    assert.matches("size cannot change while it is in use", raised(d.reload, d).message, 1, true)
    support.write(path:match "[^/]+$", (CUSTOM:gsub("at = 12", "at = 12, width = 3")))
    assert.matches("registers.ADD.width", raised(d.reload, d).detail, 1, true)
    assert.same({ 5, 0 }, { d:call("count", 5) })
  end)
end)
