-- SPDX-License-Identifier: MIT
-- lua_i2c_spec.lua - what Linux's own drivers make of scripts/devices/
-- i2c_tmp.lua: Debian's general kernel and, built from its source, i2c-virtio.
local linux = assert(loadfile "tests/spec/linux/support.lua")(it, function(why) pending(why) end)
local LONG <const> = { timeout = linux.long }
local LOAD <const> = { timeout = 400 } -- a hang guard

describe("scripts/devices/i2c_tmp.lua", function()
  linux.it("is an adapter of Linux with a sensor in hwmon", function()
    local vm <close>, sh = linux.boot {
      kernel = os.getenv "VMOON_KERNEL_AMD64", initrd = os.getenv "VMOON_INITRD_AMD64",
      devices = { linux.device "i2c_tmp" },
    }
    local d = vm.device["i2c-tmp"]
    assert.equal("i2c_virtio at virtio bus 0", sh:run "cat /sys/class/i2c-adapter/i2c-0/name")
    sh:run("modprobe lm75 && echo lm75 0x48 >/sys/bus/i2c/devices/i2c-0/new_device", LONG)
    assert.equal("lm75", sh:run "cat /sys/class/hwmon/hwmon0/name")
    sh:run "cd /sys/class/hwmon/hwmon0"
    local function read(what) return tonumber(sh:run("cat " .. what, LONG)) end
    -- Hot, and colder than zero.
    for _, celsius in ipairs { 21.5, 85, -0.5, -40, 124.5 } do
      d:call("set_temp", celsius)
      assert.equal(celsius * 1000, read "temp1_input")
    end
    -- The limits are the sensor's registers.
    assert.same({ 80000, 75000 }, { read "temp1_max", read "temp1_max_hyst" })
    sh:run "echo 60500 >temp1_max && echo -10000 >temp1_max_hyst"
    assert.same({ 60500, -10000 }, { read "temp1_max", read "temp1_max_hyst" })
    assert.same({ "\x3c\x80", "\xf6\0" }, { d.state.registers[3], d.state.registers[2] })
    -- Nobody is at another address.
    sh:try("echo lm75 0x49 >/sys/bus/i2c/devices/i2c-0/new_device", LONG)
    assert.equal("hwmon0", sh:run "ls /sys/class/hwmon")
    -- Read after read, while the script changes what there is to read.
    local before = d.stats.chains
    for round = 1, 60 do
      d:call("set_temp", round)
      assert.equal(("300 %d000"):format(round), sh:run("i=0; n=0; while [ $i -lt 300 ]; do "
        .. "read x <temp1_input; i=$((i + 1)); n=$((n + (x == " .. round .. "000))); done; echo $n $x", LOAD))
    end
    -- A register is read by two requests: its number, its bytes.
    assert.is_true(d.stats.chains - before >= 2 * 18000)
    -- Out of the driver's hands and back.
    sh:run("cd /; echo 0x48 >/sys/bus/i2c/devices/i2c-0/delete_device; rmmod i2c_virtio && modprobe i2c_virtio", LONG)
    sh:run("echo lm75 0x48 >/sys/bus/i2c/devices/i2c-0/new_device", LONG)
    assert.equal("60000", sh:run("cat /sys/class/hwmon/hwmon*/temp1_input", LONG))
    linux.sound(d)
  end)
end)
