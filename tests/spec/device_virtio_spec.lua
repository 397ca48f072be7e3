-- SPDX-License-Identifier: MIT
-- device_virtio_spec.lua - virtio devices in Lua on a bench: what a driver may do to a device,
-- and what is left of its requests after a reset or a snapshot.
local vmoon = require "vmoon"
local support = dofile "tests/spec/virtio_support.lua"
local raised, with_file, with_device = support.raised, support.with_file, support.with_device
local one, offer = support.one, support.offer

local NOTIFY <const>, STATUS <const>, GENERATION <const>, CONFIG <const> = 0x50, 0x70, 0xfc, 0x100
local NEEDS_RESET <const> = 0x40

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
