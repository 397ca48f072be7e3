-- SPDX-License-Identifier: MIT
-- console_spec.lua - `vmoon run` with a VM: console, terminal, exit status.
local support = assert(loadfile "tests/spec/kvm/support.lua")(it, function(why) pending(why) end)
local with = support.with

local function spec_script(kernel, more)
  return support.write("spec.lua", ("return { kernel = %q, name = \"a\" %s }\n"):format(kernel, more or ""))
end

teardown(support.clean)

describe("vmoon run with a VM to attend", function()
  for guest, expected in pairs {
    hello = { 42, "hello from the guest" },
    panic = { 100, "not syncing: test" },
    triple_fault = { 102, "about to fault" },
    poweroff = { 0, "powering off" },
  } do
    with(guest, "shows the console and ends with the status of " .. guest, function(kernel)
      local run = support.vmoon("run --timeout 60 " .. spec_script(kernel, ', on_reboot = "stop"'))
      assert.equal(expected[1], run.status)
      assert.matches(expected[2], run.out, 1, true)
    end)
  end

  with("hello", "takes a VM that the script has made, started or not", function(kernel)
    for _, call in ipairs { "new", "boot" } do
      local script = support.write("vm.lua", ("return require 'vmoon'.%s { kernel = %q }"):format(call, kernel))
      local run = support.vmoon("run --timeout 60 " .. script)
      assert.equal(42, run.status)
      assert.equal("hello from the guest\n", run.out)
    end
  end)

  with("hello", "refuses a VM that is closed already", function(kernel)
    local script = support.write("vm.lua",
      ("local vm <close> = require 'vmoon'.new { kernel = %q }\nreturn vm"):format(kernel))
    local run = support.vmoon("run " .. script)
    assert.equal(103, run.status)
    assert.matches("leave <close> out", run.err, 1, true)
  end)

  with("echo", "feeds the guest from a pipe", function(kernel)
    local input = support.write("input", "from a pipe\n")
    local run = support.vmoon("run --timeout 60 " .. spec_script(kernel), input)
    assert.equal(2, run.status)
    assert.matches("from a pipe", run.out, 1, true)
  end)

  with("spin", "ends with 101 when --timeout is over", function(kernel)
    local run = support.vmoon("run --timeout 0.5 " .. spec_script(kernel))
    assert.equal(101, run.status)
    assert.matches("spinning", run.out, 1, true)
  end)

  with("flood", "ends when its output has no reader", function(kernel)
    local run = support.sh(("vmoon run --timeout 60 %s </dev/null | head -c 1000 | wc -c"):format(spec_script(kernel)))
    assert.equal("1000", run.out:match "%d+")
  end)

  with("panic", "gives a script's own failure the guest's status", function(kernel)
    local script = support.write("t.lua", ([[
      local vm <close> = require "vmoon".boot { kernel = %q, name = "a" }
      vm:expect("login:", { timeout = 60 })
    ]]):format(kernel))
    local run = support.vmoon("run " .. script)
    assert.equal(100, run.status)
    assert.matches("vm 'a': guest panicked while waiting for \"login:\"", run.err, 1, true)
    assert.matches("at .*t.lua:2", run.err)
  end)

  with("spin", "gives a time-out in a script 101", function(kernel)
    local script = support.write("t.lua", ([[
      local vm <close> = require "vmoon".boot { kernel = %q }
      vm:expect("login:", { timeout = 0.1 })
    ]]):format(kernel))
    assert.equal(101, support.vmoon("run " .. script).status)
  end)

  with("triple_fault", "gives a crash during a wait 102", function(kernel)
    local script = support.write("t.lua", ([[
      local vm <close> = require "vmoon".boot { kernel = %q, on_reboot = "stop" }
      vm:expect("login:", { timeout = 60 })
    ]]):format(kernel))
    assert.equal(102, support.vmoon("run " .. script).status)
  end)

  with("hello", "ends with 104 and a reason where KVM may not be used", function(kernel)
    if support.sh("id -u").out ~= "0\n" then return pending "needs root, to drop it" end
    if support.sh("setpriv --reuid=65534 --clear-groups test -w /dev/kvm").status == 0 then
      return pending "/dev/kvm is open to everybody here"
    end
    local copy = support.folder() .. "/kernel"
    support.sh(("cp %s %s && chmod 644 %s"):format(kernel, copy, copy))
    local script = spec_script(copy)
    if support.sh("setpriv --reuid=65534 --clear-groups vmoon version").status ~= 0 then
      return pending "the build folder is closed to other users"
    end
    local run = support.sh(("setpriv --reuid=65534 --clear-groups vmoon run %s </dev/null"):format(script))
    assert.equal(104, run.status)
    assert.matches("/dev/kvm", run.err, 1, true)
  end)
end)

-- Runs `vmoon run` on a terminal of its own, made by script(1). Once the
-- terminal is raw, `act` is done ($pid is the command's); then its mode, from
-- before and after, and the status are compared.
local function on_terminal(script_path, act)
  local folder = support.folder()
  support.write("inner.sh", ([[
    cd %s
    stty -g > before
    (
      until [ -s pid ] && ! stty -g < /dev/tty | cmp -s - before; do sleep 0.05; done
      pid=$(cat pid)
      %s
    ) &
    sh -c 'echo $$ > pid; exec vmoon run --timeout 60 %s'
    echo $? > status
    stty -g > after
  ]]):format(folder, act, script_path))
  -- Open for reading and writing, the pipe has no end.
  support.sh(("cd %s && rm -f pid status after key && mkfifo key && "
    .. "timeout 100 script -qec 'sh inner.sh' /dev/null 0<>key"):format(folder))
  return {
    before = support.read(folder .. "/before"), after = support.read(folder .. "/after"),
    status = tonumber(support.read(folder .. "/status")),
  }
end

describe("the terminal", function()
  for signal, status in pairs { TERM = 143, HUP = 129, INT = 130, QUIT = 131 } do
    with("spin", "is as before after SIG" .. signal, function(kernel)
      local run = on_terminal(spec_script(kernel), "kill -" .. signal .. " $pid")
      assert.equal(status, run.status)
      assert.not_equal("", run.before)
      assert.equal(run.before, run.after)
    end)
  end

  with("spin", "is as before after Ctrl-A x, which stops the VM", function(kernel)
    local run = on_terminal(spec_script(kernel), "printf 'ab\\001x' > key")
    assert.equal(0, run.status)
    assert.equal(run.before, run.after)
  end)

  with("echo", "is as before after the guest's own end", function(kernel)
    local run = on_terminal(spec_script(kernel), "printf 'hello\\n' > key")
    assert.equal(2, run.status)
    assert.equal(run.before, run.after)
  end)

  with("spin", "is as before when the time is over", function(kernel)
    local run = on_terminal(spec_script(kernel), "kill -ALRM $pid")
    assert.equal(101, run.status)
    assert.equal(run.before, run.after)
  end)
end)
