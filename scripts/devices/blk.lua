-- SPDX-License-Identifier: MIT
-- blk.lua - a virtio disk whose sectors are entries of a table: what was never
-- written, or is all zero, takes no memory.
local dev = require "vmoon.device"

local SECTOR, OK, IOERR, UNSUPP = 512, "\0", "\1", "\2"
local IN, OUT, FLUSH, GET_ID = 0, 1, 4, 8
local ZERO = ("\0"):rep(SECTOR)

local function read(d, buf, sector)
  local map, count = d.state.sectors, (buf.writable - 1) // SECTOR
  if sector < 0 or sector > d.params.sectors - count then return IOERR end
  for i = sector, sector + count - 1 do buf:write(map[i] or ZERO) end
  return OK
end

local function write(d, buf, sector)
  local map, count = d.state.sectors, buf.readable // SECTOR
  if sector < 0 or sector > d.params.sectors - count then return IOERR end
  for i = sector, sector + count - 1 do
    local data = buf:read(SECTOR)
    map[i] = data ~= ZERO and data or nil
  end
  return OK
end

return dev.virtio {
  name = "luablk",
  id = 2,
  features = { [9] = "FLUSH" },
  params = { sectors = { type = "integer", default = 8192, min = 8, max = 1 << 22 } },
  state = { sectors = {} },
  memory = "64M",
  config = { { name = "capacity", type = "le64", value = function(params) return params.sectors end } },

  queues = {
    {
      name = "request", size = 128,
      on_buffer = function(d, buf)
        if buf.readable < 16 or buf.writable < 1 then return end
        local type, _, sector = string.unpack("<I4I4i8", buf:read(16))
        local status = UNSUPP
        if type == IN then status = read(d, buf, sector)
        elseif type == OUT then status = write(d, buf, sector)
        elseif type == FLUSH then status = OK
        elseif type == GET_ID then
          buf:write(("luablk"):sub(1, buf.writable - 1))
          status = OK
        end
        buf:write_last(status)
      end,
    },
  },
}
