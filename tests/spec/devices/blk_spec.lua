-- SPDX-License-Identifier: MIT
-- blk_spec.lua - scripts/devices/blk.lua against VIRTIO 1.2, 5.2.6, and what it keeps.
local vmoon = require "vmoon"

local IN <const>, OUT <const>, FLUSH <const>, GET_ID <const> = 0, 1, 4, 8
local OK <const>, IOERR <const>, UNSUPP <const> = "\0", "\1", "\2"

describe("blk device", function()
  local b
  local function open(params)
    b = vmoon.bench { file = "scripts/devices/blk.lua", params = params }
    b:probe()
  end
  before_each(function() open() end)
  after_each(function() b:close() end)

  -- Status and data, wherever the device has written; used.len is its own test's.
  local function request(kind, sector, out, room)
    local bufs = { { gpa = 0, len = 16 } }
    b:poke(0, string.pack("<I4I4i8", kind, 0, sector))
    if out then
      b:poke(0x1000, out)
      bufs[2] = { gpa = 0x1000, len = #out }
    end
    b:poke(0x100000, ("?"):rep((room or 0) + 1))
    bufs[#bufs + 1] = { gpa = 0x100000, len = (room or 0) + 1, write = true }
    b:offer(0, bufs)
    b:kick(0)
    assert.is_not_nil(b:take(0))
    local bytes = b:peek(0x100000, (room or 0) + 1)
    return bytes:sub(-1), bytes:sub(1, -2)
  end
  local function put(sector, data) return (request(OUT, sector, data)) end
  local function get(sector, n) return select(2, request(IN, sector, nil, n)) end

  it("says its capacity", function()
    assert.equal(2, b:read32(8))
    assert.equal(8192, b:read64(0x100))
    assert.equal(1 << 9, b:probe() & 1 << 9)
    b:close()
    open { sectors = 100 }
    assert.equal(100, b:read64(0x100))
  end)

  it("blk_01 gives what was written, at any sector", function()
    local data = ("0123456789abcdef"):rep(32 * 20)
    for _, sector in ipairs { 0, 1, 7, 8, 13, 8172 } do
      assert.equal(OK, put(sector, data))
      assert.equal(data, get(sector, #data))
      assert.equal(data:sub(513, 1536), get(sector + 1, 1024))
    end
  end)

  it("blk_01 says how many bytes it wrote", function()
    assert.equal(513, select(2, b:request(0, { out = string.pack("<I4I4i8", IN, 0, 0), ["in"] = 513 })))
    assert.equal(1, select(2, b:request(0, { out = string.pack("<I4I4i8", OUT, 0, 0) .. ("x"):rep(512),
      ["in"] = 1 })))
  end)

  it("leaves the sectors beside it alone", function()
    put(0, ("a"):rep(4096 * 2))
    put(3, ("b"):rep(512))
    put(7, ("c"):rep(1024))
    assert.equal(("a"):rep(1536) .. ("b"):rep(512) .. ("a"):rep(1536) .. ("c"):rep(1024) .. ("a"):rep(3584),
      get(0, 8192))
  end)

  it("blk_02 has an id of 20 bytes", function()
    local status, id = request(GET_ID, 0, nil, 20)
    assert.equal(OK, status)
    assert.equal("luablk" .. ("\0"):rep(14), id)
    assert.equal(IOERR, (request(GET_ID, 0, nil, 19)))
  end)

  it("blk_03 flushes", function() assert.equal(OK, (request(FLUSH, 0))) end)

  it("blk_04 refuses what is no whole sector", function()
    assert.equal(IOERR, put(0, "x"))
    assert.equal(IOERR, put(0, ("x"):rep(513)))
    assert.equal(IOERR, (request(IN, 0, nil, 511)))
    assert.equal(0, b.state.count)
  end)

  it("blk_06 blk_07 refuses what is not on the disk, and writes nothing", function()
    for _, sector in ipairs { 8192, 8191, 1 << 55, (1 << 55) - 1, -1, math.mininteger, math.maxinteger } do
      assert.equal(IOERR, put(sector, ("x"):rep(1024)))
      local status, data = request(IN, sector, nil, 1024)
      assert.equal(IOERR, status)
      assert.equal(("?"):rep(1024), data)
    end
    assert.equal(0, b.state.count)
    assert.equal(OK, put(8190, ("x"):rep(1024)))
  end)

  it("blk_09 refuses data that goes the wrong way", function()
    assert.equal(IOERR, (request(IN, 0, ("x"):rep(512), 512)))
    assert.equal(IOERR, (request(OUT, 0, ("x"):rep(512), 512)))
    assert.equal(0, b.state.count)
  end)

  it("blk_10 gives back what has no place for a status, or no header", function()
    assert.equal(0, select(2, b:request(0, { out = string.pack("<I4I4i8", OUT, 0, 0) .. ("x"):rep(512) })))
    assert.equal(IOERR, (b:request(0, { out = "short", ["in"] = 1 })))
    assert.equal(0, b.state.count)
    assert.equal(0, b.stats.errors)
  end)

  it("blk_12 takes a header in pieces", function()
    b:poke(0, string.pack("<I4I4i8", GET_ID, 0, 0))
    b:offer(0, { { gpa = 0, len = 5 }, { gpa = 5, len = 11 }, { gpa = 64, len = 7, write = true },
      { gpa = 71, len = 14, write = true } })
    b:kick(0)
    assert.equal(21, select(2, b:take(0)))
    assert.equal("luablk" .. ("\0"):rep(15), b:peek(64, 21))
  end)

  it("blk_17 does not know other requests", function()
    for _, kind in ipairs { 2, 9, 11, 13, 255, 0xffffffff } do assert.equal(UNSUPP, (request(kind, 0))) end
  end)

  it("keeps nothing for zeroes", function()
    put(0, ("x"):rep(4096 * 3))
    assert.equal(3, b.state.count)
    put(8, ("\0"):rep(4096))
    assert.equal(2, b.state.count)
    assert.is_nil(b.state.chunks[1])
    put(0, ("\0"):rep(512))
    assert.equal(2, b.state.count)
    put(1, ("\0"):rep(3584))
    assert.equal(1, b.state.count)
    assert.equal(("\0"):rep(8192), get(0, 8192))
  end)

  it("keeps no more than it may", function()
    b:close()
    open { sectors = 1 << 32, kept = 3 }
    for i = 0, 2 do assert.equal(OK, put(i * 1000, ("x"):rep(512))) end
    assert.equal(IOERR, put((1 << 32) - 1, ("x"):rep(512)))
    assert.equal(OK, put(1000, ("y"):rep(512)))
    assert.equal(OK, put(0, ("\0"):rep(512)))
    assert.equal(OK, put((1 << 32) - 1, ("z"):rep(512)))
    assert.equal(("z"):rep(512), get((1 << 32) - 1, 512))
    assert.equal(3, b.state.count)
  end)

  it("comes along in a snapshot", function()
    put(5, ("s"):rep(512))
    local c <close> = vmoon.bench { file = "scripts/devices/blk.lua", state = b:save() }
    assert.equal(1, c.state.count)
    c:probe()
    local data = c:request(0, { out = string.pack("<I4I4i8", IN, 0, 5), ["in"] = 513 })
    assert.equal(("s"):rep(512), data:sub(1, 512))
  end)
end)
