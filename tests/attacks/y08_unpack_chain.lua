-- SPDX-License-Identifier: MIT
-- The same for unpack.
local chain = {}
for _ = 1, 1990 do chain = setmetatable({}, { __index = chain }) end

return function()
  return select("#", table.unpack(chain, 1, 250000))
end
