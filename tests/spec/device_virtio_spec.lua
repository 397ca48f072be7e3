-- SPDX-License-Identifier: MIT
-- device_virtio_spec.lua - virtio devices in Lua on a bench: what a hook may do with a buffer,
-- what a driver may do to a device, and what is left of both after a reset or a snapshot.
local vmoon = require "vmoon"

local HEAD <const> = "local dev = require 'vmoon.device'\n"
local NOTIFY <const>, STATUS <const>, GENERATION <const>, CONFIG <const> = 0x50, 0x70, 0xfc, 0x100
local NEEDS_RESET <const> = 0x40

local function raised(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return type(err) == "table" and err.message or tostring(err)
end

-- A device file of its own for one test; rewrite is for reload.
local function with_file(text, f)
  local path = os.tmpname()
  local function rewrite(other)
    local file <close> = assert(io.open(path, "w"))
    file:write(HEAD, other)
  end
  rewrite(text)
  local ok, err = pcall(f, path, rewrite)
  os.remove(path)
  if not ok then error(err, 0) end
end

-- With the driver there already.
local function with_device(text, f, options)
  with_file(text, function(path, rewrite)
    options = options or {}
    options.file = path
    local b <close> = vmoon.bench(options)
    b:probe()
    f(b, path, rewrite)
  end)
end

-- One queue, whose hook is the body.
local function one(body, more)
  return ("return dev.virtio { name = 'x', id = 42, state = { log = {} }, %s queues = {\n"
    .. "{ name = 'q', size = 64, on_buffer = function(d, buf) local log = d.state.log\n"
    .. "%s\nend } } }"):format(more or "", body)
end

-- A request of bytes at 0x100 and room for n at 0x200, offered and kicked.
local function offer(b, queue, bytes, n)
  local bufs = {}
  if bytes then
    b:poke(0x100, bytes)
    bufs[1] = { gpa = 0x100, len = #bytes }
  end
  if n then bufs[#bufs + 1] = { gpa = 0x200, len = n, write = true } end
  local head = b:offer(queue, bufs)
  b:kick(queue)
  return head
end

describe("a virtio device in Lua", function()
  it("says which one it is, and offers its features and the transport's", function()
    with_file([[return dev.virtio { name = "x", id = 42,
      features = { [0] = "LOW", [23] = "HIGH", [50] = "FAR" },
      queues = { { name = "q", on_buffer = function() end } } }]], function(path)
      local b <close> = vmoon.bench { file = path }
      assert.equal(0x74726976, b:read32(0))
      assert.equal(42, b:read32(8))
      local got = b:probe()
      for _, bit in ipairs { 0, 23, 28, 29, 32, 50 } do assert.equal(1, got >> bit & 1) end
      assert.equal(0, got & ~(1 | 1 << 23 | 1 << 28 | 1 << 29 | 1 << 32 | 1 << 50))
      assert.equal(1 << 32 | 1, b:probe { features = 1 << 32 | 1 | 1 << 40 })
    end)
  end)

  it("knows which of its features the driver has taken", function()
    with_file([[return dev.virtio { name = "x", id = 42, features = { [0] = "LOW", [50] = "FAR" },
      queues = { { name = "q", on_buffer = function() end } },
      methods = { has = function(d, name) return d:has_feature(name) end } }]], function(path)
      local b <close> = vmoon.bench { file = path }
      local function taken() return { b:call("has", "LOW"), b:call("has", "FAR") } end
      assert.same({ false, false }, taken())
      b:probe { features = 1 << 32 | 1 << 50 }
      assert.same({ false, true }, taken())
      b:reset()
      assert.same({ false, false }, taken())
      b:probe()
      assert.same({ true, true }, taken())
      assert.matches("there is no 'NO' in features", raised(b.call, b, "has", "NO"))
      local saved = b:save()
      local c <close> = vmoon.bench { file = path, state = saved }
      assert.same({ true, true }, { c:call("has", "LOW"), c:call("has", "FAR") })
    end)
  end)

  it("does not mind kicks of queues that there are not", function()
    with_device(one "buf:write('ok')", function(b)
      for _, queue in ipairs { 1, 2, 63, 64, 0xffff, 0xffffffff } do b:write32(NOTIFY, queue) end
      assert.equal("ok", (b:request(0, { ["in"] = 2 })))
      assert.equal(1, b.stats.by_hook["on_buffer of q"].calls)
    end)
  end)
end)

describe("its configuration", function()
  local FIELDS <const> = [[return dev.virtio { name = "x", id = 42,
    params = { n = { type = "integer", default = 7 } }, state = { log = {} },
    config = { { name = "capacity", type = "le64", value = function(params) return params.n end },
      { name = "mac", type = "bytes", value = "\1\2\3\4\5\6" },
      { name = "wce", type = "u8", value = 1, writable = true }, { name = "pad", type = "u8" },
      { name = "all", type = "le64", value = -2, writable = true } },
    on_config_write = function(d, off, len, value)
      d.state.log[#d.state.log + 1] = { off, len, value }
    end,
    methods = { get = function(d, name) return d:config_get(name) end,
      set = function(d, name, value) d:config_set(name, value) end },
    queues = { { name = "q", on_buffer = function() end } } }]]

  it("is read in each width, and not past its end", function()
    with_device(FIELDS, function(b)
      assert.equal(9, b:read32(CONFIG))
      assert.equal(9, b:read64(CONFIG))
      assert.equal(0x04030201, b:read32(CONFIG + 8))
      assert.equal(0x0605, b:read16(CONFIG + 12))
      assert.equal(-2, b:read64(CONFIG + 16))
      local faults = b.faults
      for _, off in ipairs { 24, 32, 256 } do assert.equal(0, b:read8(CONFIG + off)) end
      assert.equal(0, b:read32(CONFIG + 21))
      assert.equal(faults + 4, b.faults)
    end, { params = { n = 9 } })
  end)

  it("is got by name, in the field's form", function()
    with_device(FIELDS, function(b)
      assert.equal(7, b:call("get", "capacity"))
      assert.equal("\1\2\3\4\5\6", b:call("get", "mac"))
      assert.equal(-2, b:call("get", "all"))
      assert.matches("there is no 'cap' in config", raised(b.call, b, "get", "cap"))
      assert.matches("there is no '' in config", raised(b.call, b, "get", ""))
    end)
  end)

  it("is set by the device, and the driver is told by generation and interrupt", function()
    with_device(FIELDS, function(b)
      local generation = b:read32(GENERATION)
      b:interrupt()
      b:call("set", "capacity", 1 << 40)
      assert.equal(1 << 40, b:read64(CONFIG))
      assert.equal(generation + 1, b:read32(GENERATION))
      assert.is_true(b.irq)
      assert.equal(2, b:interrupt())
      b:call("set", "mac", "abcdef")
      assert.equal(0x64636261, b:read32(CONFIG + 8))
      b:call("set", "wce", 255)
      assert.equal(255, b:read8(CONFIG + 14))
    end)
  end)

  it("takes no value that the field has no room for", function()
    with_device(FIELDS, function(b)
      local generation = b:read32(GENERATION)
      assert.matches("more than the field", raised(b.call, b, "set", "wce", 256))
      assert.matches("more than the field", raised(b.call, b, "set", "wce", -1))
      assert.matches("not as long", raised(b.call, b, "set", "mac", "abcde"))
      assert.matches("number expected", raised(b.call, b, "set", "wce", "x"))
      assert.matches("no integer", raised(b.call, b, "set", "wce", 0.5))
      assert.equal(1, b:read8(CONFIG + 14))
      assert.equal(generation, b:read32(GENERATION))
    end)
  end)

  it("is written by the driver where it is writable, and the hook hears of that", function()
    with_device(FIELDS, function(b)
      b:write8(CONFIG + 14, 0)
      b:write32(CONFIG + 12, 0xaabbccdd)
      b:write64(CONFIG + 16, -1)
      assert.same({ { 14, 1, 0 }, { 12, 4, 0xaabbccdd }, { 16, 8, -1 } }, b.state.log)
      assert.equal(0x00bb0605, b:read32(CONFIG + 12))
      assert.equal(0xbb, b:call("get", "wce"))
      assert.equal(-1, b:read64(CONFIG + 16))
    end)
  end)

  it("is not written elsewhere, past its end or before there is a driver", function()
    with_device(FIELDS, function(b)
      b:write64(CONFIG, 1)
      b:write8(CONFIG + 15, 1)
      b:write8(CONFIG + 24, 1)
      b:write32(CONFIG + 22, -1 & 0xffffffff)
      b:reset()
      b:write8(CONFIG + 14, 0)
      assert.same({}, b.state.log)
      assert.equal(7, b:read64(CONFIG))
      assert.equal(1, b:read16(CONFIG + 14))
    end)
  end)

  it("is the file's again after a reset, in another generation if it was not", function()
    with_device(FIELDS, function(b)
      b:write8(CONFIG + 14, 9)
      b:call("set", "capacity", 1)
      local generation = b:read32(GENERATION)
      b:reset()
      assert.equal(7, b:read64(CONFIG))
      assert.equal(1, b:read8(CONFIG + 14))
      assert.is_true(b:read32(GENERATION) > generation)
    end)
  end)

  it("comes along in a snapshot", function()
    with_device(FIELDS, function(b, path)
      b:write8(CONFIG + 14, 9)
      b:call("set", "capacity", 77)
      local c <close> = vmoon.bench { file = path, state = b:save() }
      assert.equal(77, c:read64(CONFIG))
      assert.equal(9, c:call("get", "wce"))
    end)
  end)

  it("may be bytes without names", function()
    with_device([[return dev.virtio { name = "x", id = 42, config = "abcd", state = { log = {} },
      on_config_write = function(d, ...) d.state.log = { ... } end,
      queues = { { name = "q", on_buffer = function() end } } }]], function(b)
      assert.equal(0x64636261, b:read32(CONFIG))
      b:write16(CONFIG + 2, 0x5859)
      assert.same({ 2, 2, 0x5859 }, b.state.log)
      assert.equal(0x58596261, b:read32(CONFIG))
    end)
  end)
end)

describe("a buffer", function()
  it("is read, skipped and written as far as it goes", function()
    with_device(one [[
      log[1], log[2], log[3] = buf.readable, buf.writable, buf.queue
      log[4] = buf:read(2)
      log[5] = buf:skip(3)
      log[6] = buf:read()
      log[7], log[8] = buf:read(), buf:read(5)
      log[9], log[10] = buf:skip(), buf.readable
      log[11], log[12] = buf:write("abc"), buf.writable
      log[13], log[14] = buf:write("defgh"), buf:write("more")]], function(b)
      local bytes, len = b:request(0, { out = "0123456789", ["in"] = 5 })
      assert.equal("abcde", bytes)
      assert.equal(5, len)
      assert.same({ 10, 5, 1, "01", 3, "56789", "", "", 0, 0, 3, 2, 2, 0 }, b.state.log)
    end)
  end)

  it("gives no more than was written: a short write is a short answer", function()
    with_device(one "buf:write('ab')", function(b)
      assert.same({ "ab", 2 }, { b:request(0, { ["in"] = 100 }) })
    end)
    with_device(one "", function(b)
      assert.same({ "", 0 }, { b:request(0, { out = "x", ["in"] = 100 }) })
    end)
  end)

  it("is written a part of a string, as string.sub would have it", function()
    with_device(one [[local text = "0123456789"
      for _, first in ipairs { 1, 3, 0, -3, 11, -20, 10, math.mininteger, math.maxinteger } do
        for _, last in ipairs { -1, 5, 0, 10, 99, -4, -99, math.mininteger, math.maxinteger } do
          local left = buf.writable
          local n = buf:write(text, first, last)
          assert(n == #text:sub(first, last) and left - n == buf.writable)
        end
        buf:write(text, first)
        log[#log + 1] = text:sub(first)
      end
      buf:write(text, nil, 3)]], function(b)
      local bytes = b:request(0, { ["in"] = 4000 })
      assert.equal(0, b.stats.errors)
      assert.matches("01234567890123456789$", bytes)
    end)
  end)

  it("takes its last bytes first or last", function()
    with_device(one "buf:write_last('Z') log[1] = buf.writable buf:write('abcdef')", function(b)
      assert.equal(4, offer(b, 0, nil, 4) and 4)
      assert.same({ 0, 4 }, { b:take(0) })
      assert.equal("abcZ", b:peek(0x200, 4))
      assert.same({ 3 }, b.state.log)
    end)
    with_device(one "buf:write('ab') buf:write_last('YZ') buf:write_last('')", function(b)
      b:poke(0x200, "......")
      offer(b, 0, nil, 6)
      assert.same({ 0, 4 }, { b:take(0) })
      assert.equal("ab..YZ", b:peek(0x200, 6))
    end)
  end)

  it("crosses the driver's pieces as if they were one", function()
    with_device(one [[log[1] = buf:read(3) log[2] = buf:read()
      buf:write("uvwxy") buf:write_last("z")]], function(b)
      b:poke(0, "ab") b:poke(16, "c") b:poke(32, "def")
      b:offer(0, { { gpa = 0, len = 2 }, { gpa = 16, len = 1 }, { gpa = 32, len = 3 },
        { gpa = 48, len = 1, write = true }, { gpa = 64, len = 4, write = true },
        { gpa = 80, len = 1, write = true } })
      b:kick(0)
      assert.same({ 0, 6 }, { b:take(0) })
      assert.same({ "abc", "def" }, b.state.log)
      assert.equal("u", b:peek(48, 1))
      assert.equal("vwxy", b:peek(64, 4))
      assert.equal("z", b:peek(80, 1))
    end)
  end)

  it("may have either part only", function()
    with_device(one "log[#log + 1] = { buf.readable, buf.writable, buf:read(), buf:write('x') }",
      function(b)
        offer(b, 0, "abc")
        offer(b, 0, nil, 3)
        assert.same({ { 3, 0, "abc", 0 }, { 0, 3, "", 1 } }, b.state.log)
      end)
  end)

  it("refuses what makes no sense, and stays as it was", function()
    with_device(one [[
      local function why(f, ...)
        local ok, err = pcall(f, ...)
        log[#log + 1] = not ok and err or "no error"
      end
      why(buf.read, buf, -1)
      why(buf.read, buf, math.mininteger)
      why(buf.skip, buf, -5)
      why(buf.read, buf, 1.5)
      why(buf.read, buf, "many")
      why(buf.write, buf, {})
      why(buf.write, buf)
      why(buf.write_last, buf, "12345")
      why(buf.read, "no buffer")
      why(buf.read)
      why(function() return buf.length end)
      why(function() return buf[1] end)
      why(function() buf.readable = 1 end)
      why(setmetatable, buf, {})
      log[#log + 1] = tostring(getmetatable(buf))
      log[#log + 1] = { buf.readable, buf.writable, buf:read(math.maxinteger) }]], function(b)
      b:request(0, { out = "ab", ["in"] = 4 })
      local log = b.state.log
      for i, part in ipairs { "at least 0", "at least 0", "at least 0", "no integer",
        "number expected", "string expected", "string expected", "no room for so many",
        "vmoon.buffer expected", "vmoon.buffer expected", "a buffer has no 'length'",
        "a buffer has no 'number'", "cannot be set", "table expected", "locked" } do
        assert.matches(part, log[i], 1, true)
      end
      assert.same({ 2, 4, "ab" }, log[16])
      assert.equal(0, b.stats.errors)
    end)
  end)

  it("goes back once: done in the hook, and nothing works after it", function()
    with_device(one [[buf:write("a") buf:done()
      for i, f in ipairs { buf.done, buf.later, buf.read, buf.write } do
        log[i] = select(2, pcall(f, buf, "b"))
      end
      log[5] = select(2, pcall(function() return buf.readable end))]], function(b)
      assert.same({ "a", 1 }, { b:request(0, { ["in"] = 9 }) })
      for i = 1, 5 do assert.matches("gone back", b.state.log[i]) end
      assert.equal(0, b.stats.errors)
      assert.equal("a", (b:request(0, { ["in"] = 9 })))
    end)
  end)

  it("that was not kept is nobody's when the hook has returned", function()
    with_device([[local kept
      return dev.virtio { name = "x", id = 42, state = {}, methods = {
        poke = function() kept:write("late") end },
        queues = { { name = "q", on_buffer = function(d, buf) kept = buf end } } }]], function(b)
      assert.same({ "", 0 }, { b:request(0, { ["in"] = 9 }) })
      assert.matches("gone back", raised(b.call, b, "poke"))
    end)
  end)

  it("of memory that is none goes back unseen", function()
    with_device(one "log[#log + 1] = buf:read()", function(b)
      local faults = b.faults
      b:offer(0, { { gpa = 1 << 40, len = 4 } })
      b:offer(0, { { gpa = 0, len = 4 }, { gpa = (8 << 20) - 2, len = 4, write = true } })
      b:kick(0)
      assert.same({ 0, 0 }, { b:take(0) })
      assert.same({ 1, 0 }, { b:take(0) })
      assert.equal(faults + 2, b.faults)
      assert.same({}, b.state.log)
      offer(b, 0, "fine", 1)
      assert.same({ "fine" }, b.state.log)
    end)
  end)
end)

describe("an answer that comes later", function()
  local LATER <const> = [[local kept = {}
    return dev.virtio { name = "x", id = 42, state = { n = 0 },
      on_reset = function(d) d:set_timer("t", 1) end,
      timers = { t = function(d)
        if kept[1] then table.remove(kept, 1):done() end
        d:set_timer("t", 1)
      end },
      methods = {
        answer = function(d, i, text) kept[i]:write(text) kept[i]:done() end,
        count = function() return #kept end },
      queues = { { name = "q", size = 256, on_buffer = function(d, buf)
        buf:later() buf:later()
        kept[#kept + 1] = buf
      end }, { name = "r", size = 256, on_buffer = function(d, buf) buf:write("r") end },
      { name = "s", on_buffer = function(d, buf) kept[1]:done() buf:later() end } } }]]

  it("is given by a method, in any order, and interrupts", function()
    with_device(LATER, function(b)
      for _ = 1, 3 do offer(b, 0, nil, 8) end
      assert.is_nil(b:take(0))
      b:interrupt()
      b:call("answer", 2, "two")
      assert.equal(1, b:interrupt())
      assert.same({ 1, 3 }, { b:take(0) })
      b:call("answer", 1, "one!")
      assert.same({ 0, 4 }, { b:take(0) })
      assert.is_nil(b:take(0))
    end)
  end)

  it("is given by a timer, which a reset of the driver's does not end", function()
    with_device(LATER, function(b)
      offer(b, 0, nil, 8)
      b:advance(1.5)
      assert.same({ 0, 0 }, { b:take(0) })
      b:probe()
      offer(b, 0, nil, 8)
      assert.is_nil(b:take(0))
      b:advance(2.5)
      assert.is_not_nil(b:take(0))
    end)
  end)

  it("is given once, and never to the request that came after it", function()
    with_device(LATER, function(b)
      offer(b, 0, nil, 8)
      b:call("answer", 1, "one")
      assert.matches("gone back", raised(b.call, b, "answer", 1, "one"))
      offer(b, 0, nil, 8) -- its place serves another one now
      assert.matches("gone back", raised(b.call, b, "answer", 1, "bad"))
      b:call("answer", 2, "good")
      assert.same({ 0, 3 }, { b:take(0) })
      assert.same({ 1, 4 }, { b:take(0) })
      assert.equal("good", b:peek(0x200, 4))
    end)
  end)

  it("from another queue's hook interrupts too", function()
    with_device(LATER, function(b)
      offer(b, 0, nil, 8)
      b:interrupt()
      offer(b, 2, nil, 8)
      assert.equal(1, b:interrupt())
      assert.same({ 0, 0 }, { b:take(0) })
      assert.is_nil(b:take(2))
    end)
  end)

  it("may wait for ever: 64 of a queue are held, and other queues go on", function()
    with_device(LATER, function(b)
      for _ = 1, 100 do b:offer(0, { { gpa = 0x200, len = 4, write = true } }) end
      b:kick(0)
      assert.equal(64, b:call("count"))
      assert.equal("r", (b:request(1, { ["in"] = 4 })))
      for i = 1, 36 do b:call("answer", i, "x") end
      assert.equal(100, b:call("count"))
      for i = 37, 100 do b:call("answer", i, "x") end
      local n = 0
      while b:take(0) do n = n + 1 end
      assert.equal(100, n)
    end)
  end)

  it("is nobody's after a reset", function()
    with_device(LATER, function(b)
      offer(b, 0, nil, 8)
      b:reset()
      assert.matches("gone back", raised(b.call, b, "answer", 1, "x"))
      b:probe()
      assert.matches("gone back", raised(b.call, b, "answer", 1, "x"))
      offer(b, 0, nil, 8)
      assert.matches("gone back", raised(b.call, b, "answer", 1, "x"))
      b:call("answer", 2, "fine")
      assert.same({ 0, 4 }, { b:take(0) })
    end)
  end)
end)

describe("a batch", function()
  local BATCH <const> = [[local kept = {}
    return dev.virtio { name = "x", id = 42, state = { log = {} },
      methods = { done = function(d, i) kept[i]:done() end },
      queues = { { name = "q", size = 256, batch = true, on_buffer = function(d, bufs, n)
        local sum = 0
        for i = 1, n do
          local text = bufs[i]:read()
          sum = sum + #text
          bufs[i]:write(text:upper())
          if text == "keep" then bufs[i]:later() kept[#kept + 1] = bufs[i] end
        end
        d.state.log[#d.state.log + 1] = { n, #bufs, sum }
        bufs.x, bufs[1], bufs[n + 200] = 1, nil, 2
      end } } }]]

  it("has all that there is in one call", function()
    with_device(BATCH, function(b)
      b:poke(0, "abc")
      for i = 1, 5 do
        b:offer(0, { { gpa = 0, len = 3 }, { gpa = 16 * i, len = 3, write = true } })
      end
      b:kick(0)
      offer(b, 0, "de", 2)
      assert.same({ { 5, 5, 15 }, { 1, 1, 2 } }, b.state.log)
      for i = 1, 5 do assert.equal("ABC", b:peek(16 * i, 3)) end
      for _ = 1, 6 do assert.is_not_nil(b:take(0)) end
    end)
  end)

  it("is of 64 at most, and more of them follow", function()
    with_device(BATCH, function(b)
      for _ = 1, 120 do b:offer(0, { { gpa = 0, len = 1 } }) end
      b:kick(0)
      assert.same({ { 64, 64, 64 }, { 56, 56, 56 } }, b.state.log)
    end)
  end)

  it("may keep some", function()
    with_device(BATCH, function(b)
      b:poke(0, "keep")
      b:offer(0, { { gpa = 0, len = 4 }, { gpa = 16, len = 4, write = true } })
      b:offer(0, { { gpa = 0, len = 3 }, { gpa = 32, len = 4, write = true } })
      b:kick(0)
      assert.same({ 2, 3 }, { b:take(0) })
      assert.is_nil(b:take(0))
      b:call("done", 1)
      assert.same({ 0, 4 }, { b:take(0) })
    end)
  end)

  it("y_21 that finds no memory is an error of the hook, and no more", function()
    with_device([[local hog
      return dev.virtio { name = "x", id = 42, memory = "1M", budget = 1, on_error = "ignore",
      state = {}, queues = { { name = "q", batch = true, on_buffer = function(d, bufs, n)
        bufs[1]:later()
        pcall(function() while true do hog = { hog } end end)
        bufs[1]:later()
        for i = 1, 64 do bufs[i] = { bufs } end
      end } } }]], function(b)
      for _ = 1, 6 do
        for _ = 1, 40 do pcall(b.offer, b, 0, { { gpa = 0, len = 1 } }) end
        b:kick(0)
        while b:take(0) do end
      end
      assert.is_true(b.stats.errors > 0)
      assert.matches("out of memory", b.stats.error)
    end)
  end)
end)

describe("requests that are held", function()
  local HELD <const> = [[local kept = {}
    return dev.virtio { name = "x", id = 42, state = { seen = "" },
      methods = { answer = function(d)
        for _, buf in ipairs(kept) do buf:write(MARK) buf:done() end kept = {} end,
        leak = function(d) d.state.buf = kept[1] end },
      queues = { { name = "q", on_buffer = function(d, buf)
        d.state.seen = d.state.seen .. buf:read()
        buf:write("?") buf:later()
        kept[#kept + 1] = buf
      end } } }]]
  local function held(mark) return ("local MARK = '%s'\n"):format(mark) .. HELD end

  local function fill(b)
    for i, c in ipairs { "a", "b", "c" } do
      b:poke(i * 16, c)
      b:offer(0, { { gpa = i * 16, len = 1 }, { gpa = 0x200 + i * 16, len = 8, write = true } })
    end
    b:kick(0)
  end

  it("come to the hook once more where a snapshot is loaded, in their order", function()
    with_device(held "!", function(b, path)
      fill(b)
      b:call("answer")
      for _ = 1, 3 do b:take(0) end
      fill(b) -- in places that were used before
      assert.equal("abcabc", b.state.seen)
      local c <close> = vmoon.bench { file = path, state = b:save() }
      assert.equal("abcabcabc", c.state.seen)
      local d <close> = vmoon.bench { file = path, state = c:save() }
      assert.equal("abcabcabcabc", d.state.seen)
      d:call("answer")
      for i = 1, 3 do assert.equal("?!", d:peek(0x200 + i * 16, 2)) end
      assert.equal(1, d:read32(0x60) & 1)
      assert.matches("gone back", raised(function()
        error(d:call("answer") or "the buffer has gone back") end))
    end)
  end)

  it("cannot be in d.state: save names where", function()
    with_device(held "!", function(b)
      fill(b)
      b:call("leak")
      assert.matches("state.buf", raised(b.save, b), 1, true)
    end)
  end)

  it("come to the new code's hook after a reload", function()
    with_device(held "1", function(b, _, rewrite)
      fill(b)
      assert.equal(3, b.stats.hooks)
      rewrite(held "2")
      b:reload()
      assert.equal(6, b.stats.hooks)
      assert.equal("abcabc", b.state.seen)
      assert.is_nil(b:take(0))
      b:call("answer")
      for i = 1, 3 do
        local head, len = b:take(0)
        assert.is_not_nil(head)
        assert.equal(2, len) -- what the old code wrote is forgotten
        assert.equal("?2", b:peek(0x200 + i * 16, 2))
      end
    end)
  end)

  it("stay where they are when a reload fails", function()
    with_device(held "1", function(b, _, rewrite)
      fill(b)
      rewrite("return dev.virtio { name = 'x', id = 43, queues = {} }")
      raised(b.reload, b)
      b:call("answer")
      for _ = 1, 3 do assert.is_not_nil(b:take(0)) end
    end)
  end)

  it("go back when the new hook does not keep them, or fails", function()
    with_device(held "1", function(b, _, rewrite)
      fill(b)
      rewrite(one("buf:write('new') error('oh no')", "on_error = 'ignore',"))
      b:reload()
      for _ = 1, 3 do assert.same(3, select(2, b:take(0))) end
      assert.equal(3, b.stats.errors)
    end)
  end)
end)

describe("an error of a hook", function()
  local FAILS <const> = "buf:write('ab') buf:later() error('oh no')"

  it("gives the buffer back with what was written, and is raised (pause)", function()
    with_file(one(FAILS), function(path)
      for _, policy in ipairs { "pause", "stop" } do
        local b <close> = vmoon.bench { file = path, on_error = policy }
        b:probe()
        b:offer(0, { { gpa = 0x200, len = 4, write = true } })
        assert.matches("device 'x': on_buffer of q: .*:%d+: oh no", raised(b.kick, b, 0))
        assert.same({ 0, 2 }, { b:take(0) })
        assert.equal(1, b.stats.errors)
      end
    end)
  end)

  it("under ignore fails the device at the third, and a reset heals it", function()
    with_device(one(FAILS), function(b)
      for i = 1, 3 do
        assert.equal(0, b:read32(STATUS) & NEEDS_RESET)
        offer(b, 0, nil, 4)
        assert.equal(2, select(2, b:take(0)))
        assert.equal(i, b.stats.errors)
      end
      assert.equal(NEEDS_RESET, b:read32(STATUS) & NEEDS_RESET)
      offer(b, 0, nil, 4)
      assert.is_nil(b:take(0))
      assert.is_true(b.stats.failed)
      b:probe()
      assert.is_false(b.stats.failed)
      offer(b, 0, nil, 4)
      assert.equal(2, select(2, b:take(0)))
    end, { on_error = "ignore" })
  end)

  it("in a configuration's or a timer's hook tells the driver as well", function()
    local text = [[return dev.virtio { name = "x", id = 42, on_error = "ignore",
      config = { { name = "c", type = "u8", writable = true } },
      on_config_write = function() error("no") end,
      timers = { t = function(d) d:fail("It is broken.") end },
      methods = { arm = function(d) d:set_timer("t", 1) end,
        fail = function(d) d:fail("It is broken.") end },
      queues = { { name = "q", on_buffer = function(d, buf) buf:write("ok") end } } }]]
    with_device(text, function(b)
      for _ = 1, 3 do b:write8(CONFIG, 1) end
      assert.equal(NEEDS_RESET, b:read32(STATUS) & NEEDS_RESET)
      b:probe()
      b:call("arm")
      assert.matches("It is broken", raised(b.advance, b, 1))
      assert.equal(NEEDS_RESET, b:read32(STATUS) & NEEDS_RESET)
      b:probe()
      assert.equal("ok", (b:request(0, { ["in"] = 2 })))
      assert.matches("It is broken", raised(b.call, b, "fail"))
      assert.equal(NEEDS_RESET, b:read32(STATUS) & NEEDS_RESET)
    end)
  end)

  it("of a device that fails in on_reset is told when the driver is there", function()
    with_device([[return dev.virtio { name = "x", id = 42, state = { is_bad = false },
      on_reset = function(d) if d.state.is_bad then d:fail("It is bad.") end end,
      methods = { set = function(d, is_bad) d.state.is_bad = is_bad end },
      queues = { { name = "q", on_buffer = function() end } } }]], function(b)
      b:call("set", true)
      assert.matches("It is bad", raised(b.probe, b))
      assert.equal(NEEDS_RESET, b:read32(STATUS) & NEEDS_RESET)
      b:call("set", false)
      b:probe()
      assert.equal(0, b:read32(STATUS) & NEEDS_RESET)
    end)
  end)

  it("y_01 y_02 is what a hook without an end is", function()
    for _, body in ipairs { "while true do end", "while true do pcall(function() while true do end end) end",
      "pcall(function() while true do buf:skip(0) end end) buf:write('never')" } do
      with_device(one("buf:write('a') " .. body), function(b)
        offer(b, 0, nil, 4)
        assert.same({ 0, 1 }, { b:take(0) })
        assert.matches("exceeded its budget", b.stats.error)
      end, { on_error = "ignore" })
    end
  end)

  it("y_07 y_21 is what a hook is that lets the guest fill its memory", function()
    with_device([[local all = {}
      return dev.virtio { name = "x", id = 42, on_error = "ignore", memory = "1M", state = { n = 0 },
      queues = { { name = "q", on_buffer = function(d, buf)
        d.state.n = d.state.n + 1 all[#all + 1] = buf:read() .. d.state.n end } } }]], function(b)
      local data = ("x"):rep(60000)
      for _ = 1, 60 do pcall(b.request, b, 0, { out = data }) end
      assert.matches("out of memory", b.stats.error)
      assert.is_true(b.stats.failed)
      b:probe()
      assert.is_false(b.stats.failed)
    end)
  end)

  it("y_07 is no more when one buffer is larger than all memory", function()
    with_device(one "local ok, err = pcall(buf.read, buf) log[1] = ok log[2] = buf:skip()", function(b)
      local bufs = {}
      for i = 1, 32 do bufs[i] = { gpa = 0, len = 4 << 20 } end
      b:offer(0, bufs)
      b:kick(0)
      assert.is_not_nil(b:take(0))
      assert.is_not_true(b.state.log[1])
      assert.equal("", (b:request(0, { ["in"] = 1 })))
    end, { on_error = "ignore" })
  end)

  it("y_22 is not to be had by bytes of the guest's for a pattern", function()
    with_device(one "log[#log + 1] = pcall(string.find, ('a'):rep(40), buf:read())", function(b)
      offer(b, 0, ("a?"):rep(40) .. ("a"):rep(40) .. "b", 1)
      offer(b, 0, "a", 1)
      assert.is_true(b.state.log[#b.state.log])
    end, { on_error = "ignore" })
  end)

  it("y_23 is not what a hook gives: nobody asked", function()
    for _, what in ipairs { "1", "nil", "{}", "buf", "2^64", "table.unpack({}, 1, 200)" } do
      with_device(one("buf:write('ok') return " .. what), function(b)
        assert.equal("ok", (b:request(0, { ["in"] = 2 })))
        assert.equal(0, b.stats.errors)
      end)
    end
  end)

  it("y_20 leaves nothing behind, a thousand times", function()
    with_device(one "if buf.readable > 1 then error({}) end buf:write('ok')", function(b)
      for _ = 1, 1000 do
        offer(b, 0, "ab", 2)
        assert.equal(0, select(2, b:take(0)))
        offer(b, 0, "a", 2)
        assert.equal(2, select(2, b:take(0)))
        b:probe() -- or the device has failed
      end
      assert.equal(1000, b.stats.errors)
    end, { on_error = "ignore" })
  end)

  it("y_24 shows no address", function()
    with_device(one "log[1] = tostring(buf)", function(b)
      b:request(0, { ["in"] = 2 })
      assert.is_nil(b.state.log[1]:match("0x%x+"))
    end)
  end)
end)
