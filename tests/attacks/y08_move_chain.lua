-- SPDX-License-Identifier: MIT
-- Elements that each take 2000 tables to find.
local chain = {}
for _ = 1, 1990 do chain = setmetatable({}, { __index = chain }) end

return function()
  return table.move(chain, 1, 900000, 1, {})
end
