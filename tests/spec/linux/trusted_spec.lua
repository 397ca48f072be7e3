-- SPDX-License-Identifier: MIT
-- trusted_spec.lua - Linux's own driver with devices in Lua that have a thread
-- of their own: one that is trusted with the host's files, one in a sandbox.
local linux = assert(loadfile "tests/spec/linux/support.lua")(it, function(why) pending(why) end)

local LONG <const> = { timeout = linux.long }

-- The bytes of a file on the host, for a guest's hwrng; which threads read it.
local RNG <const> = [[
local dev = require "vmoon.device"
return dev.virtio {
  name = "hostrng", id = 4,
  params = { path = { type = "string" } },
  state = { served = 0, resets = 0, threads = {} },
  on_reset = function(d) d.state.resets = d.state.resets + 1 end,
  queues = { { name = "request", size = 64, on_buffer = function(d, buf)
    local f <close> = assert(io.open(d.params.path, "rb"))
    local comm <close> = assert(io.open "/proc/thread-self/comm")
    d.state.threads[comm:read "l"] = true
    d.state.served = d.state.served + buf:write(f:read(64))
    buf:done()
  end } },
}
]]

local path
setup(function()
  path = os.tmpname()
  local f <close> = assert(io.open(path, "w"))
  f:write(RNG)
end)
teardown(function() os.remove(path) end)

local function use_rng(sh)
  assert.equal("virtio_rng.0", sh:run "cat /sys/class/misc/hw_random/rng_current")
  sh:run("dd if=/dev/hwrng of=/tmp/bytes bs=64 count=500 iflag=fullblock 2>/dev/null", LONG)
  assert.equal("2000", sh:run("xxd -p -c 16 /tmp/bytes | sort -u | wc -l", LONG))
end

describe("a trusted device in Lua", function()
  linux.it("serves a stock driver from the host's files, also after a reset", function()
    local vm <close>, sh = linux.boot { cpus = 2,
      devices = { { file = path, trusted = true, params = { path = "/dev/urandom" } } } }
    use_rng(sh)
    local d = vm.device.hostrng
    local state = d.state
    assert.same({ ["vmoon-trusted0"] = true }, state.threads)
    assert.is_true(state.served >= 32000)
    sh:send "reboot -f"
    vm:expect("vmoon guest: init reached", LONG)
    use_rng(vm:login { timeout = linux.long })
    assert.is_true(d.state.resets > state.resets)
    linux.sound(d)
  end)
end)

describe("a device in Lua with a worker of its own", function()
  linux.it("is the kernel's source of entropy as well", function()
    local own = os.tmpname()
    local from <close> = assert(io.open "scripts/devices/rng.lua")
    local to <close> = assert(io.open(own, "w"))
    to:write((from:read("a"):gsub('name = "luarng",', '%0 worker = "own",')))
    to:flush()
    local vm <close>, sh = linux.boot { devices = { { file = own, budget = 1, params = { seed = 7, max = 64 } } } }
    os.remove(own)
    use_rng(sh)
    linux.sound(vm.device.luarng)
  end)
end)
