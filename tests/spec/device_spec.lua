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

describe("a device in Lua on a bench", function()
  local HEAD = "local dev = require 'vmoon.device' return dev.mmio { name = 'x', size = 64, "

  it("has all of Lua where its file is trusted, and only there", function()
    with_file(HEAD .. [[registers = { R = { at = 0, access = "ro", on_read = function()
      return io and os.getenv("PATH") and coroutine.close and 7 or 1 end } } }]], function(path)
      local b <close> = vmoon.bench { file = path, trusted = true }
      assert.equal(7, b:read32(0))
      local c <close> = vmoon.bench { file = path, trusted = false, on_error = "ignore" }
      assert.equal(0xffffffff, c:read32(0)) -- io is no global there
      assert.equal("bench: trusted is true or false",
        raised(vmoon.bench, { file = path, trusted = "yes" }).message)
    end)
    local inline = require("vmoon.device").mmio { name = "i", size = 4, registers = { R = { at = 0 } } }
    local err = raised(vmoon.bench, { device = inline, trusted = true })
    assert.matches("only a file can be trusted", err.message, 1, true)
  end)

  it("is out of reach for finalizers of a trusted file that run at its end, or after a reload", function()
    local out = os.tmpname()
    with_file(([[
      local dev = require "vmoon.device"
      local function note(ok, err)
        local f <close> = assert(io.open(%q, "a"))
        f:write(tostring(ok), " ", (tostring(err):gsub("^.*:%%d+: ", "")), "\n")
      end
      local keep
      return dev.mmio { name = "x", size = 64, registers = { R = { at = 0 }, F = { at = 4, fifo = { depth = 2 } } },
        timers = { t = function() end },
        on_reset = function(d)
          keep = keep or setmetatable({}, { __gc = function()
            note(pcall(d.set_timer, d, "t", 1))
            note(pcall(d.fifo_len, d, "F"))
            note(pcall(function() return d.reg.R end))
            note(pcall(d.fail, d, "no"))
          end })
        end }]]):format(out), function(path)
      local GONE <const> = ("false the device has gone, or has other code\n"):rep(4)
      local b = vmoon.bench { file = path, trusted = true }
      b:reload()
      assert.equal(GONE, (assert(io.open(out)):read "a"))
      b:reset() -- makes one in the new code
      b:close()
      assert.equal(GONE .. GONE, (assert(io.open(out)):read "a"))
    end)
    os.remove(out)
  end)

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

  it("sees it when a hook sets what is not its own to set", function()
    with_file(HEAD .. [[registers = {
      R = { at = 0, on_write = function(d, v) d[({ "reg", "params", "name", "irq", "foo" })[v] ] = {} end },
      S = { at = 4, on_write = function(d, v) d.state = v end } } }]], function(path)
      local b <close> = vmoon.bench { file = path }
      for i, name in ipairs { "reg", "params", "name", "irq", "foo" } do
        assert.matches("d." .. name .. " cannot be set: ", raised(b.write32, b, 0, i).message, 1, true)
      end
      b:write32(4, 5)
      assert.matches("d.state has to be a table, and has become a number value", raised(b.save, b).message, 1, true)
    end)
  end)

  it("does not save a metatable, nor begin with one", function()
    with_file(HEAD .. [[registers = { R = { at = 0,
      on_write = function(d) d.state.q = setmetatable({}, {}) end } } }]], function(path, rewrite)
      local b <close> = vmoon.bench { file = path }
      b:write32(0, 1)
      assert.matches("state.q: a table with a metatable cannot be saved", raised(b.save, b).message, 1, true)
      rewrite(HEAD .. "state = { a = { setmetatable({}, {}) } }, registers = { R = { at = 0 } } }")
      assert.matches("state.a.1: a table with a metatable cannot be saved",
        raised(vmoon.bench, { file = path }).detail, 1, true)
    end)
  end)

  it("finds in on_read what that read clears", function()
    with_file(HEAD .. [[registers = {
      RC = { at = 0, access = "rc", reset = 5, on_read = function(d) return d.reg.RC | 0x100 end },
      BAD = { at = 4, access = "rc", reset = 5, on_read = function() error "no" end },
      MORE = { at = 8, access = "rc", reset = 1, on_read = function(d) d.reg.MORE = 3 return d.reg.MORE end },
    } }]], function(path)
      local b <close> = vmoon.bench { file = path, on_error = "ignore" }
      assert.same({ 0x105, 0x100 }, { b:read32(0), b:read32(0) })
      assert.equal(0xffffffff, b:read32(4))
      assert.equal(5, b:regs()[2].value) -- it gave nothing
      assert.equal(3, b:read32(8))
      assert.equal(2, b:regs()[3].value) -- what the hook has raised stays
    end)
  end)

  it("says that it was calls within calls that have taken all memory", function()
    with_file([[local function f(n) return f(n + 1) + 1 end
      local function g() local t = {} for i = 1, 1 << 30 do t[i] = ("x"):rep(1000) .. i end end
    ]] .. HEAD .. [[memory = "1M", registers = { R = { at = 0, on_write = function(d, v)
      if v == 0 then f(0) else g() end end } } }]], function(path)
      local b <close> = vmoon.bench { file = path }
      assert.matches("out of memory (1024 KiB) in more than 200 nested calls: does a function call itself",
        raised(b.write32, b, 0, 0).message, 1, true)
      assert.matches("out of memory %(1024 KiB%)$", raised(b.write32, b, 0, 1).message)
    end)
  end)

  it("may have tables of 16384 keys, lists and strings of any size", function()
    with_file([[local function keys(n) local t = {} for i = 1, n do t["k" .. i] = i end return t end
    ]] .. HEAD .. [[budget = 1, memory = "64M", registers = { R = { at = 0, on_write = function(d, v)
      if v == 0 then keys(16384) elseif v == 1 then keys(16385)
      else
        for _, n in ipairs { 24 << 15, 24 << 16, 24 << 17 } do -- as large as what keys take
          local s = ("x"):rep(n)
          assert(#s == n and #s:upper() == n and #("xy"):rep(n // 3, "z") == n - 1)
          pcall(string.rep, "x", 24 << 21)
          assert(not pcall(keys, 16385))
        end
        local t = {}
        for i = 1, 200000 do t[i] = i end
        assert(#t == 200000)
      end end } } }]], function(path)
      local b <close> = vmoon.bench { file = path }
      b:write32(0, 0)
      b:write32(0, 2)
      assert.matches("out of memory (65536 KiB): a table has at most 16384 keys besides 1 to n",
        raised(b.write32, b, 0, 1).message, 1, true)
      b:write32(0, 0)
    end)
  end)

  it("tells no address, whatever is asked for", function()
    with_file(HEAD .. [[state = { said = {} }, registers = { R = { at = 0, on_write = function(d)
      for i, key in ipairs { {}, print, coroutine.create(print), d, string } do
        for _, t in ipairs { d, d.reg, d.params } do
          local ok, e = pcall(function() return t[key] end)
          d.state.said[#d.state.said + 1] = ok and "got it" or e
        end
      end end } } }]], function(path)
      local b <close> = vmoon.bench { file = path }
      b:write32(0, 0)
      assert.equal(15, #b.state.said)
      for _, said in ipairs(b.state.said) do assert.not_matches("0x", said, 1, true) end
    end)
  end)

  it("takes no number for the level of its line", function()
    with_file(HEAD .. [[irq = "level", registers = { R = { at = 0,
      on_write = function(d, v) if v == 2 then d:irq(nil) else d:irq(v ~= 0 and v or false) end end } } }]],
        function(path)
      local b <close> = vmoon.bench { file = path }
      assert.matches("the level is a boolean; in Lua 0 would be true too: write value ~= 0",
        raised(b.write32, b, 0, 1).message, 1, true)
      assert.is_false(b.irq)
      b:write32(0, 0)
      b:write32(0, 2)
      assert.is_false(b.irq)
    end)
  end)

  it("prints to standard error", function()
    with_file(HEAD .. [[registers = { R = { at = 0, on_write = function(d, v) print("got",
      v) d:log "and on" end } } }]],
      function(path)
        local script = ("local b = require('vmoon').bench { file = %q } b:write32(0, 7)"):format(path)
        local p = assert(io.popen(("lua5.4 -e %q 2>&1 >/dev/null"):format(script)))
        local text = p:read "a"
        p:close()
        assert.equal("x: got 7\nx: and on\n", text)
      end)
  end)

  it("gets another d.state when it has none any more", function()
    with_file(HEAD .. [[state = { n = 1 }, registers = { R = { at = 0, on_write = function(d, v)
      if v == 1 then d.state = nil elseif v == 2 then d.state = { n = 5 } else d.state = v end end,
      on_read = function(d) return d.state.n end } } }]], function(path)
      local b <close> = vmoon.bench { file = path }
      b:write32(0, 1)
      for _, f in ipairs { b.save, b.reload, function() return b.state end } do
        assert.matches("device 'x': d.state has to be a table, and has become a nil value", raised(f, b).message, 1,
          true)
      end
      assert.matches("d has no 'state'", raised(b.read32, b, 0).message, 1, true)
      assert.matches("d.state cannot be set", raised(b.write32, b, 0, 3).message, 1, true)
      b:write32(0, 2)
      assert.same({ n = 5 }, b.state)
      assert.equal(5, b:read32(0))
    end)
  end)

  it("says what is no name of a register", function()
    with_file(HEAD .. "registers = { R = { at = 0, on_read = function(d) return d.reg[1] end } } }", function(path)
      local b <close> = vmoon.bench { file = path }
      assert.matches("the name of a register is a string, not number", raised(b.read32, b, 0).message, 1, true)
    end)
  end)

  it("cannot have a file that requires itself", function()
    local path = os.tmpname()
    local name = path:match "[^/]+$"
    local file = assert(io.open(path .. ".lua", "w"))
    file:write(('require "vmoon.device" return require "%s"'):format(name))
    file:close()
    local err = raised(vmoon.bench, { file = path .. ".lua" })
    os.remove(path .. ".lua")
    os.remove(path)
    assert.matches(("module '%s' requires itself"):format(name), err.message, 1, true)
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
