-- SPDX-License-Identifier: MIT
-- device_buffer_spec.lua - what a hook of a virtio device in Lua may do with a buffer.
local support = dofile "tests/spec/virtio_support.lua"
local raised, with_device, one, offer = support.raised, support.with_device, support.one, support.offer

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

  it("says what is left of both, and gives integers as string.unpack would", function()
    local bytes = "\1\2\3\4\5\6\7\8\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8"
    local formats = {
      "", "b", "B", "<h", ">H", "I3", "<i3", ">i5", "i", "I", "<j", ">J", "<I4xxxxi8", "> i2 < i2 = i2",
      "<i1i2i3i4i6", "xxxxxxxxj", "xxxxxxxx>J", "BBBBBBBBBBBBBBBB", "xxxxxxxxI1xI1",
    }
    for _, format in ipairs(formats) do
      with_device(one(([[
        local before, room = buf:left()
        log[1] = { buf:unpack(%q) }
        log[2], log[3], log[4] = before, buf:left()
        log[5] = room]]):format(format)), function(b)
        b:request(0, { out = bytes, ["in"] = 3 })
        local wanted = { string.unpack("<" .. format, bytes) }
        local at = table.remove(wanted)
        assert.same({ wanted, 16, 17 - at, 3, 3 }, b.state.log, format)
      end)
    end
  end)

  it("gives no integers of bytes that are not there, and keeps those that are", function()
    with_device(one [[
      log[1], log[2] = buf:unpack("<I4I4"), buf.readable
      log[3], log[4] = buf:unpack("<I4B")
      log[5] = buf:unpack("B")
      log[6] = select("#", buf:unpack("B")) + select("#", buf:unpack(""))]], function(b)
      b:request(0, { out = "\1\0\0\0\5", ["in"] = 1 })
      assert.same({ [2] = 5, [3] = 1, [4] = 5, [6] = 1 }, b.state.log)
    end)
  end)

  it("y_23 takes no format that is none of integers, nor an endless one", function()
    with_device(one [[
      for i, format in ipairs { "s4", "z", "i9", "i0", "i16", "f", "!4", "B\0", ("B"):rep(17), ("x"):rep(65), 5 } do
        log[i] = select(2, pcall(buf.unpack, buf, format))
      end
      log[12] = select(2, pcall(buf.unpack, buf))
      log[13] = select(2, pcall(buf.unpack, buf, ("I8"):rep(16) .. "x"))
      log[14] = buf:unpack "<I2"]], function(b)
      b:request(0, { out = ("\1"):rep(200), ["in"] = 1 })
      local log = b.state.log
      local wrong = "the format has integers of 1 to 8 bytes (b B h H i[n] I[n] j J), x, < and >, not '%s'"
      for i, what in ipairs { "s", "z", "i", "i", "i", "f", "!", "\0" } do
        assert.matches(wrong:format(what):gsub("%z.*", ""), log[i], 1, true)
      end
      assert.matches("the format has more than 16 integers", log[9], 1, true)
      assert.matches("the format is too long", log[10], 1, true)
      assert.matches("not '5'", log[11], 1, true)
      assert.matches("string expected, got no value", log[12], 1, true)
      assert.matches("the format is for more than 128 bytes", log[13], 1, true)
      assert.equal(0x0101, log[14])
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
      assert.matches("0123456789012$", bytes)
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
