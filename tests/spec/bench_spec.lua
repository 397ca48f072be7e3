-- SPDX-License-Identifier: MIT
-- bench_spec.lua - devices tested by scripts: no guest, no KVM, virtual time.
local support = dofile "tests/spec/support.lua"
local vmoon = require "vmoon"

local MAGIC, STATUS = 0x74726976, 0x70

-- What f raises, which must be a vmoon.Error.
local function raised(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err
end

describe("a disk on a bench", function()
  local b

  before_each(function()
    b = vmoon.bench { device = "blk", params = { size = "64K", id = "root" } }
    b:probe()
  end)
  after_each(function() b:close() end)

  it("keeps what it was written", function()
    local bytes = ("vmoon!"):rep(512):sub(1, 1024)
    b:write(3, bytes)
    b:flush()
    assert.equal(bytes, b:read(3, 2))
    assert.equal(("\0"):rep(512), b:read(5, 1))
  end)

  it("names itself, zeroes and discards", function()
    assert.equal("root", b:id())
    b:write(0, ("x"):rep(1024))
    b:zeroes(0, 1)
    assert.equal(("\0"):rep(512) .. ("x"):rep(512), b:read(0, 2))
    b:discard(1, 1)
  end)

  it("answers with an error past its end", function()
    assert.equal("device", raised(b.read, b, 127, 2).kind)
    assert.equal(512, #b:read(127, 1))
  end)

  it("fails on cue, once", function()
    b:fault { op = "write", nth = 3, errno = "EIO" }
    b:write(0, ("a"):rep(512))
    b:write(1, ("b"):rep(512))
    assert.matches("IOERR", raised(b.write, b, 2, ("c"):rep(512)).message)
    b:write(2, ("c"):rep(512))
    assert.equal("c", b:read(2, 1):sub(1, 1))
  end)

  it("goes on after a short transfer", function()
    b:fault { op = "write", moved = 100 }
    b:write(0, ("z"):rep(512))
    assert.equal(("z"):rep(512), b:read(0, 1))
  end)

  it("holds a request until it is released", function()
    b:fault { op = "any", held = true }
    b:poke(0x1000, string.pack("<I4I4I8", 1, 0, 7))
    b:poke(0x2000, ("h"):rep(512))
    local head = b:offer(0, {
      { gpa = 0x1000, len = 16 }, { gpa = 0x2000, len = 512 }, { gpa = 0x3000, len = 1, write = true },
    })
    b:kick(0)
    assert.equal(1, b.held)
    assert.is_nil(b:take(0))
    b:release()
    assert.equal(head, (b:take(0)))
    assert.equal(("h"):rep(512), b:read(7, 1))
  end)

  it("raises an interrupt until it is acknowledged", function()
    assert.is_false(b.irq)
    b:flush()
    assert.is_true(b.irq)
    assert.equal(1, b:interrupt())
    assert.is_false(b.irq)
  end)

  it("takes no write when it is read-only", function()
    local c <close> = vmoon.bench { device = "blk", params = { readonly = true } }
    c:probe()
    assert.equal("device", raised(c.write, c, 0, ("x"):rep(512)).kind)
    assert.equal(512, #c:read(0, 1))
  end)
end)

describe("entropy on a bench", function()
  it("is the same for the same seed", function()
    local a <close> = vmoon.bench { device = "rng", params = { seed = 7 } }
    local b <close> = vmoon.bench { device = "rng", params = { seed = 7 } }
    a:probe()
    b:probe { features = 0 }
    local bytes, written = a:request(0, { ["in"] = 512 })
    assert.equal(512, #bytes)
    assert.equal(512, written)
    assert.equal(bytes, (b:request(0, { ["in"] = 512 })))
  end)

  it("waits for its limit in virtual time", function()
    local b <close> = vmoon.bench { device = "rng", params = { rate = 100, burst = 100 } }
    b:probe()
    b:request(0, { ["in"] = 100 })
    b:offer(0, { { gpa = 0x1000, len = 50, write = true } })
    b:kick(0)
    assert.is_nil(b:take(0))
    b:advance(1.0) -- no sleeping: the bench owns the clock
    local head, len = b:take(0)
    assert.is_number(head)
    assert.is_true(len > 0)
  end)
end)

describe("a console on a bench", function()
  it("has bytes both ways", function()
    local b <close> = vmoon.bench { device = "console" }
    b:probe { features = 0 }
    b:request(1, { out = "login: " })
    assert.equal("login: ", b:output())
    assert.equal("", b:output())
    b:offer(0, { { gpa = 0x1000, len = 64, write = true } })
    b:kick(0)
    assert.equal(5, b:input "root\n")
    local _, len = b:take(0)
    assert.equal("root\n", b:peek(0x1000, len))
  end)
end)

describe("a register device on a bench", function()
  it("sends, receives and interrupts", function()
    local b <close> = vmoon.bench { device = "uart16550" }
    b:write8(0, ("A"):byte())
    assert.equal("A", b:output())
    b:write8(1, 1)
    assert.equal(1, b:input "x")
    assert.is_true(b.irq)
    assert.equal(("x"):byte(), b:read8(0))
    assert.is_false(b.irq)
  end)

  it("is there for each name that the manual has", function()
    for _, device in ipairs { "blk", "rng", "console", "uart16550", "rtc-cmos", "rtc-pl031" } do
      local b <close> = vmoon.bench { device = device }
      b:reset()
      assert.equal("string", type(b:save()))
    end
  end)

  it("keeps the clock of a PC", function()
    local b <close> = vmoon.bench { device = "rtc-cmos" }
    local function second()
      b:write8(0, 0)
      return b:read8(1)
    end
    local before = second()
    b:advance(2)
    assert.not_equal(before, second())
    b:write8(0, 0x0f) -- where firmware keeps why the CPU was reset
    b:write8(1, 0x55)
    assert.equal(0x55, b:read8(1))
    b:write8(0, 0x8f) -- asks for a reset, of which a bench has nobody to tell
    b:write8(1, 0)
    assert.equal(0x8f, b:read8(0) | 0x8f)
  end)

  it("counts virtual seconds", function()
    local b <close> = vmoon.bench { device = "rtc-pl031" }
    local before = b:read32(0)
    b:advance(2.5)
    assert.equal(2, b:read32(0) - before)
  end)
end)

describe("registers", function()
  it("are those of virtio over MMIO", function()
    local b <close> = vmoon.bench { device = "rng" }
    assert.equal(MAGIC, b:read32(0))
    assert.equal(4, b:read32(8))
    assert.equal(0, b:read8(0)) -- no such width: 0, and counted
    assert.equal(1, b.faults)
    b:write32(STATUS, 1)
    b:write32(STATUS, 3)
    assert.equal(3, b:read32(STATUS))
    b:reset()
    assert.equal(0, b:read32(STATUS))
  end)
end)

describe("a saved bench", function()
  it("goes on in another one", function()
    local b <close> = vmoon.bench { device = "rng", memory = "1M" }
    b:probe()
    b:poke(0x100, "remember")
    local c <close> = vmoon.bench { device = "rng", memory = "1M", state = b:save() }
    assert.equal(15, c:read32(STATUS))
    assert.equal("remember", c:peek(0x100, 8))
    c:probe()
    assert.equal(16, #c:request(0, { ["in"] = 16 }))
  end)

  it("is refused when it is none, or of another device", function()
    local b <close> = vmoon.bench { device = "rng", memory = "1M" }
    local state = b:save()
    assert.matches("state", raised(vmoon.bench, { device = "rng", memory = "1M", state = "nonsense" }).message)
    raised(vmoon.bench, { device = "blk", memory = "1M", state = state })
    raised(vmoon.bench, { device = "rng", state = state })
  end)
end)

describe("wrong use is a plain error", function()
  local mistakes = {
    ["no device"] = function() return vmoon.bench {} end,
    ["an unknown device"] = function() return vmoon.bench { device = "gpu" } end,
    ["no table"] = function() return vmoon.bench "rng" end,
    ["an unknown field"] = function() return vmoon.bench { device = "rng", parms = {} } end,
    ["a parameter of another device"] = function()
      return vmoon.bench { device = "rng", params = { size = "1M" } }
    end,
    ["a bad size"] = function() return vmoon.bench { device = "blk", params = { size = "1X" } } end,
    ["a negative count"] = function() return vmoon.bench { device = "blk", params = { queues = -1 } } end,
    ["too many queues"] = function() return vmoon.bench { device = "blk", params = { queues = 9 } } end,
  }
  for what, f in pairs(mistakes) do
    it("with " .. what, function() raised(f) end)
  end

  it("lists every unknown field in one order", function()
    local err = raised(vmoon.bench, { device = "rng", b = 1, a = 2, [1] = 3 })
    assert.matches('unknown field "%[not a string%]", "a", "b"', err.message)
  end)

  it("lists every field where no device is named", function()
    local err = raised(vmoon.bench, { memry = "1M" })
    assert.matches('unknown field "memry"; there are device, file, memory, name, on_error, params, state, trusted',
      err.message, 1, true)
  end)

  it("says how a device that is no field's value is given", function()
    local dev = require "vmoon.device"
    for _, kind in ipairs { "mmio", "pio", "virtio" } do
      local err = raised(vmoon.bench, dev[kind] { name = "x", size = 16, registers = { R = { at = 0 } } })
      assert.equal("bench: a device is the value of the field device", err.message)
      assert.matches("hint: vmoon.bench { device = dev." .. kind .. " { ... } }", tostring(err), 1, true)
    end
  end)

  it("says which devices there are", function()
    local err = raised(vmoon.bench, { device = "gate" })
    assert.equal("bench: no device 'gate'; there are blk, rng, console, uart16550, rtc-cmos, rtc-pl031", err.message)
  end)

  it("refuses the names that files of devices may not have", function()
    local dev = require "vmoon.device"
    local inline = dev.mmio { size = 16, registers = { R = { at = 0 } } }
    for _, name in ipairs { "a b", "", ("x"):rep(65), "a..b", ".a", "a\0" } do
      local err = raised(vmoon.bench, { device = inline, name = name })
      assert.matches('bench: name is 1 to 64 letters, digits, ".", "_" or "-"; got string "', err.message, 1, true)
      assert.matches('hint: for example: name = "counter"', tostring(err), 1, true)
    end
    for _, name in ipairs { "a", "a.b-c_2", ("x"):rep(64) } do
      vmoon.bench({ device = inline, name = name }):close()
    end
    assert.equal("bench: name must be a string, got number", raised(vmoon.bench, { device = inline, name = 5 }).message)
  end)

  it("with a file that holds no device", function()
    local folder = support.folder()
    assert.equal("device file '" .. folder .. "': it is a directory; name the file in it",
      raised(vmoon.bench, { file = folder }).message)
    for _, bytes in ipairs { "\27Lua", "\127ELF\0\0" } do
      local path = support.write("dev.lua", bytes)
      assert.equal(path .. ": it is binary data, not a Lua script", raised(vmoon.bench, { file = path }).message)
    end
  end)

  it("before the device has a driver, and outside its registers", function()
    local b <close> = vmoon.bench { device = "blk" }
    assert.matches("probe", raised(b.read, b, 0, 1).message)
    raised(b.read32, b, 0x1000)
    raised(b.read32, b, -4)
    raised(b.write8, b, 0, 256)
    raised(b.peek, b, 8 << 20, 1)
    raised(b.advance, b, -1)
    b:probe()
    raised(b.request, b, 1, { out = "x" })
    raised(b.request, b, 0, { out = "x", inn = 1 })
    raised(b.request, b, 0, {})
    raised(b.offer, b, 0, {})
    raised(b.offer, b, 0, { { gpa = 0, length = 1 } })
    raised(b.fault, b, { op = "erase" })
    raised(b.fault, b, { errno = "EWHAT" })
    raised(b.release, b)
    raised(b.write, b, 0, 5)
    assert.equal(512, #b:read(0, 1)) -- and it still works
  end)

  it("after close, any number of times", function()
    local b = vmoon.bench { device = "rng" }
    b:close()
    b:close()
    assert.matches("closed", raised(b.read32, b, 0).message)
    assert.matches("closed", raised(function() return b.irq end).message)
  end)

  it("of a name that there is not", function()
    local b <close> = vmoon.bench { device = "rng" }
    assert.matches("no field or method", raised(function() return b.irqs end).message)
    raised(function() b.irq = true end)
  end)
end)
