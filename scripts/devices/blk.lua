-- SPDX-License-Identifier: MIT
-- blk.lua - a virtio disk (VIRTIO 1.2, 5.2) in a table: an entry for each 4 KiB
-- that are not all zero, and at most as many as the parameter "kept" says.
local dev = require "vmoon.device"

local SECTOR, CHUNK, ID_LEN = 512, 4096, 20
local OK, IOERR, UNSUPP = "\0", "\1", "\2"
local IN, OUT, FLUSH, GET_ID = 0, 1, 4, 8
local min, unpack = math.min, string.unpack
local ZERO = ("\0"):rep(CHUNK)

-- Where on the disk len bytes begin, or nil: they are not all on it.
local function place(d, sector, len)
  if len % SECTOR ~= 0 or sector < 0 or sector > d.params.sectors - len // SECTOR then return nil end
  return sector * SECTOR
end

local function read(d, buf, sector)
  local chunks, len = d.state.chunks, buf.writable - 1 -- without the status
  local at = place(d, sector, len)
  if not at or buf.readable > 0 then return IOERR end
  while len > 0 do
    local first = at % CHUNK
    local n = min(CHUNK - first, len)
    buf:write(chunks[at // CHUNK] or ZERO, first + 1, first + n)
    at, len = at + n, len - n
  end
  return OK
end

-- False: there would be too many.
local function store(d, i, data)
  local state = d.state
  local was, is = state.chunks[i] and 1 or 0, data ~= ZERO and 1 or 0
  if is > was and state.count == d.params.kept then return false end
  state.chunks[i], state.count = is == 1 and data or nil, state.count + is - was
  return true
end

local function write(d, buf, sector)
  local chunks, len = d.state.chunks, buf.readable
  local at = place(d, sector, len)
  if not at or buf.writable > 1 then return IOERR end
  while len > 0 do
    local i, first = at // CHUNK, at % CHUNK
    local n = min(CHUNK - first, len)
    local data = buf:read(n)
    if n < CHUNK then
      local old = chunks[i] or ZERO
      data = old:sub(1, first) .. data .. old:sub(first + n + 1)
    end
    if not store(d, i, data) then return IOERR end
    at, len = at + n, len - n
  end
  return OK
end

local function get_id(d, buf)
  if buf.writable ~= ID_LEN + 1 then return IOERR end
  buf:write(string.pack("c" .. ID_LEN, d.name:sub(1, ID_LEN)))
  return OK
end

local function answer(d, buf)
  if buf.writable == 0 then return end -- no place for a status
  if buf.readable < 16 then return buf:write_last(IOERR) end
  local kind, _, sector = unpack("<I4I4i8", buf:read(16))
  local status = UNSUPP
  if kind == IN then status = read(d, buf, sector)
  elseif kind == OUT then status = write(d, buf, sector)
  elseif kind == FLUSH then status = OK
  elseif kind == GET_ID then status = get_id(d, buf)
  end
  buf:write_last(status)
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
