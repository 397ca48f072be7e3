-- SPDX-License-Identifier: MIT
-- Tables of a length that is a lie, each element 2000 tables away.
local chain = {}
for _ = 1, 1990 do chain = setmetatable({}, { __index = chain }) end

getmetatable(chain).__len = function() return 800000 end

return function()
  table.insert(chain, 1, "x")
end
