-- SPDX-License-Identifier: MIT
-- A list of nothing, 2^62 times.
return function()
  local empty = setmetatable({}, { __index = function() return "" end, __len = function() return 1 << 62 end })
  return table.concat(empty)
end
