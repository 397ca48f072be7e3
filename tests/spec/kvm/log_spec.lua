-- SPDX-License-Identifier: MIT
-- log_spec.lua - vm.log with small guests: levels, layout, sinks, the command's options.
local support = assert(loadfile "tests/spec/kvm/support.lua")(it, function(why) pending(why) end)
local read_json = dofile "tests/support/json.lua"
local vmoon = require "vmoon"
local with, raised = support.with, support.raised

local STRAY = "access to an unassigned address at 0x7000"

teardown(support.clean)

describe("the log of a VM", function()
  with("pio", "says what the guest did and how it ended", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel, name = "a" }
    assert.equal(0, vm:wait({ timeout = 60 }).status)
    local lines = {}
    for line in vm.log:text():gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
    assert.equal(5, #lines)
    for i = 1, 4 do assert.matches("^ +%d+%.%d%d%d%d%d%d info  ports: " .. STRAY .. "$", lines[i]) end
    assert.matches("^ +%d+%.%d%d%d%d%d%d info  vm: ended: debug%-exit$", lines[5])
    assert.equal(#vm.log:text(), vm.log:tell())
    assert.equal("log of vm 'a'", tostring(vm.log))
    assert.equal(vm.log, vm.log)
  end)

  with("pio", "is JSON, a line each, where that is wanted", function(kernel)
    local path = support.folder() .. "/vm.log"
    local vm <close> = vmoon.boot {
      kernel = kernel, name = "web-1",
      log = { format = "json", sinks = { { sink = "file:" .. path }, { sink = "ring" } } },
    }
    vm:wait { timeout = 60 }
    local count, last = 0, nil
    for line in support.read(path):gmatch "([^\n]*)\n" do
      count, last = count + 1, read_json(line)
      assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d%d%d%dZ$", last.time)
      assert.is_true(last.uptime >= 0 and last.uptime < 60)
      assert.same({ "info", "web-1" }, { last.level, last.vm })
    end
    assert.same({ 5, "vm", "ended: debug-exit" }, { count, last.module, last.message })
    assert.equal(support.read(path), vm.log:sink_text "ring")
    local stats = vm.log:stats()
    assert.same({ vm.log:tell(), 0, 2 }, { stats.bytes, stats.dropped, #stats.sinks })
    for _, sink in ipairs(stats.sinks) do
      assert.same({ vm.log:tell(), vm.log:tell(), 0, 0 },
        { sink.bytes_in, sink.bytes_out, sink.bytes_dropped, sink.backlog })
    end
  end)

  with("pio", "has levels for modules, from the start or later", function(kernel)
    local a <close> = vmoon.boot { kernel = kernel, log = { level = "error", modules = "vm=info" } }
    a:wait { timeout = 60 }
    assert.matches("^ +%S+ info  vm: ended: debug%-exit\n$", a.log:text())
    local b <close> = vmoon.new { kernel = kernel }
    assert.equal(b.log, b.log:level("error,ports=info"):format "json")
    b:start():wait { timeout = 60 }
    assert.equal("ports", read_json(b.log:text():match "[^\n]*").module)
    assert.is_nil(b.log:text():find("ended", 1, true))
  end)

  with("pio", "calls what on_data says, and takes sinks while it lives", function(kernel)
    local got, told = {}, {}
    local vm <close> = vmoon.new {
      kernel = kernel, log = { sinks = { { sink = "callback", on_data = function(bytes) got[#got + 1] = bytes end } } },
    }
    vm.log:add_sink { sink = "ring", limit = { policy = "drop", rate = "1K/s", burst = "1K" } }
    vm.log:on("limited", function(event) told[#told + 1] = event.sink end)
    vm:start():wait { timeout = 60 }
    vmoon.sleep(0)
    assert.equal(vm.log:text(), table.concat(got))
    assert.equal(vm.log:text(), vm.log:sink_text "ring")
    assert.same({}, told)
    assert.equal(2, #vm.log:stats().sinks)
    assert.equal(0, #vm.serial:stats().sinks)
    assert.equal(1, #vm.log:remove_sink("ring"):stats().sinks)
  end)

  with("pio", "refuses what makes no sense, and goes on", function(kernel)
    local vm <close> = vmoon.new { kernel = kernel, name = "a" }
    local log = vm.log
    assert.equal('vm \'a\': log: there is no module "prots" (did you mean "ports"?)',
      raised(log.level, log, "prots=info").message)
    assert.equal('vm \'a\': limit: a log has no guest that could be paused; choose "drop" or "spool"',
      raised(log.add_sink, log, { sink = "null", limit = { policy = "pause", rate = "8K/s" } }).message)
    assert.equal("log:add_sink: a table is needed, got string", raised(log.add_sink, log, "null").message)
    assert.equal("log of vm 'a' has no field or method \"write\"", raised(function() return log:write "x" end).message)
    assert.equal('log:format: no format "xml"', raised(log.format, log, "xml").message)
    assert.equal("log:level: a string is needed, got nil", raised(log.level, log).message)
    assert.equal(0, #log:stats().sinks)
    vm:start():wait { timeout = 60 }
    assert.matches("ended: debug-exit", log:text(), 1, true)
    vm:close()
    assert.equal("vm is closed", raised(log.text, log).message)
  end)
end)

describe("vmoon run", function()
  local function run(kernel, options, more)
    local script = support.write("log.lua", ("return { kernel = %q, name = 'a', %s }"):format(kernel, more or ""))
    return support.vmoon("run " .. options .. " " .. script)
  end

  with("pio", "--log takes a path, and what the description says stays", function(kernel)
    local path, other = support.folder() .. "/cli.log", support.folder() .. "/own.log"
    local result = run(kernel, "--log " .. path, ("log = { sinks = { { sink = 'file:%s' } } }"):format(other))
    assert.same({ 0, "" }, { result.status, result.err })
    assert.matches(STRAY, support.read(path), 1, true)
    assert.equal(support.read(path), support.read(other))
  end)

  with("pio", "--log takes a sink, --log-level and --log-json change it", function(kernel)
    local result = run(kernel, "--log stderr --log-level error,vm=info --log-json", "log = { level = 'debug' }")
    assert.equal(0, result.status)
    local line = read_json(result.err)
    assert.same({ "vm", "a", "ended: debug-exit" }, { line.module, line.vm, line.message })
  end)

  with("pio", "--log says what it cannot write to", function(kernel)
    local result = run(kernel, "--log " .. support.folder())
    assert.not_equal(0, result.status)
    assert.matches(support.folder(), result.err, 1, true)
  end)
end)
