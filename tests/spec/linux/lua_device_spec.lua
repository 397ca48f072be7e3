-- SPDX-License-Identifier: MIT
-- lua_device_spec.lua - what Linux's own drivers make of the devices in
-- scripts/devices, under load. The amounts take about a minute each in the
-- testbed; nothing here looks at a clock.
local linux = assert(loadfile "tests/spec/linux/support.lua")(it, function(why) pending(why) end)
local vmoon = require "vmoon"

local device, boot, sound = linux.device, linux.boot, linux.sound
local LONG <const> = { timeout = linux.long }
local LOAD <const> = { timeout = 400 } -- a hang guard

-- ---- a terminal at a serial port in Lua ----

local Line = {}
Line.__index = Line

-- What the guest has printed: collects it, all that is asked for is counted.
function Line:pump()
  for _, event in ipairs(self.device:events()) do
    assert.equal("tx", event.name)
    self.text = self.text .. event.value
  end
end

-- Waits for a plain text; what stands before it is returned.
function Line:expect(text)
  local deadline = vmoon.now() + LOAD.timeout
  while true do
    self:pump()
    local first, last = self.text:find(text, 1, true)
    if first then
      local before = self.text:sub(1, first - 1)
      self.text = self.text:sub(last + 1)
      return before
    end
    if vmoon.now() > deadline then error(("no %q in %q"):format(text, self.text:sub(-2000)), 2) end
    vmoon.sleep(0.01)
  end
end

function Line:send(text)
  while text ~= "" do
    text = text:sub(self.device:call("type", text) + 1)
    if text ~= "" then vmoon.sleep(0.01) end
  end
end

-- A command's output. The guest puts the marks together: their echo is none.
function Line:run(command)
  self.count = self.count + 1
  self:send(("echo begin_''%d; %s; echo end_''%d $?\n"):format(self.count, command, self.count))
  self:expect(("begin_%d\r\n"):format(self.count))
  local output = self:expect(("end_%d "):format(self.count))
  assert.equal("0", (self:expect "\n"):sub(1, 1), output)
  self:expect "# " -- between two lines the shell turns the terminal over
  return (output:gsub("\r", ""))
end

describe("scripts/devices/uart.lua", function()
  linux.it("is the console of a stock kernel, and a login that works for a minute", function()
    local vm <close> = vmoon.new(linux.spec { cmdline = "console=ttyS1 quiet", cpus = 2, devices = { device "uart" } })
    local line = setmetatable({ device = vm.device.uart, text = "", count = 0 }, Line)
    vm:start()
    line:expect "vmoon guest: init reached"
    line:expect "login: "
    line:send "root\n"
    line:expect "# "
    line:run "stty -echo"
    assert.equal("/dev/ttyS1\n", line:run "tty")
    assert.matches("16550A", line:run "grep ^1: /proc/tty/driver/serial")
    assert.equal("", vm.serial:text())
    -- Out: each line has its number.
    for _ = 1, 8 do
      local expected = {}
      for i = 1, 1500 do expected[i] = ("%d\n"):format(i) end
      assert.equal(table.concat(expected), line:run "seq 1500")
    end
    -- In, and back out while more comes in. The shell would take what comes
    -- before tee runs.
    line:send "echo go_''on; tee /tmp/file\n"
    line:expect "go_on\r\n"
    local sent = {}
    for i = 1, 600 do
      sent[i] = ("%060d\n"):format(i)
      line:send(sent[i])
    end
    local text = table.concat(sent)
    line:send "\4"
    -- Without XON and XOFF, by which Linux asks for a pause.
    assert.equal(text, (line:expect "# ":gsub("[\r\17\19]", "")))
    assert.equal(("%d\n"):format(#text), line:run "wc -c </tmp/file")
    assert.equal("", line:run("i=0; while read -r x; do i=$((i + 1)); "
      .. "[ $x = $(printf %060d $i) ] || echo $i; done </tmp/file"))
    sound(vm.device.uart)
  end)
end)

describe("scripts/devices/rng.lua", function()
  linux.it("is the kernel's source of entropy", function()
    local vm <close>, sh = boot { devices = { device("rng", { seed = 7, max = 64 }) } }
    assert.equal("virtio_rng.0", sh:run "cat /sys/class/misc/hw_random/rng_current")
    local before = vm.device.luarng.state.served
    sh:run("dd if=/dev/hwrng of=/tmp/bytes bs=64 count=20000 iflag=fullblock 2>/dev/null", LOAD)
    assert.equal("1280000", sh:run "wc -c </tmp/bytes")
    assert.is_true(vm.device.luarng.state.served >= before + 1280000)
    -- They repeat after 64 KiB, and nowhere before: the driver mixed nothing up.
    assert.equal("4096", sh:run("xxd -p -c 16 /tmp/bytes | sort -u | wc -l", LONG))
    sound(vm.device.luarng)
  end)
end)

describe("scripts/devices/blk.lua", function()
  linux.it("holds an ext4 that is filled, checked and read", function()
    local vm <close>, sh = boot { devices = { device("blk", { sectors = 65536, kept = 8192 }) } }
    local d = vm.device.luablk
    assert.equal("luablk", sh:run "cat /sys/block/vda/serial")
    assert.equal("33554432", sh:run "blockdev --getsize64 /dev/vda")
    sh:run("mkfs.ext4 -q -F /dev/vda && mkdir -p /mnt", LONG)
    for _ = 1, 20 do
      sh:run("mount /dev/vda /mnt && "
        .. "dd if=/dev/urandom of=/mnt/file bs=64k count=64 conv=fsync 2>/dev/null && sync", LOAD)
      local sum = sh:run("sha256sum </mnt/file", LOAD)
      sh:run("umount /mnt && e2fsck -f -n /dev/vda && mount -o ro /dev/vda /mnt", LOAD)
      assert.equal(sum, sh:run("sha256sum </mnt/file", LOAD))
      sh:run("umount /mnt", LOAD)
    end
    assert.is_true(sound(d).chains > 1000)
  end)
end)
