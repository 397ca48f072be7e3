-- SPDX-License-Identifier: MIT
-- sinks_spec.lua - where a real guest's console goes, and what that does to it.
local support = assert(loadfile "tests/spec/kvm/support.lua")(it, function(why) pending(why) end)
local vmoon = require "vmoon"
local with, raised = support.with, support.raised

local function sink(vm, name)
  for _, it in ipairs(vm.serial:stats().sinks) do
    if it.sink == name then return it end
  end
end

local function add_up(vm)
  for _, it in ipairs(vm.serial:stats().sinks) do
    assert.equal(it.bytes_in, it.bytes_out + it.bytes_dropped + it.backlog, it.sink)
  end
end

-- Until the guest has printed so many bytes.
local function flooded(vm, bytes)
  while vm.serial:tell() < bytes do vmoon.sleep(0.02) end
end

teardown(support.clean)

describe("a sink", function()
  with("hello", "of each kind gets all that a guest prints", function(kernel)
    local folder, chunks = support.folder(), {}
    support.sh("mkfifo " .. folder .. "/fifo")
    local vm <close> = vmoon.boot {
      kernel = kernel,
      serial = {
        { sink = "file:" .. folder .. "/file" },
        { sink = "fifo:" .. folder .. "/fifo" },
        { sink = "ring" },
        { sink = "null" },
        { sink = "callback", on_data = function(bytes, info)
          chunks[#chunks + 1] = bytes
          assert.equal("callback", info.sink)
          assert.equal(0, info.dropped)
          assert.is_true(info.time >= 0 and info.backlog >= 0)
        end },
      },
    }
    vm:wait { timeout = 20 }
    local all = vm.serial:text():gsub("\n", "\r\n")
    local raw = table.concat(chunks)
    assert.equal("hello from the guest", raw:match "[^\r\n]+")
    assert.equal(raw, support.read(folder .. "/file"))
    assert.equal(raw, vm.serial:sink_text "ring")
    assert.is_true(raw == all or raw == vm.serial:text())
    add_up(vm)
    for _, it in ipairs(vm.serial:stats().sinks) do
      assert.same({ #raw, #raw, 0, "working" }, { it.bytes_in, it.bytes_out, it.bytes_dropped, it.state }, it.sink)
    end
  end)

  with("flood", "in a file ends at its size, with a line that says so", function(kernel)
    local path = support.folder() .. "/capped"
    local vm <close> = vmoon.boot { kernel = kernel, serial = { { sink = "file:" .. path, max_size = "8K" } } }
    flooded(vm, 20000)
    vm:stop()
    local text = support.read(path)
    assert.is_true(#text <= 8192, #text)
    assert.matches("%[vmoon: file full at 8K, the rest is dropped%]\n$", text)
    assert.equal("failed", sink(vm, "file:" .. path).state)
    add_up(vm)
  end)

  with("reset", "in files goes on in the next, and keeps some", function(kernel)
    local path = support.folder() .. "/rotated"
    local vm <close> = vmoon.boot {
      kernel = kernel, serial = { { sink = "file:" .. path, name = "log", max_size = "1K", generations = 2 } },
    }
    while sink(vm, "log").bytes_out < 4 * 1024 do vmoon.sleep(0.02) end
    vm:stop()
    local all = ""
    for _, name in ipairs { path .. ".2", path .. ".1", path } do
      local text = support.read(name)
      assert.is_true(#text > 0 and #text <= 1024, name)
      all = all .. text
    end
    assert.is_true(#all > 1900, #all)
    assert.matches((all:gsub("\r\n", "\n")), vm.serial:text(), 1, true)
    assert.equal("", support.read(path .. ".3"))
    assert.equal("working", sink(vm, "log").state)
    add_up(vm)
  end)

  with("flood", "that drops says where and how much", function(kernel)
    local path = support.folder() .. "/dropped"
    local vm <close> = vmoon.boot {
      kernel = kernel,
      serial = { { sink = "file:" .. path, limit = { policy = "drop", rate = "1K/s", burst = "1K" } } },
    }
    flooded(vm, 20000)
    vm:stop()
    local text, told = support.read(path), 0
    for bytes in text:gmatch "%[vmoon: ([%d,]+) bytes?, [%d,]+ lines? dropped%]\n" do
      told = told + tonumber((bytes:gsub(",", "")))
    end
    local it = sink(vm, "file:" .. path)
    assert.equal(it.bytes_dropped, told)
    assert.equal(#text, it.bytes_out + it.marker_bytes)
    assert.is_true(it.bytes_dropped > 10000)
    add_up(vm)
  end)

  with("flood", "that pauses holds the guest no longer than it may", function(kernel)
    local vm <close> = vmoon.boot {
      kernel = kernel,
      serial = { { sink = "null", limit = { policy = "pause", rate = "1K/s", burst = "1K", max_stall = 0.25 } } },
    }
    -- This guest writes on while it is held, so there is an end to that.
    while sink(vm, "null").bytes_dropped == 0 do vmoon.sleep(0.02) end
    vmoon.sleep(0.5)
    local it = sink(vm, "null")
    assert.is_true(it.stalled > 0 and it.stalled <= 0.26, it.stalled)
    add_up(vm)
  end)

  with("flood", "may be added, limited and taken away while the guest prints", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel }
    assert.same({}, vm.serial:stats().sinks)
    vm.serial:add_sink { sink = "ring", name = "new", max_size = "4K" }
    flooded(vm, 8192)
    assert.equal(4096, #vm.serial:sink_text "new")
    vm.serial:limit("new", { policy = "spool", rate = "1K/s", burst = "1K", capacity = "4K" })
    local seen = vm.serial:tell()
    flooded(vm, seen + 20000)
    assert.equal("spool", sink(vm, "new").policy)
    assert.is_true(sink(vm, "new").bytes_dropped > 0)
    vm.serial:limit("new")
    local before = sink(vm, "new").bytes_out
    flooded(vm, vm.serial:tell() + 10000)
    assert.is_true(sink(vm, "new").bytes_out > before + 4000)
    add_up(vm)
    vm.serial:remove_sink "new"
    assert.same({}, vm.serial:stats().sinks)
    assert.equal("running", vm.state)
  end)

  with("flood", "tells of itself, but at most once a second", function(kernel)
    local events = {}
    local vm <close> = vmoon.boot {
      kernel = kernel,
      serial = { { sink = "null", limit = { policy = "drop", rate = "1K/s", burst = "1K" } } },
    }
    vm.serial:on("limited", function(event) events[#events + 1] = event end)
    local started = vm.uptime
    while #events < 2 do vmoon.sleep(0.05) end
    assert.is_true(vm.uptime - started >= 0.9)
    assert.equal("null", events[1].sink)
    assert.equal("drop", events[1].policy)
    assert.is_true(events[2].bytes > events[1].bytes)
  end)

  with("hello", "shares a rate with others of its group", function(kernel)
    local vm <close> = vmoon.boot {
      kernel = kernel,
      groups = { { name = "all", rate = "1K/s", burst = "1K" } },
      serial = {
        { sink = "null", limit = { policy = "drop", group = "all" } },
        { sink = "ring", limit = { policy = "drop", group = "all" } },
      },
    }
    vm:wait { timeout = 20 }
    add_up(vm)
    assert.equal(0, sink(vm, "null").bytes_dropped)
  end)

  with("flood", "of a group gets what the others leave", function(kernel)
    local vm <close> = vmoon.boot {
      kernel = kernel,
      groups = { { name = "all", rate = "1K/s", burst = "8K" } },
      serial = {
        { sink = "null", limit = { policy = "drop", group = "all" } },
        { sink = "ring", limit = { policy = "drop", group = "all" } },
      },
    }
    flooded(vm, 40000)
    vm:stop()
    local sum = sink(vm, "null").bytes_out + sink(vm, "ring").bytes_out
    assert.is_true(sum >= 8192 and sum <= 8192 + 1024 * (vm.uptime + 1), sum)
    add_up(vm)
  end)

  with("flood", "of a group gets another rate while the guest prints", function(kernel)
    local vm <close> = vmoon.boot {
      kernel = kernel,
      groups = { { name = "all", rate = "1K/s", burst = "1K" } },
      serial = { { sink = "null", limit = { policy = "drop", group = "all" } } },
    }
    flooded(vm, 20000)
    assert.is_true(sink(vm, "null").bytes_dropped > 10000)
    vm.serial:limit_group("all", { rate = "1G/s" })
    flooded(vm, vm.serial:tell() + 5000)
    local before = sink(vm, "null")
    flooded(vm, vm.serial:tell() + 20000)
    local after = sink(vm, "null")
    assert.is_true(after.bytes_out - before.bytes_out > 15000)
    assert.equal(before.bytes_dropped, after.bytes_dropped)
    local err = raised(vm.serial.limit_group, vm.serial, "al", { rate = "1K/s" })
    assert.equal("vm 'vm': there is no group 'al'; the VM's description names all that it has", err.message)
    err = raised(vm.serial.limit_group, vm.serial, "all", {})
    assert.equal("vm 'vm': group 'all': give it a rate", err.message)
    err = raised(vm.serial.limit_group, vm.serial, "all", { rate = "1K" })
    assert.equal("rate", err.problems[1].path)
    add_up(vm)
  end)

  with("flood", "shares a rate with those of other VMs", function(kernel)
    local function spec(name, rate)
      return {
        name = name, kernel = kernel,
        groups = { { name = "host", rate = rate, burst = "8K", shared = true } },
        serial = { { sink = "null", limit = { policy = "drop", group = "host" } } },
      }
    end
    local a <close> = vmoon.boot(spec("a", "1K/s"))
    local b <close> = vmoon.boot(spec("b", "1K/s"))
    flooded(a, 30000)
    flooded(b, 30000)
    local err = raised(vmoon.new, spec("c", "2K/s"))
    assert.matches("group 'host': another VM shares it with another rate", err.message, 1, true)
    a:stop()
    b:stop()
    local sum = sink(a, "null").bytes_out + sink(b, "null").bytes_out
    assert.is_true(sum >= 8192 and sum <= 8192 + 1024 * (a.uptime + 1), sum)
    a:close()
    b:close()
    local c <close> = vmoon.new(spec("c", "2K/s")) -- nobody has it any more
    assert.equal("created", c.state)
  end)

  with("flood", "calls a function that waits, but not inside itself", function(kernel)
    local depth, deepest, calls, bytes_seen = 0, 0, 0, 0
    local vm <close> = vmoon.boot {
      kernel = kernel,
      serial = { { sink = "callback", on_data = function(bytes)
        depth, calls, bytes_seen = depth + 1, calls + 1, bytes_seen + #bytes
        deepest = math.max(deepest, depth)
        vmoon.sleep(0.02)
        depth = depth - 1
      end } },
    }
    while calls < 20 do vmoon.sleep(0.02) end
    assert.equal(1, deepest)
    vm:stop()
    vmoon.sleep(0)
    -- The last of it as well, and all of it.
    local it = sink(vm, "callback")
    assert.equal(it.bytes_in, bytes_seen + it.bytes_dropped)
    assert.equal(0, it.backlog)
    add_up(vm)
  end)

  with("flood", "has functions that may add sinks, remove them, and close the VM", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel }
    local calls = 0
    local function go_on(_, info)
      calls = calls + 1
      if calls == 40 then return vm:close() end
      vm.serial:remove_sink(info.sink)
      vm.serial:add_sink { sink = "callback", name = ("n%d"):format(calls), on_data = go_on }
    end
    for i = 1, 5 do vm.serial:add_sink { sink = "callback", name = ("s%d"):format(i), on_data = go_on } end
    while calls < 40 do vmoon.sleep(0.02) end
    assert.matches("vm is closed", raised(function() return vm.serial end).message, 1, true)
    vmoon.sleep(0.02)
    assert.equal(40, calls)
  end)

  with("flood", "raises a function's error once, where the script waits", function(kernel)
    local calls = 0
    local vm <close> = vmoon.boot {
      kernel = kernel,
      serial = { { sink = "callback", on_data = function()
        calls = calls + 1
        if calls == 1 then error "one mistake" end
        if calls == 2 then coroutine.yield() end
      end } },
    }
    local function wait() while true do vmoon.sleep(0.02) end end
    assert.matches("one mistake", raised(wait), 1, true)
    assert.equal(1, calls)
    assert.matches("attempt to yield", raised(coroutine.wrap(wait)), 1, true)
    assert.equal(2, calls)
    while calls < 4 do vmoon.sleep(0.02) end
    assert.equal("running", vm.state)
    add_up(vm)
  end)

  with("spin", "keeps no VM from the collector", function(kernel)
    local seen = setmetatable({}, { __mode = "k" })
    do
      local vm = vmoon.new {
        kernel = kernel, serial = { { sink = "callback", on_data = function() end } },
      }
      vm.serial:on("limited", function() return vm end)
      vm.log:on("limited", function() return vm.serial end)
      vm.serial:add_sink { sink = "callback", name = "its", on_data = function() return vm end }
      vm:on("exit", function() return vm end)
      seen[vm] = true
      vm:close()
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(seen))
  end)

  with("hello", "that is refused empties and leaves no file of the others", function(kernel)
    local folder = support.folder()
    support.write("was", "kept")
    local function refused(spec)
      spec.kernel = kernel
      local err = raised(vmoon.new, spec)
      assert.matches("nobody can be reached there", err.message, 1, true)
      assert.equal("kept", support.read(folder .. "/was"))
      assert.is_nil(io.open(folder .. "/new"))
    end
    local was, new = { sink = "file:" .. folder .. "/was", name = "was" }, { sink = "file:" .. folder .. "/new" }
    local gone = { sink = "unix:" .. folder .. "/none" }
    refused { serial = { was, new, gone } }
    refused { serial = { was }, log = { sinks = { new, gone } } }
    local vm <close> = vmoon.new { kernel = kernel, serial = { was, new } }
    assert.equal("", support.read(folder .. "/was"))
    local err = raised(vm.serial.add_sink, vm.serial, { sink = "file:" .. folder .. "/other", name = "was" })
    assert.matches("there is one of that name", err.message, 1, true)
    assert.is_nil(io.open(folder .. "/other"))
  end)

  with("hello", "that cannot be is refused, and nothing has changed", function(kernel)
    local folder = support.folder()
    support.write("plain", "kept")
    support.sh(("ln -s plain %s/link; mkdir %s/sub"):format(folder, folder))
    local function refused(kind, name, message)
      local path = ("%s:%s/%s"):format(kind, folder, name)
      local err = raised(vmoon.new, { kernel = kernel, serial = { { sink = path } } })
      assert.equal(("output '%s': %s"):format(path, message), err.message)
    end
    refused("file", "link", "that is a symbolic link, which is not followed; name the file itself")
    refused("file", "sub", "that is a directory; name a file in it")
    refused("fifo", "plain", "that is no FIFO; make one with mkfifo")
    refused("file", "none/x", "its directory: No such file or directory")
    assert.equal("kept", support.read(folder .. "/plain"))
  end)

  with("spin", "is added in the words of the schema, with its place", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel }
    local err = raised(vm.serial.add_sink, vm.serial, { sink = "fil:x", limit = { policy = "drop" } })
    assert.equal("config", err.kind)
    assert.equal(2, #err.problems)
    assert.equal("sink", err.problems[1].path)
    assert.matches('there is no sink "fil:x"', err.problems[1].message, 1, true)
    assert.matches('did you mean "file:"?', err.problems[1].hint, 1, true)
    assert.equal("limit", err.problems[2].path)
    err = raised(vm.serial.limit, vm.serial, "x", { policy = "drop", rate = "0K/s" })
    assert.equal("rate", err.problems[1].path)
    err = raised(vm.serial.limit, vm.serial, "x", { policy = "drop", rate = "1K/s" })
    assert.equal("vm 'vm': there is no output 'x'", err.message)
    err = raised(vm.serial.limit, vm.serial, "x", { policy = "drop", rate = "1K/s", group = "none" })
    assert.equal("vm 'vm': there is no group 'none'; the VM's description names all that it has", err.message)
    err = raised(vm.serial.on, vm.serial, "limted", print)
    assert.equal('  did you mean "limited"?', err.detail)
    assert.same({}, vm.serial:stats().sinks)
  end)
end)
