-- SPDX-License-Identifier: MIT
-- shell_spec.lua - a login, commands and their status, in a Debian guest.
local linux = assert(loadfile "tests/spec/linux/support.lua")(it, function(why) pending(why) end)
local vmoon = require "vmoon"

describe("a shell in the guest", function()
  local vm, sh

  lazy_setup(function()
    if not (linux.kernel and linux.initrd and vmoon.host().kvm) then return end
    -- Not quiet: kernel messages come while the login is typed.
    vm = vmoon.boot(linux.spec { name = "c", cmdline = "console=ttyS0" })
    sh = vm:login { user = "root", timeout = linux.long }
  end)
  lazy_teardown(function() if vm then vm:close() end end)

  linux.it("runs commands and returns their output", function()
    assert.equal("Linux", sh:run "uname -s")
    assert.equal("1", sh:run "nproc")
    assert.equal("", sh:run "true")
    assert.equal("a\n", sh:run "printf 'a\\n\\n'")
    assert.equal("it's", sh:run "echo \"it's\"")
    assert.equal("1\n2\n3", sh:run "for i in 1 2 3\ndo echo $i\ndone")
  end)

  linux.it("keeps its state from one command to the next", function()
    sh:run "cd /proc; answer=42"
    assert.equal("/proc 42", sh:run "echo $(pwd) $answer")
  end)

  linux.it("reports a failing command with its output", function()
    local ok, err = pcall(sh.run, sh, "ls /nonexistent")
    assert.is_false(ok)
    assert.equal("command", err.kind)
    assert.equal(1, err.status)
    assert.matches("No such file", err.output, 1, true)
    assert.equal("vm 'c': command failed with status 1: ls /nonexistent\n"
      .. "    | ls: /nonexistent: No such file or directory", (tostring(err):gsub("\n  at .*", "")))
    assert.same({ "", 3 }, { sh:try "(exit 3)" })
    assert.equal(2, select(2, sh:try "if then"))
  end)

  linux.it("is not confused by kernel messages", function()
    assert.equal("before\nafter", sh:run "echo before; echo noise > /dev/kmsg; echo after")
  end)

  linux.it("gives a command no input to wait for", function()
    assert.equal("", sh:run "cat")
  end)

  linux.it("can be used after a command that took too long", function()
    local ok, err = pcall(sh.run, sh, "sleep 1000", { timeout = 1 })
    assert.is_false(ok)
    assert.equal("timeout", err.kind)
    assert.equal("again", sh:run "echo again")
  end)

  linux.it("takes long commands and long output", function()
    local word = ("x"):rep(3000)
    assert.equal(word, sh:run("echo " .. word))
    assert.equal(20000, #sh:run "head -c 20000 /dev/zero | tr '\\0' y")
  end)

  linux.it("is where send types a line and expect sees the answer", function()
    sh:send "echo one; echo $((1 + 1)) two"
    assert.equal("2 two", vm:expect("2 two", { timeout = linux.long }).text)
    assert.equal(sh, vm.shell)
  end)
end)
