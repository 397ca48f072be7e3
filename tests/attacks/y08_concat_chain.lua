-- SPDX-License-Identifier: MIT
-- The same for concat.
local chain = {}
for i = 1, 80000 do chain[i] = "" end
for _ = 1, 1990 do chain = setmetatable({}, { __index = chain }) end

return function()
  return table.concat(chain, "", 1, 80000)
end
