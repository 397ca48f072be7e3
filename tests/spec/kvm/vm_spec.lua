-- SPDX-License-Identifier: MIT
-- vm_spec.lua - VMs with small guests, on whatever /dev/kvm there is.
local support = assert(loadfile "tests/spec/kvm/support.lua")(it, function(why) pending(why) end)
local vmoon = require "vmoon"
local with, raised = support.with, support.raised

teardown(support.clean)

describe("a VM", function()
  with("hello", "runs to its end and leaves a record", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel, name = "a" }
    local match = vm:expect("guest", { timeout = 20 })
    assert.equal("guest", match.text)
    assert.equal("hello from the guest", match.line)
    assert.equal("hello from the ", match.before)
    assert.equal(1, match.key)
    local record = vm:wait { timeout = 20 }
    assert.equal("debug-exit", record.reason)
    assert.equal(42, record.status)
    assert.equal(42, record.exit_status)
    assert.same(record, vm.exit)
    assert.equal("stopped", vm.state)
    assert.equal("hello from the guest\n", vm.serial:text())
    assert.equal(#"hello from the guest\n", vm.serial:tell())
    assert.is_true(vm.stats.exits > 0 and vm.stats.console_bytes > 0)
    assert.equal(128 * 1024 * 1024, vm.stats.memory)
  end)

  with("spin", "starts, pauses, resumes and stops", function(kernel)
    local vm <close> = vmoon.new { kernel = kernel }
    assert.equal("created", vm.state)
    assert.equal(0.0, vm.uptime)
    assert.is_nil(vm.exit)
    assert.equal("running", vm:start().state)
    vm:expect("spinning", { timeout = 20 })
    assert.equal("paused", vm:pause().state)
    assert.equal("running", vm:resume().state)
    assert.equal("stopped", vm:stop().reason)
    assert.equal("stopped", vm:stop().reason)
    assert.equal("stopped", vm:shutdown().reason)
  end)

  with("spin", "says which step is impossible now", function(kernel)
    local vm <close> = vmoon.new { kernel = kernel, name = "a" }
    local err = raised(vm.resume, vm)
    assert.same({ "script", "state" }, { err.kind, err.code })
    assert.matches("^vm 'a': ", err.message)
    assert.matches("support.lua:%d+$", err.where)
    assert.matches("the VM is not started\n  hint: call vm:start() first", tostring(raised(vm.wait, vm)), 1, true)
    vm:start():pause()
    assert.matches("the VM is paused", raised(vm.expect, vm, "x").message, 1, true)
  end)

  with("spin", "is shut down, or stopped when it does not listen", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel }
    vm:expect("spinning", { timeout = 20 })
    assert.equal("stopped", vm:shutdown({ timeout = 0.2 }).reason)
  end)

  with("hello", "lives beside another one", function(kernel)
    local a <close> = vmoon.new { kernel = kernel, name = "a" }
    local b <close> = vmoon.new { kernel = kernel, name = "b" }
    b:start()
    assert.equal(42, b:wait({ timeout = 20 }).status)
    assert.equal("created", a.state)
    a:start()
    assert.equal(42, a:wait({ timeout = 20 }).status)
  end)

  with("hello", "copies its console to a file", function(kernel)
    local path = support.folder() .. "/console"
    local vm <close> = vmoon.new { kernel = kernel }
    local file = assert(io.open(path, "w"))
    vm.serial:copy_to(file)
    file:close() -- the VM has a descriptor of its own
    vm:start():wait { timeout = 20 }
    vm:close()
    assert.equal("hello from the guest\n", support.read(path))
  end)

  with("echo", "reads what the script writes", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel }
    vm:expect("ready", { timeout = 20 })
    vm.serial:write "marco polo\n"
    assert.equal("marco polo", vm:expect("marco polo", { timeout = 20 }).text)
  end)

  it("refuses a kernel that is none, and names it", function()
    local path = support.write("kernel", ("no kernel "):rep(1000))
    local err = raised(vmoon.new, { kernel = path, name = "a" })
    assert.equal("config", err.kind)
    assert.matches(path, tostring(err), 1, true)
  end)
end)

describe("a closed VM", function()
  with("hello", "says so, whatever it is asked", function(kernel)
    local vm = vmoon.new { kernel = kernel, name = "gone" }
    local serial = vm.serial
    vm:close()
    vm:close()
    assert.equal("gone", vm.name)
    assert.equal("vm 'gone' (closed)", tostring(vm))
    for _, field in ipairs { "state", "stats", "uptime", "exit", "serial" } do
      assert.equal("vm is closed", raised(function() return vm[field] end).message)
    end
    for _, method in ipairs { "start", "pause", "resume", "stop", "shutdown", "wait", "login", "console" } do
      assert.equal("vm is closed", raised(vm[method], vm).message)
    end
    assert.equal("vm is closed", raised(vm.expect, vm, "x").message)
    assert.equal("vm is closed", raised(serial.write, serial, "x").message)
    assert.equal("vm is closed", raised(serial.text, serial).message)
    assert.equal("vm is closed", raised(serial.copy_to, serial).message)
  end)

  with("spin", "was stopped by the end of its variable, also through an error", function(kernel)
    local kept
    assert.has_error(function()
      local vm <close> = vmoon.boot { kernel = kernel }
      kept = vm
      error "oops"
    end)
    assert.matches("closed", tostring(kept))
  end)
end)

describe("a handle", function()
  with("hello", "knows its names and suggests the right one", function(kernel)
    local vm <close> = vmoon.new { kernel = kernel, name = "a" }
    assert.equal("vm 'a' has no field or method \"puase\"\n  hint: did you mean \"pause\"?",
      (tostring(raised(function() vm:puase() end)):gsub("\n  at .*", "")))
    assert.matches('did you mean "write"?', tostring(raised(function() vm.serial:wirte "x" end)), 1, true)
    assert.equal("vm 'a': field \"memory\" cannot be set", raised(function() vm.memory = 1 end).message)
    assert.matches("has no field or method number", raised(function() return vm[1] end).message, 1, true)
    assert.equal("locked", getmetatable(vm))
  end)

  with("hello", "refuses options that do not exist", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel }
    local err = raised(vm.expect, vm, "x", { timout = 1 })
    assert.equal("expect: unknown option \"timout\"\n  hint: did you mean \"timeout\"?",
      (tostring(err):gsub("\n  at .*", "")))
    assert.matches("option timeout is a number, got string", raised(vm.wait, vm, { timeout = "1" }).message, 1, true)
    assert.matches("options are a table, got number", raised(vm.shutdown, vm, 5).message, 1, true)
    assert.matches("from 0 on", raised(vm.wait, vm, { timeout = -1 }).message, 1, true)
    assert.matches("from 0 on", raised(vm.wait, vm, { timeout = 0 / 0 }).message, 1, true)
    for _, wrong in ipairs { 1, true, {}, "", { timeout = 1 } } do
      assert.equal("script", raised(vm.expect, vm, wrong).kind)
    end
    assert.equal("script", raised(vm.expect, vm).kind)
  end)
end)

describe("expect", function()
  with("hello", "gives back the key of the alternative that came first", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel }
    local key, match = vm:expect { late = "guest", early = vmoon.re "h(el+)o", never = "bye", timeout = 20 }
    assert.equal("early", key)
    assert.equal("early", match.key)
    assert.same({ "ell" }, match.captures)
    local index, second = vm:expect({ vmoon.pat "(t)(h)e", "guest" }, { timeout = 20 })
    assert.equal(1, index)
    assert.same({ "t", "h" }, second.captures)
    assert.equal(" from ", second.before)
    assert.equal("guest", vm:expect("guest", { timeout = 20 }).text)
    assert.equal("\n", vm:expect(vmoon.pat "\n", { timeout = 20 }).text)
  end)

  with("hello", "takes plain strings as they stand", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel }
    assert.is_nil(vm:try_expect("h.llo", { timeout = 20 }))
    assert.equal("hello", vm:expect(vmoon.pat "^h.llo").text)
  end)

  with("spin", "says what it waited for, and what came instead", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel, name = "b" }
    vm:expect("spinning", { timeout = 20 })
    local match, err = vm:try_expect { vmoon.re "mysqld: ready|postgres: ready", "$ ", timeout = 0.1 }
    assert.is_nil(match)
    assert.equal("timeout", err.kind)
    assert.equal("vm 'b': no re(\"mysqld: ready|postgres: ready\") or \"$ \" on serial within 0.1s\n"
      .. "  last output:\n    | spinning", (tostring(err):gsub("\n  at .*", "")))
    assert.equal("spinning", err.tail)
  end)

  with("spin", "says after a long wait that the CPU is too slow for Linux", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel }
    local _, err = vm:try_expect("never", { timeout = 5 })
    local hint = tostring(err):find("hint: this CPU has neither VMX nor SVM", 1, true)
    assert.equal(vmoon.host().hw_virt, hint == nil)
  end)

  with("panic", "fails when the guest panics", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel, name = "a" }
    local err = raised(vm.expect, vm, "login:", { timeout = 60 })
    assert.equal("panic", err.kind)
    assert.matches("^vm 'a': guest panicked while waiting for \"login:\" %(%d+%.%ds%)$", err.message)
    assert.matches("\n  last output:\n    | Kernel panic - not syncing: test", tostring(err), 1, true)
    assert.equal("panic", err.exit.reason)
  end)

  with("panic", "finds the panic when it waits for it", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel }
    assert.equal("Kernel panic", vm:expect("Kernel panic", { timeout = 60 }).text)
    local record = vm:wait { timeout = 60 }
    assert.equal("panic", record.reason)
    assert.equal(100, record.exit_status)
    assert.matches("not syncing: test", record.message, 1, true)
  end)

  with("hello", "fails when the VM ends", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel, name = "d" }
    for _, pattern in ipairs { "never", vmoon.pat "never", vmoon.re "never" } do
      local err = raised(vm.expect, vm, pattern, { timeout = 60 })
      assert.equal("exited", err.kind)
      assert.matches("^vm 'd': VM stopped while waiting for .*never", err.message)
    end
  end)
end)

describe("an ending", function()
  with("pvpanic", "is a panic when the guest reports one", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel }
    assert.equal("panic", vm:wait({ timeout = 20 }).reason)
  end)

  with("triple_fault", "is a crash when the processor gives up", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel, on_reboot = "stop" }
    local record = vm:wait { timeout = 20 }
    assert.equal("crash", record.reason)
    assert.equal(102, record.exit_status)
  end)

  with("wild_jump", "is a crash with its place when nothing can be run there", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel }
    local record = vm:wait { timeout = 20 }
    assert.equal("crash", record.reason)
    assert.matches("^vCPU 0: .* at rip 0xd0000000$", record.message)
  end)

  with("poweroff", "is the guest's own", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel }
    local record = vm:wait { timeout = 20 }
    assert.equal("poweroff", record.reason)
    assert.equal(0, record.exit_status)
  end)

  with("reset", "may be a reset", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel, on_reboot = "stop" }
    assert.equal("reboot", vm:wait({ timeout = 20 }).reason)
  end)

  with("reset", "is none where a reset starts the guest again", function(kernel)
    local vm <close> = vmoon.boot { kernel = kernel }
    for _ = 1, 3 do
      vm:expect("resetting", { timeout = 20 })
    end
    vm:stop()
    assert.equal("stopped", vm:wait({ timeout = 20 }).reason)
  end)
end)

describe("vm:on", function()
  with("hello", "evl_04 contains an error of a function and reports it", function(kernel)
    local a <close> = vmoon.new { kernel = kernel, name = "a" }
    local b <close> = vmoon.new { kernel = kernel, name = "b" }
    local calls = {}
    for _, vm in ipairs { a, b } do
      vm:on("state", function(it, state) calls[#calls + 1] = it.name .. " " .. state end)
      vm:on("exit", function(it, record)
        calls[#calls + 1] = it.name .. " " .. record.reason
        error("on purpose")
      end)
      vm:start()
    end
    -- Any of the waits may be the one that is told, and of either VM.
    local failures = 0
    for _ = 1, 2 do
      for _, vm in ipairs { a, b } do
        local ok, err = pcall(vm.wait, vm, { timeout = 20 })
        if not ok then
          failures = failures + 1
          assert.matches("vm_spec.lua:%d+: on purpose\nstack traceback:", err)
        end
      end
    end
    -- The VMs and their waiting are as if nothing had been.
    for _, vm in ipairs { a, b } do
      assert.equal("debug-exit", vm:wait({ timeout = 20 }).reason)
    end
    assert.is_true(failures >= 1)
    for _, call in ipairs { "a debug-exit", "a stopped", "b debug-exit", "b stopped" } do
      assert.equal(1, select(2, (table.concat(calls, "\n") .. "\n"):gsub((call:gsub("-", "%%-")) .. "\n", "")))
    end
  end)

  with("spin", "evl_04 lets a function close its VM, and others go on", function(kernel)
    local a <close> = vmoon.boot { kernel = kernel, name = "a" }
    local seen = {}
    a:on("state", function(vm, state)
      seen[#seen + 1] = state
      if state == "stopped" then vm:close() end
    end)
    a:pause()
    assert.is_nil((a:try_expect("never", { timeout = 0.05 })))
    assert.same({ "paused" }, seen)
    a:stop()
    assert.matches("vm is closed", tostring(raised(function() a:wait { timeout = 1 } end)), 1, true)
    assert.same({ "paused", "stopped" }, seen)
  end)

  with("spin", "refuses unknown events and what is no function", function(kernel)
    local vm <close> = vmoon.new { kernel = kernel }
    assert.matches('did you mean "state"?', tostring(raised(vm.on, vm, "staet", print)), 1, true)
    assert.matches("the events are", tostring(raised(vm.on, vm, 1, print)), 1, true)
    assert.matches("a function is needed", tostring(raised(vm.on, vm, "exit", 7)), 1, true)
    local calls = 0
    vm:on("state", function() calls = calls + 1 end):on("state", nil)
    vm:stop()
    vm:wait()
    assert.equal(0, calls)
  end)
end)
