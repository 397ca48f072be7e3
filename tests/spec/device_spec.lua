-- SPDX-License-Identifier: MIT
-- device_spec.lua - devices in Lua on a bench: no guest, no KVM, virtual time.
local vmoon = require "vmoon"

local COUNTER = "scripts/devices/counter.lua"

local function raised(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err
end

-- A device file of its own for one test.
local function with_file(text, f)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
  file:flush()
  local ok, err = pcall(f, path, function(other)
    local again <close> = assert(io.open(path, "w"))
    again:write(other)
  end)
  os.remove(path)
  if not ok then error(err, 0) end
end

describe("counter device", function()
  local b
  before_each(function() b = vmoon.bench { file = COUNTER, params = { hz = 100 } } end)
  after_each(function() b:close() end)

  it("has its reset values", function()
    assert.equal(0x434E5452, b:read32(0x00))
    assert.equal(0, b:read32(0x10))
  end)

  it("counts in virtual time", function()
    b:write32(0x08, 1)
    b:advance(2.5)                                   -- no sleeping: the bench owns the clock
    assert.equal(250, b:read32(0x10))
  end)

  it("raises a level interrupt until STATUS is cleared", function()
    b:write32(0x08, 3)
    assert.is_false(b.irq)
    b:advance(1.0)
    assert.is_true(b.irq)
    b:write32(0x0c, 1)
    assert.is_false(b.irq)
  end)

  it("keeps counting across save and load", function()
    b:write32(0x08, 1); b:advance(1)
    local c <close> = vmoon.bench { file = COUNTER, params = { hz = 100 }, state = b:save() }
    c:advance(1)
    assert.equal(200, c:read32(0x10))
  end)

  it("clears what was counted by a pulse that is not stored", function()
    b:write32(0x08, 1)
    b:advance(1)
    b:write32(0x08, 5)
    assert.equal(1, b:read32(0x08))
    assert.equal(0, b:read32(0x10))
  end)

  it("shows its registers, state, figures and accesses", function()
    b:write32(0x08, 3)
    b:advance(1.25)
    assert.equal(125, b:read32(0x10))
    local regs = b:regs()
    assert.equal("ID", regs[1].name)
    assert.matches("CTRL 0x8 = 0x3 {ENABLE IRQEN}\n", tostring(regs), 1, true)
    assert.matches("STATUS 0xc = 0x1 {TICK}\n", tostring(regs), 1, true)
    for _, reg in ipairs(regs) do
      if reg.name == "CTRL" then
        assert.same({ ENABLE = true, IRQEN = true, CLEAR = false }, reg.fields)
        assert.equal(8, reg.offset)
      end
    end
    assert.same({ base = 0.0, running = true }, b.state)
    local stats = b.stats
    assert.equal(1, stats.by_hook["on_write of CTRL"].calls)
    assert.equal(1, stats.by_hook["timer tick"].calls)
    assert.equal(2, stats.hooks)
    assert.equal(0, stats.errors)
    assert.is_true(stats.hook_max > 0)
    assert.same({ offset = 8, width = 4, value = 3, write = true, register = "CTRL", index = 0 },
      b:log()[1])
    assert.same({ offset = 16, width = 4, value = 125, write = false, register = "COUNT",
      index = 0 }, b:log()[2])
  end)

  it("says which parameter is wrong", function()
    assert.matches("hz", raised(vmoon.bench, { file = COUNTER, params = { hz = 0 } }).detail)
    assert.matches("herz", raised(vmoon.bench, { file = COUNTER, params = { herz = 1 } }).detail)
    assert.matches("must be a table",
      raised(vmoon.bench, { file = COUNTER, params = 1 }).message)
    assert.matches("function",
      raised(vmoon.bench, { file = COUNTER, params = { hz = print } }).message)
    assert.matches("unknown field", raised(vmoon.bench, { file = COUNTER, parms = {} }).message)
    assert.is_not_nil(raised(vmoon.bench, { file = "/none/such.lua" }).message)
  end)
end)

describe("a device in Lua on a bench", function()
  local HEAD = "local dev = require 'vmoon.device' return dev.mmio { name = 'x', size = 64, "

  it("raises what a hook did wrong, once for each, and is all-ones", function()
    with_file(HEAD .. [[registers = {
      R = { at = 0, access = "ro", on_read = function() error("oh no") end } } }]], function(path)
      local b <close> = vmoon.bench { file = path }
      local err = raised(b.read32, b, 0)
      assert.equal("script", err.kind)
      assert.matches("device 'x': on_read of R: .*:2: oh no", err.message)
      assert.matches("oh no", b.stats.error)
      b:advance(1)
      local c <close> = vmoon.bench { file = path, on_error = "ignore" }
      assert.equal(0xffffffff, c:read32(0))
      assert.equal(0xffff, c:read16(0))
      assert.is_false(c.stats.failed)
      assert.equal(0xff, c:read8(0))
      assert.is_true(c.stats.failed)
    end)
  end)

  it("calls methods with plain data both ways", function()
    with_file(HEAD .. [[registers = { R = { at = 0 } }, state = { n = 1 }, methods = {
      echo = function(d, ...) return ... end,
      bad = function() return print end,
      fail = function() error("not today") end,
      set = function(d, v) d.reg.R = v end } }]], function(path)
      local b <close> = vmoon.bench { file = path }
      assert.same({ 1, nil, "x", { a = { 2.5, true } } }, { b:call("echo", 1, nil, "x",
        { a = { 2.5, true } }) })
      assert.equal(3, select("#", b:call("echo", nil, 1, nil)))
      assert.equal(0, select("#", b:call("echo")))
      b:call("set", 77)
      assert.equal(77, b:read32(0))
      assert.matches("not today", raised(b.call, b, "fail").message)
      assert.matches("function", raised(b.call, b, "bad").message)
      assert.matches("has no method 'none'", raised(b.call, b, "none").message)
      assert.matches("function", raised(b.call, b, "echo", print).message)
      assert.equal(0, b.stats.errors)
    end)
  end)

  it("gives what was posted, in order", function()
    with_file(HEAD .. [[registers = { R = { at = 0,
      on_write = function(d, v) d:post("wrote", { v, d:time() }) end } } }]], function(path)
      local b <close> = vmoon.bench { file = path }
      b:write32(0, 5)
      b:advance(0.5)
      b:write32(0, 6)
      assert.same({ { name = "wrote", value = { 5, 0.0 } }, { name = "wrote", value = { 6, 0.5 } } },
        b:events())
      assert.same({}, b:events())
    end)
  end)

  it("does not save what is no plain data, and names it", function()
    with_file(HEAD .. [[state = { cache = {} }, registers = { R = { at = 0,
      on_write = function(d) d.state.cache.fn = print end } } }]], function(path)
      local b <close> = vmoon.bench { file = path }
      assert.equal("string", type(b:save()))
      b:write32(0, 1)
      assert.matches("state%.cache%.fn", raised(b.save, b).message)
      assert.matches("state%.cache%.fn", raised(function() return b.state end).message)
    end)
  end)

  it("reloads: new code, the same registers and state", function()
    local text = HEAD .. [[state = { n = 1 }, registers = { R = { at = 0 }, N = { at = 4,
      on_read = function(d) d.state.n = d.state.n + 1 return d.state.n * %d end } } }]]
    with_file(text:format(1), function(path, rewrite)
      local b <close> = vmoon.bench { file = path }
      b:write32(0, 9)
      assert.equal(2, b:read32(4))
      rewrite("this is no Lua")
      assert.equal("script", raised(b.reload, b).kind)
      assert.equal(3, b:read32(4))
      rewrite(text:format(100))
      b:reload()
      assert.equal(400, b:read32(4))
      assert.equal(9, b:read32(0))
    end)
  end)

  it("shows mistakes of its file with their places, when it is made and when it is read again", function()
    local text = HEAD .. "registers = {\n  R = { at = 0, access = 'rww' },\n  S = { at = 1, idth = 1 } } }"
    with_file(text, function(path, rewrite)
      local function check(err)
        assert.equal("config", err.kind)
        assert.matches(path .. ":2:26: registers.R.access: ", err.detail, 1, true)
        assert.matches(path .. ':3:17: registers.S.idth: unknown field "idth"', err.detail, 1, true)
        assert.matches('hint: did you mean "width"?', err.detail, 1, true)
        assert.equal("registers.R.access", err.problems[1].path)
      end
      check(raised(vmoon.bench, { file = path }))
      rewrite(HEAD .. "registers = { R = { at = 0 } } }")
      local b <close> = vmoon.bench { file = path }
      b:write32(0, 7)
      rewrite(text)
      check(raised(b.reload, b))
      assert.equal(7, b:read32(0))
    end)
    local _, err = pcall(vmoon.bench, { file = COUNTER,
      params = { hz = 0 } })
    assert.matches("device_spec.lua:%d+:23: params.hz: ", err.detail)
  end)

  it("counts edges", function()
    with_file(HEAD .. [[irq = "edge", registers = { R = { at = 0,
      on_write = function(d) d:pulse() end } } }]], function(path)
      local b <close> = vmoon.bench { file = path }
      b:write32(0, 1)
      b:write32(0, 1)
      assert.equal(2, b.edges)
    end)
  end)

  it("answers a doorbell with what is stored", function()
    with_file(HEAD .. [[state = { n = 0 }, registers = { BELL = { at = 0, access = "wo",
      doorbell = true, on_write = function(d) d.state.n = d.state.n + 1 end } } }]], function(path)
      local b <close> = vmoon.bench { file = path }
      b:write32(0, 1)
      b:write32(0, 1)
      assert.equal(2, b.state.n)
    end)
  end)

  it("is closed once and for all", function()
    local b = vmoon.bench { file = COUNTER }
    b:close()
    b:close()
    assert.matches("closed", raised(b.regs, b).message)
    assert.matches("not in Lua", raised(function()
      local c <close> = vmoon.bench { device = "rng" }
      return c.state
    end).message)
  end)
end)

describe("the devices that ship", function()
  it("gpio: edges of inputs interrupt, outputs are told", function()
    local b <close> = vmoon.bench { file = "scripts/devices/gpio.lua" }
    b:write32(0x18, 1 << 5) -- MASK
    b:write32(0x0c, 1 << 5) -- RISE
    b:call("set", 5, true)
    assert.is_true(b.irq)
    assert.equal(1 << 5, b:read32(0x14))
    b:write32(0x14, 1 << 5)
    assert.is_false(b.irq)
    b:write32(0x08, 1)
    b:write32(0x04, 1)
    assert.same({ { name = "lines", value = 33 } }, b:events())
  end)

  it("pl031: begins at its parameter and alarms", function()
    local b <close> = vmoon.bench { file = "scripts/devices/pl031.lua", params = { start = 1000 } }
    assert.equal(1000, b:read32(0))
    b:write32(0x10, 1)
    b:write32(0x04, 1003)
    b:advance(2.5)
    assert.equal(1002, b:read32(0))
    assert.is_false(b.irq)
    b:advance(0.5)
    assert.is_true(b.irq)
    b:write32(0x1c, 1)
    assert.is_false(b.irq)
    assert.equal(0x31, b:read32(0xfe0))
    assert.equal(0xb1, b:read32(0xffc))
  end)

  it("uart: prints lines and types", function()
    local b <close> = vmoon.bench { file = "scripts/devices/uart.lua" }
    for c in ("hello\n"):gmatch(".") do b:write8(0, c:byte()) end
    assert.same({ { name = "tx", value = "hello\n" } }, b:events())
    b:write8(0, 65)
    b:advance(0.1)
    assert.same({ { name = "tx", value = "A" } }, b:events())
    b:write8(1, 1)
    assert.equal(2, b:call("type", "ok"))
    assert.is_true(b.irq)
    assert.equal(0xc4, b:read8(2))
    assert.equal(("o"):byte(), b:read8(0))
    assert.equal(("k"):byte(), b:read8(0))
    assert.is_false(b.irq)
  end)

  it("debug_exit and testdev", function()
    local b <close> = vmoon.bench { file = "scripts/devices/debug_exit.lua" }
    b:write32(0, 3)
    assert.same({ { name = "exit", value = 7 } }, b:events())
    local t <close> = vmoon.bench { file = "scripts/devices/testdev.lua" }
    t:write32(0, 0x12345678)
    assert.equal(0x56, t:read8(1))
  end)
end)
