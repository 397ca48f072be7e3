-- SPDX-License-Identifier: MIT
-- rng.lua - a virtio entropy device (VIRTIO 1.2, 5.4) whose bytes come from a
-- seed and repeat after 64 KiB: for tests that have to give the same again.
-- Never for a guest that keeps secrets.
local dev = require "vmoon.device"

local SIZE = 1 << 16
local block -- what is made from the seed; a reload makes it anew

local function make(x)
  local words = {}
  for i = 1, SIZE // 8 do -- xorshift64
    x = x ~ (x << 13)
    x = x ~ (x >> 7)
    x = x ~ (x << 17)
    words[i] = string.pack("<i8", x)
  end
  return table.concat(words)
end

return dev.virtio {
  name = "luarng",
  id = 4,
  params = {
    seed = { type = "integer", default = 1, min = 1, max = 0x7fffffff },
    max = { type = "integer", default = 256, min = 1, max = SIZE, doc = "Bytes of an answer." },
  },
  state = { at = 0, served = 0 },
  on_reset = function(d) d.state.at = 0 end,

  queues = {
    {
      name = "request", size = 64,
      on_buffer = function(d, buf)
        local state, max = d.state, d.params.max
        local at = state.at
        block = block or make(d.params.seed)
        if at + max > SIZE then at = 0 end
        local n = buf:write(block, at + 1, at + max) -- as far as there is room
        state.at, state.served = at + n, state.served + n
      end,
    },
  },
}
