-- SPDX-License-Identifier: MIT
-- rng.lua - a virtio entropy device whose bytes are always the same: for tests
-- that have to repeat. Never for a guest that keeps secrets.
local dev = require "vmoon.device"

return dev.virtio {
  name = "luarng",
  id = 4,
  params = {
    seed = { type = "integer", default = 1, min = 1, max = 0x7fffffff },
    max = { type = "integer", default = 256, min = 1, max = 65536 },
  },
  state = { x = 0, served = 0 },
  on_reset = function(d) d.state.x = d.params.seed end,

  queues = {
    {
      name = "request", size = 64,
      on_buffer = function(d, buf)
        local s = d.state
        local x, n, words = s.x, math.min(buf.writable, d.params.max), {}
        for i = 1, (n + 7) // 8 do -- xorshift64
          x = x ~ (x << 13)
          x = x ~ (x >> 7)
          x = x ~ (x << 17)
          words[i] = string.pack("<i8", x)
        end
        s.x, s.served = x, s.served + n
        buf:write(table.concat(words):sub(1, n))
      end,
    },
  },
}
