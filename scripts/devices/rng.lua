-- SPDX-License-Identifier: MIT
-- rng.lua - a virtio entropy device (VIRTIO 1.2, 5.4) whose bytes come from a
-- seed and repeat after 64 KiB: for tests that have to give the same again.
-- Never for a guest that keeps secrets.
local dev = require "vmoon.device"

local SIZE <const> = 1 << 16
local PIECE <const> = 1 << 12
local left, write = dev.buffer.left, dev.buffer.write
local block, made, word = "", 0, nil -- what is made from the seed; a reload makes it anew
local max = SIZE + 1 -- bytes of an answer; before the first, more than there can be

-- As much as is needed: a hook that makes all at once takes too long.
local function grow(d, size)
  local x, words = word or d.params.seed, {}
  while made < size do
    for i = 1, PIECE // 8 do -- xorshift64
      x = x ~ (x << 13)
      x = x ~ (x >> 7)
      x = x ~ (x << 17)
      words[i] = string.pack("<i8", x)
    end
    block = block .. table.concat(words)
    made = #block
  end
  word = x
end

-- Where an answer ends that may be more than was made; the last ones may be short.
local function prepare(d, buf, at)
  local _, room = left(buf)
  max = d.params.max
  local last = math.min(at + math.min(max, room), SIZE)
  grow(d, last)
  return last
end

return dev.virtio {
  name = "luarng",
  id = 4,
  params = {
    seed = { type = "integer", default = 1, min = 1, max = 0x7fffffff },
    max = { type = "integer", default = 256, min = 1, max = SIZE, doc = "Bytes of an answer." },
  },
  state = { served = 0 }, -- bytes, since the reset
  on_reset = function(d) d.state.served = 0 end,

  queues = {
    {
      name = "request", size = 64,
      on_buffer = function(d, buf)
        local state = d.state
        local served = state.served
        local at = served & SIZE - 1
        local last = at + max
        if last > made then last = prepare(d, buf, at) end
        state.served = served + write(buf, block, at + 1, last) -- as far as there is room
      end,
    },
  },
}
