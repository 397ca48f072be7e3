-- SPDX-License-Identifier: MIT
-- blk.lua - a virtio disk (VIRTIO 1.2, 5.2) in a table: an entry for each 4 KiB
-- that are not all zero, and at most as many as the parameter "kept" says.
local dev = require "vmoon.device"

local SECTOR, CHUNK, ID_LEN = 512, 4096, 20
local OK, IOERR, UNSUPP = "\0", "\1", "\2"
local IN, OUT, FLUSH, GET_ID = 0, 1, 4, 8
local ZERO, ZERO_SECTOR = ("\0"):rep(CHUNK), ("\0"):rep(SECTOR)
local min, type = math.min, type
local left, unpack = dev.buffer.left, dev.buffer.unpack
local read, write, write_last = dev.buffer.read, dev.buffer.write, dev.buffer.write_last

-- Where on the disk len bytes begin, or nil: they are not all on it.
local function place(d, sector, len)
  if len % SECTOR ~= 0 or sector < 0 or sector > d.params.sectors - len // SECTOR then return nil end
  return sector * SECTOR
end

local function get(d, buf, sector, len)
  local chunks, at = d.state.chunks, place(d, sector, len)
  if not at then return IOERR end
  while len > 0 do
    local chunk, first = chunks[at // CHUNK] or ZERO, at % CHUNK
    local n = min(CHUNK - first, len)
    if type(chunk) == "string" then write(buf, chunk, first + 1, first + n)
    else
      for i = first // SECTOR + 1, (first + n) // SECTOR do write(buf, chunk[i]) end
    end
    at, len = at + n, len - n
  end
  return OK
end

-- What the next n bytes make of a chunk: a string, or its sectors when they are but a part of it.
local function change(buf, chunk, first, n)
  if n == CHUNK then return read(buf, n) end
  if type(chunk) == "string" then
    local whole = chunk
    chunk = {}
    for i = 1, CHUNK // SECTOR do chunk[i] = whole:sub((i - 1) * SECTOR + 1, i * SECTOR) end
  end
  for i = first // SECTOR + 1, (first + n) // SECTOR do chunk[i] = read(buf, SECTOR) end
  for i = 1, CHUNK // SECTOR do
    if chunk[i] ~= ZERO_SECTOR then return chunk end
  end
  return ZERO
end

local function put(d, buf, sector, len)
  local state, at = d.state, place(d, sector, len)
  local chunks = state.chunks
  if not at then return IOERR end
  while len > 0 do
    local i, first = at // CHUNK, at % CHUNK
    local n, old = min(CHUNK - first, len), chunks[i]
    if not old and state.count == d.params.kept then return IOERR end
    local new = change(buf, old or ZERO, first, n)
    if new == ZERO then new = nil end
    if not old ~= not new then state.count = state.count + (new and 1 or -1) end
    if new ~= old then chunks[i] = new end
    at, len = at + n, len - n
  end
  return OK
end

local function get_id(d, buf, room)
  if room ~= ID_LEN then return IOERR end
  write(buf, string.pack("c" .. ID_LEN, d.name:sub(1, ID_LEN)))
  return OK
end

local function answer(d, buf)
  local readable, writable = left(buf) -- what follows a header of 16 bytes, and goes before a status
  if writable == 0 then return end
  local kind, _, sector = unpack(buf, "<I4I4i8")
  local status = UNSUPP
  if not kind then status = IOERR
  elseif kind == IN then status = readable > 16 and IOERR or get(d, buf, sector, writable - 1)
  elseif kind == OUT then status = writable > 1 and IOERR or put(d, buf, sector, readable - 16)
  elseif kind == FLUSH then status = OK
  elseif kind == GET_ID then status = get_id(d, buf, writable - 1)
  end
  write_last(buf, status)
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
  queues = {
    {
      name = "request", size = 128, batch = true,
      on_buffer = function(d, bufs, n)
        for i = 1, n do answer(d, bufs[i]) end
      end,
    },
  },
}
