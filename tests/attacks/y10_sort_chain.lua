-- SPDX-License-Identifier: MIT
-- A sort whose elements take 2000 tables each to find, and to put back.
local chain = {}
for i = 1, 15000 do chain[i] = i end
for _ = 1, 1990 do chain = setmetatable({}, { __index = chain, __newindex = chain }) end
getmetatable(chain).__len = function() return 15000 end

return function()
  table.sort(chain)
end
