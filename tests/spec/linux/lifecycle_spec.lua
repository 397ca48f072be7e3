-- SPDX-License-Identifier: MIT
-- lifecycle_spec.lua - how a Debian guest ends, restarts and stands still.
local linux = assert(loadfile "tests/spec/linux/support.lua")(it, function(why) pending(why) end)
local vmoon = require "vmoon"

local REACHED = "vmoon guest: init reached"

describe("a Debian guest", function()
  linux.it("is switched off by itself", function()
    local vm <close> = vmoon.boot(linux.spec { cmdline = "console=ttyS0 quiet vmoon.poweroff" })
    assert.equal("poweroff", vm:wait({ timeout = linux.long }).reason)
  end)

  linux.it("is switched off by us, through its power button", function()
    local vm <close> = vmoon.boot(linux.spec())
    vm:login { timeout = linux.long }
    assert.equal("poweroff", vm:shutdown({ timeout = linux.long }).reason)
  end)

  linux.it("comes back after a reboot", function()
    local vm <close> = vmoon.boot(linux.spec())
    local sh = vm:login { timeout = linux.long }
    sh:send "reboot -f"
    vm:expect(REACHED, { timeout = linux.long })
    assert.equal(1, vm.stats.resets)
    assert.equal("running", vm.state)
    assert.equal("Linux", vm:login({ timeout = linux.long }):run "uname -s")
  end)

  linux.it("ends with a reboot when it is told so", function()
    local vm <close> = vmoon.boot(linux.spec {
      cmdline = "console=ttyS0 quiet vmoon.reboot", on_reboot = "stop",
    })
    assert.equal("reboot", vm:wait({ timeout = linux.long }).reason)
  end)

  linux.it("tells of its panic", function()
    local vm <close> = vmoon.boot(linux.spec { name = "a", cmdline = "console=ttyS0 vmoon.panic" })
    local match, err = vm:try_expect("never printed", { timeout = linux.long })
    assert.is_nil(match)
    assert.equal("panic", err.kind)
    assert.matches("^vm 'a': guest panicked while waiting for \"never printed\"", err.message)
    assert.matches("Kernel panic - not syncing", err.tail, 1, true)
    assert.equal(100, vm:wait({ timeout = linux.long }).exit_status)
  end)

  linux.it("stands still while it is paused", function()
    local vm <close> = vmoon.boot(linux.spec())
    local sh = vm:login { timeout = linux.long }
    sh:send "while true; do echo tick; sleep 0.1; done"
    vm:expect("tick", { timeout = linux.long })
    vm:pause()
    vmoon.sleep(0.3) -- what was on its way arrives
    local before = vm.serial:tell()
    vmoon.sleep(1)
    assert.equal(before, vm.serial:tell())
    vm:resume()
    vm:expect("tick", { timeout = linux.long })
    assert.is_true(vm.serial:tell() > before)
  end)
end)
