-- SPDX-License-Identifier: MIT
-- inline_device_spec.lua - devices that a script describes itself: what moves
-- to the device's own state, and what is said of what cannot.
local vmoon = require "vmoon"
local dev = require "vmoon.device"

local function raised(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err
end

local function bench(device, fields)
  local spec = { device = device }
  for key, value in pairs(fields or {}) do spec[key] = value end
  return vmoon.bench(spec)
end

-- A device whose only register reads what f(d) gives.
local function reading(f, fields)
  local device = { name = "x", size = 64, registers = { R = { at = 0, width = 8, access = "ro", on_read = f } } }
  for key, value in pairs(fields or {}) do device[key] = value end
  return dev.mmio(device)
end

local function read(f, fields)
  local b <close> = bench(reading(f, fields))
  return b:read64(0)
end

describe("an inline device", function()
  it("is what vmoon.device makes, in a state of its own", function()
    assert.equal(dev, vmoon.device)
    local hits = 0
    local b <close> = bench(dev.mmio {
      name = "x", size = 64, state = { n = 1 },
      registers = { A = { at = 0, on_write = function(d, v) hits = hits + v; d.state.n = hits end } },
    })
    b:write32(0, 5)
    b:write32(0, 2)
    assert.same({ n = 7 }, b.state)
    assert.equal(0, hits) -- the script's own variable
    assert.equal(2, b:regs()[1].value)
    assert.equal(2, b.stats.hooks)
  end)

  it("takes along what its functions have captured", function()
    local number, text, flag, nothing = 2.5, "a\0b", true, nil
    local list = { 10, { deep = { 20 } }, [-1] = "x" }
    assert.equal(1 + 3 + 10 + 20, read(function()
      assert(flag and nothing == nil and list[-1] == "x" and number == 2.5)
      return 1 + #text + list[1] + list[2].deep[1]
    end))
  end)

  it("shares a captured variable between its functions", function()
    local count = 0
    local function up() count = count + 1 end
    local b <close> = bench(dev.pio {
      name = "x", size = 8,
      registers = {
        A = { at = 0, width = 1, access = "wo", on_write = function() up() end },
        B = { at = 1, width = 1, access = "ro", on_read = function() return count end },
      },
    })
    b:write8(0, 1)
    b:write8(0, 1)
    assert.equal(2, b:read8(1))
  end)

  it("has functions that call themselves, each other and the library", function()
    local floor, str = math.floor, string
    local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end
    local is_odd
    local function is_even(n) return n == 0 or is_odd(n - 1) end
    function is_odd(n) return n ~= 0 and is_even(n - 1) end
    assert.equal(55, read(function() return fib(10) end))
    assert.equal(1, read(function() return is_even(10) and not is_even(7) and 1 or 0 end))
    assert.equal(7 + 3, read(function() return floor(7.9) + #str.rep("x", 3) end))
    assert.equal(4, read(function() return math.max(4, #tostring(12)) end))
  end)

  it("has a captured table for each variable, in snapshots only its state", function()
    local shared = { 1 }
    local function first() return shared end
    assert.equal(1, read(function() return first() == shared and 1 or 0 end))
    local b <close> = bench(reading(function(d) d.state.n = d.state.n + 1; return d.state.n end, { state = { n = 0 } }))
    assert.equal(1, b:read64(0))
    local device = reading(function(d) d.state.n = d.state.n + 1; return d.state.n end, { state = { n = 0 } })
    local one <close> = bench(device)
    one:read64(0)
    local two <close> = bench(device, { state = one:save() })
    assert.equal(2, two:read64(0))
    assert.is_not_nil(raised(bench, reading(function() return 1 end), { state = one:save() }))
  end)

  it("goes on after a reload with what the script wrote", function()
    local b <close> = bench(reading(function(d) d.state.n = d.state.n + 1; return d.state.n end, { state = { n = 0 } }))
    b:read64(0)
    assert.equal(b, b:reload())
    assert.equal(2, b:read64(0))
  end)

  it("may be of virtio", function()
    local served = 0
    local b <close> = bench(dev.virtio {
      name = "r", id = 4, state = { served = 0 },
      queues = { { name = "request", size = 8, on_buffer = function(d, buf)
        served = served + buf.writable
        d.state.served = served
        buf:write(("z"):rep(buf.writable))
      end } },
    })
    b:probe()
    assert.equal("zzzz", (b:request(0, { ["in"] = 4 })))
    assert.same({ served = 4 }, b.state)
  end)
end)

describe("what an inline device", function()
  it("test_y_19__captures and cannot take along is named, all of it", function()
    local file, thread = io.stdout, coroutine.create(function() end)
    local cycle = {}
    cycle.me = cycle
    local object = setmetatable({}, {})
    local err = raised(bench, dev.mmio {
      name = "x", size = 64, state = { at = cycle },
      registers = {
        A = { at = 0, on_write = function() return file end },
        B = { at = 4, on_write = function() return thread end },
        C = { at = 8, on_write = function() return object end },
        D = { at = 12, on_write = function() return vmoon end },
        E = { at = 16, on_write = io.write },
      },
      timers = { t = function() return cycle end },
    })
    assert.equal("config", err.kind)
    assert.equal("7 problems in an inline device", err.message)
    for _, said in ipairs {
      "device.registers.A.on_write: the function captures 'file' (userdata), which cannot move to the device's own",
      "device.registers.B.on_write: the function captures 'thread' (thread), which cannot move",
      "device.registers.C.on_write: the function captures 'object' (table), which cannot move to the device's own "
        .. "state: there is a table with a metatable",
      "device.registers.D.on_write: the function captures 'vmoon' (table), which cannot move",
      "device.registers.E.on_write: a function of C cannot move",
      "device.state.at.me: a table that contains itself cannot move",
      "device.timers.t: the function captures 'cycle' (table), which cannot move to the device's own state: "
        .. "there is a table that contains itself",
      "hint: pass plain values in params, or keep them in state",
    } do
      assert.matches(said, err.detail, 1, true)
    end
  end)

  it("has wrong is said with its place in the script", function()
    local function script(text)
      return raised(assert(load('local vmoon, dev = require "vmoon", require "vmoon.device"\n' .. text)))
    end
    local err = script [[vmoon.bench { device = dev.mmio { name = "x", sise = 64,
      registers = { A = { at = 0, width = 3, on_write = function() return vmoon end } } } }]]
    assert.equal("4 problems in an inline device", err.message)
    assert.matches(':2:47: device.sise: unknown field "sise"', err.detail, 1, true)
    assert.matches(':3:43: device.registers.A.width: expected 1, 2, 4 or 8', err.detail, 1, true)
    assert.matches(':3:57: device.registers.A.on_write: the function captures', err.detail, 1, true)
    err = script [[vmoon.bench { device = dev.mmio { name = "x", sise = 64,
      registers = { A = { at = 0, width = 3 } } } }]]
    assert.equal("3 problems in an inline device", err.message)
    assert.matches(':2:47: device.sise: unknown field "sise"', err.detail, 1, true)
    assert.matches(':3:43: device.registers.A.width: expected 1, 2, 4 or 8', err.detail, 1, true)
    err = script [[local d = dev.mmio({ name = "x", size = 64, irq = "lever", registers = { A = { at = 0 } } })
      vmoon.bench { device = d }]]
    assert.matches(":2:51: device.irq: ", err.detail, 1, true)
    err = script [[vmoon.check { kernel = "/dev/null", devices = { dev.pio { name = "x", size = 3.5 } } }]]
    assert.is_not_nil(err.detail)
    assert.is_not_nil(raised(bench, dev.mmio {}))
    assert.matches("table expected", raised(dev.mmio, 5))
  end)

  it("does wrong ends where a file's does", function()
    local b <close> = bench(reading(function() while true do end end))
    assert.matches("budget of 10 ms", raised(b.read64, b, 0).message, 1, true)
    local c <close> = bench(reading(function() return _G.print_it() end))
    assert.matches("inline_device_spec.lua:%d+: .*print_it", raised(c.read64, c, 0).message)
    local d <close> = bench(reading(function() return io.open("/etc/passwd") end))
    assert.matches("io", raised(d.read64, d, 0).message, 1, true)
  end)

  it("is a table that vmoon.device has not seen is refused, with what to write", function()
    local err = raised(vmoon.bench, { device = { size = 16, registers = { R = { at = 0 } } } })
    assert.equal("bench: device is a plain table", err.message)
    assert.matches("vmoon.device.mmio", tostring(err), 1, true)
  end)

  it("is beside a file is refused", function()
    assert.matches("one of both", raised(bench, reading(function() return 1 end), { file = "x.lua" }).message, 1, true)
  end)

  it("is in the description of a VM is checked as a file is", function()
    local kernel = os.tmpname()
    assert(io.open(kernel, "w")):write("x"):close()
    local bad = dev.mmio { name = "x", sise = 64, registers = { A = { at = 0 } } }
    for _, devices in ipairs { { bad }, { { device = bad, name = "y" } } } do
      local err = raised(vmoon.check, { kernel = kernel, devices = devices })
      assert.matches('devices.1[.device]*.sise: unknown field "sise"', err.detail)
    end
    local params = { n = { type = "integer" } }
    local good = dev.mmio { name = "x", size = 64, params = params, registers = { A = { at = 0 } } }
    assert.is_true(vmoon.check { kernel = kernel, devices = { { device = good, params = { n = 1 } } } })
    local both = { device = good, file = kernel, params = { n = 1 } }
    local err = raised(vmoon.check, { kernel = kernel, devices = { both } })
    assert.matches("it is one of both", err.detail, 1, true)
    err = raised(vmoon.check, { kernel = kernel, devices = { { device = {} } } })
    assert.matches("devices.1.device: expected a device, as dev.mmio { ... } makes it", err.detail, 1, true)
    err = raised(vmoon.check, { kernel = kernel, devices = { { name = "x" } } })
    assert.matches('devices.1: missing required field "file"', err.detail, 1, true)
    err = raised(vmoon.check, { kernel = good, devices = { { device = good, params = { m = 1 } } } })
    assert.matches("kernel: expected a path or a table, got device", err.detail, 1, true)
    os.remove(kernel)
  end)
end)

describe("a hook with where = script", function()
  local seen, b
  before_each(function() seen = {} end)
  after_each(function() if b then b:close() end end)

  -- A register R of a device whose other registers are plain.
  local function open(r, fields)
    r.at, r.where = 0, "script"
    local device = {
      name = "x", size = 64, irq = "level", state = { n = 1, list = { 10, 20 } },
      params = { p = { type = "integer", default = 9 } },
      registers = { R = r, S = { at = 4, fields = { LOW = { bits = { 0, 3 } }, HIGH = { bit = 4 } } } },
      methods = { twice = function(_, x) return 2 * x, { x } end },
    }
    for key, value in pairs(fields or {}) do device[key] = value end
    b = bench(dev.mmio(device))
  end

  it("has the script's variables, and d", function()
    open {
      fields = { LOW = { bits = { 0, 3 } }, HIGH = { bit = 4 } },
      on_write = function(d, new, old)
        seen[#seen + 1] = { new, old }
        d.state.n = d.state.n + d.params.p + d.state.list[2]
        d.reg.S = 0x11
        d.reg.S.LOW = 7
        d:irq(new.HIGH)
      end,
      on_read = function(d) return #seen * 100 + d.state.n + d.reg.S.LOW end,
    }
    b:write32(0, 0x13)
    assert.same({ { { LOW = 3, HIGH = true }, { LOW = 0, HIGH = false } } }, seen)
    assert.equal(0x17, b:read32(4))
    assert.is_true(b.irq)
    assert.equal(100 + 30 + 7, b:read32(0))
    assert.equal(30, b.state.n)
    assert.equal(2, b.stats.hooks)
  end)

  it("may be of all registers", function()
    open({ on_read = function() return 5 end }, { where = "script" })
    assert.equal(5, b:read32(0))
  end)

  it("calls what the device has, and gets plain data back", function()
    open { on_write = function(d)
      seen.refused = { d:mem_read(1 << 40, 4) }
      seen.time = d:time()
      seen.wrong = { pcall(function() return d.nothing end) }
      seen.set = { pcall(function() d.reg.S.NONE = 1 end) }
    end }
    b:write32(0, 1)
    assert.is_nil(seen.refused[1])
    assert.matches("not all of it is guest memory", seen.refused[2], 1, true)
    assert.equal(0.0, seen.time)
    assert.same({ false, "d has no 'nothing'" }, seen.wrong)
    assert.is_false(seen.set[1])
    assert.is_not_nil(tostring(seen.set[2]):match "NONE")
  end)

  it("raises what it raises, an assertion as well, and works afterwards", function()
    local mistake = { code = 5 }
    open { on_read = function() if seen.bad then error(mistake) end return 6 end }
    seen.bad = true
    assert.equal(mistake, raised(b.read32, b, 0))
    assert.equal(1, b.stats.errors)
    seen.bad = false
    assert.equal(6, b:read32(0))
  end)

  it("test_y23__gives no more than a register holds", function()
    open { on_read = function() return seen.value end }
    for _, value in ipairs { "text", {}, 1.5, print } do
      seen.value = value
      assert.is_not_nil(raised(b.read32, b, 0))
    end
    seen.value = 8
    assert.equal(8, b:read32(0))
  end)

  it("cannot use the bench, nor d later", function()
    open { on_write = function(d)
      seen.d = d
      seen.said = { pcall(b.read32, b, 4) }
      seen.closed = { pcall(b.close, b) }
    end }
    b:write32(0, 1)
    assert.equal("bench: a hook of its device runs", seen.said[2].message)
    assert.equal("bench: a hook of its device runs", seen.closed[2].message)
    assert.matches("d is for hooks, while they run", raised(function() return seen.d.state end), 1, true)
    assert.matches("d is for hooks", raised(function() seen.d.state = 1 end), 1, true)
  end)

  it("is for the script that wrote it, and no file has one", function()
    local kernel = os.tmpname()
    assert(io.open(kernel, "w")):write("x"):close()
    local device = dev.mmio {
      name = "x", size = 64, registers = { R = { at = 0, where = "script", on_read = function() return 1 end } },
    }
    assert.is_true(vmoon.check { kernel = kernel, devices = { device } })
    local path = os.tmpname()
    assert(io.open(path, "w")):write([[
      return require "vmoon.device".mmio {
        name = "x", size = 64, registers = { R = { at = 0, where = "script", on_read = function() return 1 end } },
      }]]):close()
    local err = raised(vmoon.check, { kernel = kernel, devices = { { file = path } } })
    assert.matches('registers.R.where: "script" is for devices that a script writes inline', err.detail, 1, true)
    os.remove(path)
    os.remove(kernel)
  end)
end)
