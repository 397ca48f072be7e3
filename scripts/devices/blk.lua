-- SPDX-License-Identifier: MIT
-- blk.lua - a virtio disk (VIRTIO 1.2, 5.2) in a table: an entry for each 4 KiB
-- that are not all zero, and at most as many as the parameter "kept" says.
local dev = require "vmoon.device"

local SECTOR, CHUNK, ID_LEN = 512, 4096, 20
local OK, IOERR, UNSUPP = "\0", "\1", "\2"
local IN, OUT, FLUSH, GET_ID = 0, 1, 4, 8
local ZERO, ZERO_SECTOR = ("\0"):rep(CHUNK), ("\0"):rep(SECTOR)
local left, unpack = dev.buffer.left, dev.buffer.unpack
local read, write, write_last = dev.buffer.read, dev.buffer.write, dev.buffer.write_last

-- A chunk is a string of 4096 bytes, or a table of its 8 sectors: once a part of it is written.
local function get(d, buf, sector, count)
  local chunks = d.state.chunks
  while count > 0 do
    local chunk, first = chunks[sector >> 3] or ZERO, sector & 7
    local n = count < 8 - first and count or 8 - first
    if #chunk == CHUNK then write(buf, chunk, first * SECTOR + 1, (first + n) * SECTOR)
    else
      for i = first + 1, first + n do write(buf, chunk[i]) end
    end
    sector, count = sector + n, count - n
  end
  return OK
end

-- What the next n sectors make of a chunk; nil: all of it is zero.
local function change(buf, chunk, first, n)
  if n == 8 then
    chunk = read(buf, CHUNK)
    return chunk ~= ZERO and chunk or nil
  elseif #chunk == CHUNK then
    local whole = chunk
    chunk = {}
    for i = 1, 8 do chunk[i] = whole:sub((i - 1) * SECTOR + 1, i * SECTOR) end
  end
  for i = first + 1, first + n do chunk[i] = read(buf, SECTOR) end
  for i = 1, 8 do
    if chunk[i] ~= ZERO_SECTOR then return chunk end
  end
end

local function put(d, buf, sector, count)
  local state = d.state
  local chunks = state.chunks
  while count > 0 do
    local old, first = chunks[sector >> 3], sector & 7
    local n = count < 8 - first and count or 8 - first
    local new = change(buf, old or ZERO, first, n)
    if not old ~= not new then -- one more, or one less
      if new and state.count == d.params.kept then return IOERR end
      state.count = state.count + (new and 1 or -1)
    end
    if new ~= old then chunks[sector >> 3] = new end
    sector, count = sector + n, count - n
  end
  return OK
end

local function answer(d, buf)
  local readable, writable = left(buf) -- with a header of 16 bytes, with a status of one
  if writable == 0 then return end -- no place for it
  local kind, sector = unpack(buf, "<I4xxxxi8")
  local len, status = readable + writable - 17, IOERR -- of the data, whichever way they go
  if kind == IN or kind == OUT then
    if len & 511 == 0 and sector >= 0 and sector <= d.params.sectors - (len >> 9) then
      if kind == IN and readable == 16 then status = get(d, buf, sector, len >> 9)
      elseif kind == OUT and writable == 1 then status = put(d, buf, sector, len >> 9)
      end
    end
  elseif kind == FLUSH then status = OK
  elseif kind == GET_ID and writable == ID_LEN + 1 then
    write(buf, string.pack("c" .. ID_LEN, d.name:sub(1, ID_LEN)))
    status = OK
  elseif kind and kind ~= GET_ID then status = UNSUPP
  end
  write_last(buf, status)
end

local function requests(d, bufs, n)
  for i = 1, n do answer(d, bufs[i]) end
end

return dev.virtio {
  name = "luablk",
  id = 2,
  features = { [9] = "FLUSH" },
  params = {
    sectors = { type = "integer", default = 8192, min = 8, max = 1 << 32 },
    kept = { type = "integer", default = 1024, min = 1, max = 12288, doc = "Entries of 4 KiB." },
  },
  state = { chunks = {}, count = 0 },
  memory = "64M",
  config = { { name = "capacity", type = "le64", value = function(params) return params.sectors end } },
  queues = { { name = "request", size = 128, batch = true, on_buffer = requests } },
}
