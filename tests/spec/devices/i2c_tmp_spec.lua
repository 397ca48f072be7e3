-- SPDX-License-Identifier: MIT
-- i2c_tmp_spec.lua - scripts/devices/i2c_tmp.lua against VIRTIO 1.2, 5.16, as Linux uses it.
local vmoon = require "vmoon"

local FAIL_NEXT <const>, READ <const> = 1, 2
local ERR <const> = "\1"

describe("i2c_tmp device", function()
  local b
  before_each(function()
    b = vmoon.bench { file = "scripts/devices/i2c_tmp.lua" }
    b:probe()
  end)
  after_each(function() b:close() end)

  local function header(flags, address) return string.pack("<I2I2I4", (address or 0x48) << 1, 0, flags) end
  -- The bytes of the answer and its status, wherever the device has written.
  local function request(out, n)
    b:poke(0x1000, out)
    b:poke(0x100000, ("?"):rep(n))
    b:offer(0, { { gpa = 0x1000, len = #out }, { gpa = 0x100000, len = n, write = true } })
    b:kick(0)
    assert.is_not_nil(b:take(0))
    local bytes = b:peek(0x100000, n)
    return bytes:sub(1, -2), bytes:sub(-1)
  end
  local function set(bytes, flags, address)
    return select(2, request(header(flags or 0, address) .. bytes, 1))
  end
  local function get(n, flags, address)
    return request(header(READ | (flags or 0), address), n + 1)
  end
  local function register(n, len)
    assert.equal("\0", set(string.char(n), FAIL_NEXT))
    local bytes, status = get(len)
    assert.equal("\0", status)
    return bytes
  end

  it("is an adapter that takes requests without bytes", function()
    assert.equal(34, b:read32(8))
    assert.equal(1, b:probe() & 1)
    assert.equal("\0", set "")
    assert.same({ "", "\0" }, { get(0) })
  end)

  it("has an LM75's four registers, high byte first", function()
    assert.equal("\x15\x80", register(0, 2))
    assert.equal("\0", register(1, 1))
    assert.equal("\x4b\0", register(2, 2))
    assert.equal("\x50\0", register(3, 2))
  end)

  it("keeps what is written, but for the temperature", function()
    set "\1\1"
    set "\2\x20\x80"
    set "\0\x7f\xff"
    assert.equal("\1", register(1, 1))
    assert.equal("\x20\x80", register(2, 2))
    assert.equal("\x15\x80", register(0, 2))
    set "\2\1" -- half of it
    set "\1\1\2\3\4\5"
    assert.equal("\x20\x80", register(2, 2))
    assert.equal("\1", register(1, 1))
  end)

  it("is heated and cooled by the script, in steps of half a degree", function()
    for celsius, bytes in pairs { [85] = "\x55\0", [0.7] = "\0\x80", [-0.5] = "\xff\x80", [-55] = "\xc9\0" } do
      b:call("set_temp", celsius)
      assert.equal(bytes, register(0, 2))
    end
  end)

  it("remembers the register from one request to the next", function()
    set "\3"
    assert.equal("\x50\0", (get(2)))
    assert.equal("\x50", (get(1)))
    assert.equal("\x50\0\xff\xff", (get(4)))
  end)

  it("i2c_02 answers at its address only, each request for itself", function()
    for _, address in ipairs { 0x47, 0x49, 0, 0x7f } do
      assert.equal(ERR, set("\0", 0, address))
      assert.equal(ERR, select(2, get(2, 0, address)))
    end
    assert.equal("\0", set "\0")
    assert.equal(ERR, (b:request(0, { out = string.pack("<I2I2I4", 0x91, 0, 0), ["in"] = 1 })))
  end)

  it("i2c_03 fails what is grouped with a request that failed", function()
    assert.equal(ERR, set("\1", FAIL_NEXT, 0x20))
    assert.equal(ERR, set("\1\1", FAIL_NEXT))
    assert.equal(ERR, set "\1\1")
    assert.equal("\0", register(1, 1)) -- not even tried; the group is over
    assert.equal(ERR, set("\1", FAIL_NEXT, 0x20))
    b:probe()
    assert.equal("\0", set "\1")
  end)

  it("i2c_04 refuses more than a transfer has", function()
    assert.equal(ERR, select(2, get(100000)))
    assert.equal("\0", set("\1" .. ("x"):rep(100000)))
  end)

  it("i2c_05 gives back what is malformed, and goes on", function()
    assert.equal(ERR, (b:request(0, { out = "short", ["in"] = 1 })))
    assert.equal(ERR, (b:request(0, { ["in"] = 1 })))
    assert.equal("", (b:request(0, { out = header(0) })))
    assert.equal(ERR, select(2, request(header(READ) .. "x", 3)))
    assert.equal(0, b.stats.errors)
    assert.equal("\x15\x80", register(0, 2))
  end)

  it("comes along in a snapshot", function()
    b:call("set_temp", 30)
    set "\2\x10\0"
    local c <close> = vmoon.bench { file = "scripts/devices/i2c_tmp.lua", state = b:save() }
    assert.equal(30000, c.state.milli)
    assert.equal("\x10\0", c.state.registers[2])
  end)
end)
