-- SPDX-License-Identifier: MIT
-- virtio_spec.lua - what Linux's own drivers make of our virtio devices.
local linux = assert(loadfile "tests/spec/linux/support.lua")(it, function(why) pending(why) end)
local vmoon = require "vmoon"

local LONG <const> = { timeout = linux.long }

-- A folder for one test's images.
local function folder()
  local pipe = assert(io.popen "mktemp -d")
  local path = pipe:read "l"
  pipe:close()
  return path
end

local function boot(fields)
  local vm = vmoon.boot(linux.spec(fields))
  local ok, sh = pcall(vm.login, vm, LONG)
  if ok then return vm, sh end
  vm:close()
  error(sh, 0)
end

local function run_all(sh, commands)
  for _, command in ipairs(commands) do sh:run(command, LONG) end
end

-- A file system with a known file in it; the sum of that.
local function fill(sh)
  run_all(sh, {
    "mkfs.ext4 -q -F /dev/vda", "mkdir -p /mnt", "mount /dev/vda /mnt",
    "dd if=/dev/urandom of=/mnt/file bs=64k count=32 2>/dev/null", "sync",
  })
  return sh:run("sha256sum </mnt/file", LONG)
end

local function check(sh, sum)
  run_all(sh, { "umount /mnt 2>/dev/null; e2fsck -f -n /dev/vda", "mkdir -p /mnt", "mount -o ro /dev/vda /mnt" })
  assert.equal(sum, sh:run("sha256sum </mnt/file", LONG))
  sh:run("umount /mnt", LONG)
end

-- The device of a driver, "virtio1".
local function device_of(sh, driver)
  return sh:run(("basename /sys/bus/virtio/drivers/%s/virtio*"):format(driver), LONG)
end

for _, cpus in ipairs { 1, 2 } do
  describe(("with %d CPU%s"):format(cpus, cpus == 1 and "" or "s"), function()
    linux.it("each driver finds its device, and ext4 survives all of it", function()
      local image = folder() .. "/a.img"
      local vm <close>, sh = boot {
        cpus = cpus, disks = { { path = image, create = true, size = "64M", id = "an id", queues = cpus } },
        rng = true, consoles = { { name = "cmd" }, { name = "data", kind = "port" } },
      }
      assert.equal("an id", sh:run "cat /sys/block/vda/serial")
      assert.equal("67108864", sh:run "blockdev --getsize64 /dev/vda")
      assert.matches("^virtio_rng", sh:run "cat /sys/class/misc/hw_random/rng_current")
      assert.equal("cmd\ndata", sh:run "cat /sys/class/virtio-ports/*/name")
      local sum = fill(sh)
      check(sh, sum)
      -- Entropy: not twice the same, and not all one byte.
      local bytes = sh:run("dd if=/dev/hwrng bs=64 count=4 2>/dev/null | xxd -p", LONG)
      assert.equal(512, #bytes:gsub("%s", ""))
      assert.not_equal(bytes, sh:run("dd if=/dev/hwrng bs=64 count=4 2>/dev/null | xxd -p", LONG))
      -- Out of its driver's hands and back.
      for _, driver in ipairs { "virtio_blk", "virtio_rng", "virtio_console" } do
        local device = device_of(sh, driver)
        for _, word in ipairs { "unbind", "bind" } do
          sh:run(("echo %s >/sys/bus/virtio/drivers/%s/%s"):format(device, driver, word), LONG)
        end
      end
      check(sh, sum)
      -- The modules as well.
      run_all(sh, { "rmmod virtio_blk", "rmmod virtio_rng", "modprobe virtio_blk", "modprobe virtio_rng" })
      check(sh, sum)
      assert.equal(32, #sh:run("dd if=/dev/hwrng bs=16 count=1 2>/dev/null | xxd -p", LONG))
      -- And everything at once.
      sh:send "reboot -f"
      vm:expect("vmoon guest: init reached", LONG)
      sh = vm:login(LONG)
      check(sh, sum)
      for name, device in pairs(vm.device) do
        local stats = device.stats
        assert.is_true(stats.resets >= 3, name)
        assert.same({ 0, 0, false }, { stats.malformed, stats.needs_reset, stats.is_broken }, name)
      end
      local stats = vm.device.disk0.stats
      assert.same({ 0, 0 }, { stats.errors, stats.in_flight })
      assert.is_true(stats.flushes > 0 and stats.written_bytes > 2 * 1024 * 1024)
    end)

    linux.it("the console's driver is taken out of the kernel and comes back", function()
      local vm <close>, sh = boot {
        cpus = cpus, consoles = { { name = "cmd" }, { name = "data", kind = "port" } },
      }
      local function both_ways(round)
        for name, path in pairs { cmd = "/dev/hvc0", data = "/dev/virtio-ports/data" } do
          local port = vm.port[name]
          -- The driver finds its ports after modprobe has returned; to open one
          -- before that would make a file where its node is to be.
          sh:run(("(sh -c 'until test -c %s && (echo ready && read -r line && echo \"got $line\") <>%s >&0; "
            .. "do sleep 0.1; done' >/dev/null 2>&1 &)"):format(path, path))
          port:expect("ready", LONG)
          port:send(("%s %d\n"):format(name, round))
          port:expect(("got %s %d"):format(name, round), LONG)
        end
      end
      -- Whoever has hvc0 open keeps the module: init is to start no getty there.
      run_all(sh, { "sed -i /hvc/d /etc/inittab", "kill -HUP 1" })
      sh:try("killall getty", LONG)
      both_ways(0)
      for round = 1, 3 do
        run_all(sh, {
          "for i in $(seq 50); do rmmod virtio_console 2>/dev/null && break; sleep 0.2; done",
          "! test -e /dev/virtio-ports/data", "modprobe virtio_console",
        })
        both_ways(round)
      end
      local stats = vm.device.console.stats
      assert.is_true(stats.resets >= 4)
      assert.same({ 0, 0, false }, { stats.malformed, stats.needs_reset, stats.is_broken })
    end)
  end)
end

describe("a disk", function()
  linux.it("that is read-only stays what it is", function()
    local image = folder() .. "/a.img"
    assert(os.execute(("truncate -s 1M %s && printf data | dd of=%s conv=notrunc 2>/dev/null"):format(image, image)))
    local vm <close>, sh = boot { disks = { { path = image, readonly = true } } }
    assert.equal("1", sh:run "cat /sys/block/vda/ro")
    assert.equal("data", sh:run "head -c 4 /dev/vda")
    local _, status = sh:try("dd if=/dev/zero of=/dev/vda bs=512 count=1 2>/dev/null", LONG)
    assert.not_equal(0, status)
    assert.equal(0, vm.device.disk0.stats.writes)
  end)

  linux.it("changes its size while it is used", function()
    local image = folder() .. "/a.img"
    local vm <close>, sh = boot { disks = { { path = image, create = true, size = "16M" } } }
    local sum = fill(sh)
    vm.device.disk0:resize "32M"
    sh:run("until [ $(blockdev --getsize64 /dev/vda) = 33554432 ]; do sleep 0.1; done", LONG)
    check(sh, sum)
    vm.device.disk0:resize(16 * vmoon.MiB)
    sh:run("until [ $(blockdev --getsize64 /dev/vda) = 16777216 ]; do sleep 0.1; done", LONG)
    check(sh, sum)
    assert.equal(16777216, vm.device.disk0.stats.size)
  end)

  linux.it("keeps its limit, a new one too", function()
    local image = folder() .. "/a.img"
    local vm <close>, sh = boot {
      disks = { { path = image, create = true, size = "16M", limit = { bytes = "1M/s", burst = "64K" } } },
    }
    local function seconds(count)
      local started = vmoon.now()
      sh:run(("dd if=/dev/vda of=/dev/null bs=64k count=%d iflag=direct 2>/dev/null"):format(count), LONG)
      return vmoon.now() - started
    end
    local slow = seconds(48) -- 3 MiB
    assert.is_true(slow > 2.5, slow)
    assert.is_true(vm.device.disk0.stats.delayed > 20)
    vm.device.disk0:limit { ops = "10/s" }
    assert.is_true(seconds(30) > 1.5) -- 10 at once, then 10 a second
    vm.device.disk0:limit(nil)
    local delayed = vm.device.disk0.stats.delayed
    seconds(48)
    assert.equal(delayed, vm.device.disk0.stats.delayed)
  end)

  linux.it("is one VM's alone", function()
    local image = folder() .. "/a.img"
    local disks = { { name = "root", path = image, create = true, size = "1M" } }
    local vm <close> = vmoon.new(linux.spec { disks = disks })
    local ok, err = pcall(vmoon.new, linux.spec { disks = disks })
    assert.is_false(ok)
    assert.matches("disk 'root': ", tostring(err), 1, true)
    assert.matches("in use", tostring(err), 1, true)
    vm:close()
    local again <close> = vmoon.new(linux.spec { disks = disks })
    assert.equal("created", again.state)
  end)
end)

describe("consoles", function()
  linux.it("are a shell while the kernel talks on serial", function()
    local vm <close> = vmoon.boot(linux.spec { consoles = { { name = "cmd" } } })
    local sh = vm:login { on = "cmd", timeout = linux.long }
    assert.equal("shell of vm 'vm' on port 'cmd'", tostring(sh))
    assert.equal(sh, vm.shell)
    assert.equal("/dev/hvc0", sh:run "readlink /proc/self/fd/1")
    sh:run "echo '<0>a line of the kernel' >/dev/kmsg"
    vm:expect("a line of the kernel", LONG)
    assert.is_nil(vm.port.cmd:text():find("a line of the kernel\n", 1, true))
    vm.port.cmd:resize(132, 43)
    -- Which of the two comes first is not the same in all versions of Linux.
    local function size() return sh:run "stty size </dev/hvc0" end
    sh:run "for i in 1 2 3 4 5 6 7 8 9; do stty size </dev/hvc0 | grep -q 132 && break; sleep 0.2; done"
    assert.is_true(size() == "43 132" or size() == "132 43", size())
  end)

  linux.it("and ports carry bytes both ways, every one of them", function()
    local got = {}
    local vm <close>, sh = boot {
      consoles = {
        {
          name = "data", kind = "port",
          sinks = { { sink = "callback", on_data = function(bytes) got[#got + 1] = bytes end } },
        },
      },
    }
    assert.is_false(vm.port.data:stats().is_open)
    sh:run "(while read -r line; do echo \"got $line\"; done <>/dev/virtio-ports/data >&0) >/dev/null 2>&1 &"
    for i = 1, 20 do
      vm.port.data:send("line " .. i)
      assert.equal("got line " .. i, vm.port.data:expect("got line " .. i .. "\n", LONG).line)
    end
    local stats = vm.port.data:stats()
    assert.is_true(stats.is_open)
    assert.equal(0, stats.out_lost)
    assert.equal(stats.bytes, stats.out_bytes)
    vmoon.sleep(0.2)
    assert.equal(vm.port.data:text(), table.concat(got))
  end)

  linux.it("with a limit that pauses hold the guest, and lose nothing", function()
    local vm <close>, sh = boot {
      consoles = {
        { name = "data", kind = "port", sinks = {
          {
            sink = "ring", max_size = "1M",
            limit = { policy = "pause", rate = "64K/s", burst = "16K", max_stall = 10 },
          },
        } },
      },
    }
    sh:run("dd if=/dev/zero bs=1k count=256 2>/dev/null | tr '\\0' x >/dev/virtio-ports/data", LONG)
    local sink = vm.port.data:stats().sinks[1]
    assert.equal(0, sink.bytes_dropped)
    assert.equal(sink.bytes_in, sink.bytes_out + sink.backlog)
  end)
end)

describe("the examples run as they stand", function()
  for _, name in ipairs { "disk", "console" } do
    linux.it(name .. ".lua", function()
      local example = assert(io.popen "pwd"):read "l" .. "/scripts/examples/" .. name .. ".lua"
      local pipe = assert(io.popen(("cd %s && vmoon run %s 2>&1"):format(folder(), example)))
      local out = pipe:read "a"
      local ok = pipe:close()
      assert.is_true(ok, out)
    end)
  end
end)
