-- SPDX-License-Identifier: MIT
-- blk.lua - a virtio disk (VIRTIO 1.2, 5.2) in a table: an entry for each 4 KiB
-- that are not all zero, and at most as many as the parameter "kept" says.
local dev = require "vmoon.device"
local SECTOR <const> = 512; local CHUNK <const> = 4096 -- 8 sectors
local IN <const> = 0; local OUT <const> = 1; local FLUSH <const> = 4; local GET_ID <const> = 8
local OK <const>, IOERR <const>, UNSUPP <const> = "\0", "\1", "\2"
local ZERO, ZERO_SECTOR = ("\0"):rep(CHUNK), ("\0"):rep(SECTOR)
local left, unpack = dev.buffer.left, dev.buffer.unpack
local read, write, write_last = dev.buffer.read, dev.buffer.write, dev.buffer.write_last
local sectors, chunks -- of the disk: how many, and what they are in

-- A chunk is a string, or a table of its 8 sectors: once a part of it is written.
local function get(buf, sector, count)
  while count > 0 do
    local chunk, first = chunks[sector >> 3] or ZERO, sector & 7
    local n = 8 - first
    if n > count then n = count end
    if #chunk ~= 8 then write(buf, chunk, (first << 9) + 1, first + n << 9)
    else
      for i = first + 1, first + n do write(buf, chunk[i]) end
    end
    sector, count = sector + n, count - n
  end
  return OK
end

local function split(chunk)
  local t = {}
  for i = 1, 8 do t[i] = chunk:sub((i - 1 << 9) + 1, i << 9) end
  return t
end

local function is_zero(t)
  for i = 1, 8 do
    if t[i] ~= ZERO_SECTOR then return false end
  end
  return true
end

local function put(d, buf, sector, count)
  while count > 0 do
    local i, n, new = sector >> 3, 1
    local old = chunks[i]
    if count > 7 and sector & 7 == 0 then
      n, new = 8, read(buf, CHUNK)
      if new == ZERO then new = nil end
    else
      local bytes = read(buf, SECTOR)
      new = old and #old == 8 and old or split(old or ZERO)
      new[(sector & 7) + 1] = bytes
      if bytes == ZERO_SECTOR and is_zero(new) then new = nil end
    end
    if (new == nil) ~= (old == nil) then -- one more, or one less
      if new and d.state.count == d.params.kept then return IOERR end
      d.state.count = d.state.count + (new and 1 or -1)
    end
    chunks[i] = new
    sector, count = sector + n, count - n
  end
  return OK
end

local function answer(d, buf)
  local kind, sector = unpack(buf, "<I4xxxxi8")
  local readable, room = left(buf) -- the data, and room for the status
  local status, len = IOERR, readable + room - 1 -- of data: it goes one way
  if room == 0 then return end
  if kind == IN or kind == OUT then
    if len & 511 == 0 and sector >= 0 and sector <= sectors - (len >> 9) then
      if kind == OUT then status = room == 1 and put(d, buf, sector, len >> 9) or IOERR
      elseif readable == 0 then status = get(buf, sector, len >> 9) end
    end
  elseif kind == FLUSH then status = OK
  elseif kind == GET_ID and room == 21 then
    status = write(buf, string.pack("c20", d.name:sub(1, 20))) and OK
  elseif kind and kind ~= GET_ID then status = UNSUPP
  end
  write_last(buf, status)
end

local function requests(d, bufs, n)
  sectors, chunks = d.params.sectors, d.state.chunks
  for i = 1, n do answer(d, bufs[i]) end
end

return dev.virtio {
  name = "luablk", id = 2,
  features = { [9] = "FLUSH" },
  params = {
    sectors = { type = "integer", default = 8192, min = 8, max = 1 << 32 },
    kept = { type = "integer", default = 1024, min = 1, max = 12288, doc = "Entries of 4 KiB." },
  },
  state = { chunks = {}, count = 0 }, memory = "64M",
  config = { { name = "capacity", type = "le64", value = function(params) return params.sectors end } },
  queues = { { name = "request", size = 128, batch = true, on_buffer = requests } },
}
