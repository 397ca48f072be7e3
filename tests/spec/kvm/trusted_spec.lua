-- SPDX-License-Identifier: MIT
-- trusted_spec.lua - devices with a thread of their own: trusted ones with all
-- of Lua, whose accesses wait for that thread, and ones that only asked for it.
local support = assert(loadfile "tests/spec/kvm/support.lua")(it, pending)
local vmoon = require "vmoon"
local with, raised = support.with, support.raised

local LONG <const> = { timeout = 600 } -- a hang guard

-- What tests/guest/custom.S wants: one poke, one add, the count as its status.
-- EARLY runs with the file, POKE in the hook, before the count is raised.
local CUSTOM <const> = [[
local dev = require "vmoon.device"
EARLY
return dev.mmio {
  name = "custom", at = 0xd0000000, size = 16, irq = "level", line = 10,
  params = { path = { type = "string", default = "" } },
  state = { adds = 0, threads = {} },
  registers = {
    COUNT = { at = 0, access = "ro" },
    POKE = { at = 4, access = "wo", on_write = function(d)
      POKE
      d.reg.COUNT = d.reg.COUNT + 1
      d:irq(true)
    end },
    ACK = { at = 8, access = "wo", on_write = function(d) d:irq(false) end },
    ADD = { at = 12, access = "wo", on_write = function(d, gpa)
      d.reg.COUNT = d.reg.COUNT + string.unpack("<I4", (assert(d:mem_read(gpa, 4))))
      d.state.adds = d.state.adds + 1
    end },
  },
  methods = { count = function(d) return d.reg.COUNT end },
  on_reset = function(d) d.state.resets = (d.state.resets or 0) + 1 end,
}
]]

-- The name of the thread that runs this.
local THREAD <const> = [[
local f = assert(io.open("/proc/thread-self/comm"))
d.state.threads[#d.state.threads + 1] = f:read "l"
f:close()
]]

-- Waits for a file to be there, for ever.
local WAIT <const> = [[
assert(io.open(d.params.path .. ".waits", "w")):close()
while true do
  local f = io.open(d.params.path)
  if f then f:close() break end
  os.execute "sleep 0.01"
end
]]

local count = 0
local function custom(poke, early)
  count = count + 1
  local text = CUSTOM:gsub("EARLY\n", function() return (early or "") .. "\n" end)
    :gsub("POKE\n", function() return (poke or "") .. "\n" end)
  return support.write(("trusted%d.lua"):format(count), text)
end

local function new(kernel, path, use, more)
  local spec = { kernel = kernel, name = "a", devices = { { file = path, trusted = true } } }
  for key, value in pairs(use or {}) do spec.devices[1][key] = value end
  for key, value in pairs(more or {}) do spec[key] = value end
  return vmoon.new(spec)
end

-- A path of nothing, which open() makes.
local function gate()
  count = count + 1
  local path = support.write(("gate%d"):format(count), "")
  os.remove(path)
  return path, function() assert(io.open(path, "w")):close() end
end

-- Runs until the hook waits.
local function start_waiting(vm, path)
  vm:start()
  repeat
    vmoon.sleep(0.01)
    local f = io.open(path .. ".waits")
  until f and f:close()
end

teardown(support.clean)

describe("a trusted device", function()
  with("custom", "has all of Lua, on a thread of its own that has no sandbox", function(kernel)
    local vm <close> = new(kernel, custom(THREAD .. "os.execute 'exit 3'"))
    vm:start()
    assert.equal(6, vm:wait(LONG).status)
    local d = vm.device.custom
    assert.same({ "vmoon-trusted0" }, d.state.threads)
    assert.equal(1, d.state.adds)
    assert.equal(6, d:call "count")
    assert.equal(4, d.stats.hooks + d.stats.fast)
    assert.equal("lua-device", d.type)
  end)

  with("custom", "runs its file once, and reads others beside it", function(kernel)
    local runs = support.write("runs", "")
    support.write("beside.lua", "return { name = 'beside' }")
    local path = custom(nil, ([[
      assert(require("beside").name == "beside")
      local f = assert(io.open(%q, "a"))
      f:write "x"
      f:close()
    ]]):format(runs))
    local f <close> = assert(io.open(path, "r+"))
    local text = f:read("a"):gsub("size = 16,", "%0 budget = 0.5,") -- of no use to it
    f:seek "set"
    f:write(text):flush()
    local vm <close> = new(kernel, path)
    vm:start()
    assert.equal(6, vm:wait(LONG).status)
    assert.equal("x", (assert(io.open(runs)):read "a"))
  end)

  with("custom", "has no limit of time", function(kernel)
    local vm <close> = new(kernel, custom "local t = os.clock() while os.clock() - t < 0.2 do end")
    vm:start()
    assert.equal(6, vm:wait(LONG).status)
    local stats = vm.device.custom.stats
    assert.equal(0, stats.errors)
    assert.is_true(stats.by_hook["on_write of POKE"].worst > 0.02) -- its budget is 0.01
  end)

  with("custom", "that takes its time holds up no pause, no resume and no stop", function(kernel)
    local path, open = gate()
    local vm <close> = new(kernel, custom(WAIT), { params = { path = path } })
    start_waiting(vm, path)
    vm:pause()
    assert.equal("paused", vm.state)
    vm:resume()
    assert.equal("running", vm.state)
    vm:pause()
    open()
    vmoon.sleep(0.05)
    assert.equal("paused", vm.state)
    vm:resume()
    assert.equal(6, vm:wait(LONG).status)
    -- And the end of a VM whose device never comes back to it.
    local shut, let_go = gate()
    local other <close> = new(kernel, custom(WAIT), { params = { path = shut } })
    start_waiting(other, shut)
    other:stop()
    assert.equal("stopped", other.state)
    let_go() -- close waits for it
  end)

  with("custom", "says what is wrong with its hooks and its file", function(kernel)
    local vm <close> = new(kernel, custom "error 'no way'", { on_error = "stop" })
    vm:start()
    assert.equal("host-error", vm:wait(LONG).reason)
    assert.matches("on_write of POKE: .*no way", vm.device.custom.stats.error)
    local err = raised(new, kernel, custom(nil, "local x = nil + 1"))
    assert.matches("trusted%d+%.lua:2: attempt to perform arithmetic", tostring(err))
    local bad = 'return require("vmoon.device").mmio {\n  sise = 4,\n  size = 2 }'
    local path = support.write("bad.lua", bad)
    for _, trusted in ipairs { true, false } do -- the same words
      err = raised(new, kernel, path, { trusted = trusted, params = { more = 1 } })
      assert.matches(path .. ":2:3: sise: unknown field", err.detail, 1, true)
      assert.matches("trusted_spec.lua:%d+.-devices.1.params.more: ", err.detail)
      assert.matches('hint: did you mean "size"?', err.detail, 1, true)
    end
    err = raised(new, kernel, "/none/such.lua")
    assert.matches("/none/such.lua", tostring(err), 1, true)
    local inline = require("vmoon.device").mmio { name = "i", size = 4, registers = { R = { at = 0 } } }
    err = raised(vmoon.new, { kernel = kernel, devices = { { device = inline, trusted = true } } })
    assert.matches("devices.1.trusted: only a file can be trusted", tostring(err), 1, true)
  end)

  with("custom", "is not run to be checked", function(kernel)
    local path = custom(nil, "os.exit(9)")
    local spec = { kernel = kernel, devices = { { file = path, trusted = true } } }
    assert.is_true(vmoon.check(spec))
    local script = support.write("check.lua", ([[
      local vmoon = require "vmoon"
      return { kernel = %q, devices = { { file = %q, trusted = true } } }]]):format(kernel, path))
    local p = assert(io.popen(("vmoon check %s; echo status $?"):format(script)))
    local text = p:read "a"
    p:close()
    assert.matches("status 0", text, 1, true)
  end)

  with("custom", "that is at something for long is not waited for without end", function(kernel)
    local path, open = gate()
    -- The guest stands until its interrupt: a timer's VM must not be over.
    local file = custom "d:set_timer('wait', 0.0001) do return end"
    local before = assert(io.open(file)):read "a"
    local busy = before:gsub("methods = {", function(m)
      return "timers = { wait = function(d)\nif not io.open(d.params.path .. '.asks') then "
        .. "return d:set_timer('wait', 0.001) end\n" .. WAIT
        .. "d.reg.COUNT = d.reg.COUNT + 1\nd:irq(true) end },\n" .. m
    end)
    assert(io.open(file, "w")):write(busy):close()
    local vm <close> = new(kernel, file, { params = { path = path } })
    local d = vm.device.custom
    -- The new code's file asks the old one's timer to be at work, and takes until it is.
    local closed = ("%s.closed"):format(path)
    assert(io.open(file, "w")):write(([[
      local p <const> = %q
      io.open(p .. ".asks", "w"):close()
      repeat local f = io.open(p .. ".waits") until f and f:close()
      local at_end = setmetatable({}, { __gc = function() io.open(p .. ".closed", "w"):close() end })
    ]]):format(path), busy):close()
    vm:start()
    local err = raised(d.reload, d)
    open()
    assert.matches("custom: its own code has been busy for 10 s", tostring(err), 1, true)
    assert(io.open(closed), "the new code is still there"):close()
    os.remove(closed)
    os.remove(path .. ".asks")
    assert.equal(6, vm:wait(LONG).status)
  end)

  with("custom", "that takes its time holds up no hook that another device has in the script", function(kernel)
    local path, open = gate()
    local mmio, pokes = require("vmoon.device").mmio, 0
    local function poke() pokes = pokes + 1 end
    local slow = support.write("slow.lua", ([[
      local dev = require "vmoon.device"
      return dev.mmio { name = "slow", size = 4, registers = { R = { at = 0 } },
        params = { path = { type = "string" } },
        timers = { t = function(d)
          %s
        end },
        on_reset = function(d) d:set_timer("t", 0.0001) end }]]):format(WAIT))
    local vm <close> = vmoon.new { kernel = kernel, devices = {
      { file = slow, trusted = true, params = { path = path } },
      mmio { name = "custom", at = 0xd0000000, size = 16, irq = "level", line = 10, where = "script", registers = {
        COUNT = { at = 0, access = "ro" },
        POKE = { at = 4, access = "wo", on_write = function(d)
          poke()
          d.reg.COUNT = 7
          d:irq(true)
        end },
        ACK = { at = 8, access = "wo", on_write = function(d) d:irq(false) end },
        ADD = { at = 12, access = "wo" } } } } }
    local _ <close> = setmetatable({}, { __close = open }) -- close waits for it
    start_waiting(vm, path)
    assert.equal(7, vm:wait(LONG).status)
    assert.equal(1, pokes)
  end)

  with("custom", "is loaded anew, with its state", function(kernel)
    local path = custom()
    local vm <close> = new(kernel, path)
    local text = CUSTOM:gsub("EARLY\n", "assert(io.open)\n"):gsub("POKE\n", "d.reg.COUNT = d.reg.COUNT + 2\n")
    local f = assert(io.open(path, "w"))
    f:write(text)
    f:close()
    vm.device.custom:reload()
    vm:start()
    assert.equal(8, vm:wait(LONG).status)
  end)
end)

describe("a device with a worker of its own", function()
  local TICKS <const> = [[
    local dev = require "vmoon.device"
    return dev.mmio {
      name = "custom", at = 0xd0000000, size = 16, irq = "level", line = 10, worker = "own",
      state = { ticks = 0 },
      registers = {
        COUNT = { at = 0, access = "ro", on_read = function(d) return d.state.ticks end },
        POKE = { at = 4, access = "wo", posted = true, on_write = function(d)
          d:set_timer("tick", 0.001)
        end },
        ACK = { at = 8, access = "wo", on_write = function(d) d:irq(false) end },
        ADD = { at = 12, access = "wo" },
      },
      timers = { tick = function(d)
        d.state.ticks = d.state.ticks + 1
        if d.state.ticks == 3 then d:irq(true) else d:set_timer("tick", 0.001) end
      end },
    }
  ]]

  with("custom", "has its timers and posted writes there, in a sandbox", function(kernel)
    local vm <close> = new(kernel, support.write("own.lua", TICKS), { trusted = false })
    vm:start()
    assert.equal(3, vm:wait(LONG).status)
    assert.equal(0, vm.device.custom.stats.errors)
  end)
end)
