-- SPDX-License-Identifier: MIT
-- Positions at the ends of the integers.
return function()
  local t = setmetatable({}, { __len = function() return math.mininteger end })
  pcall(table.insert, t, 1, 1)
  pcall(table.insert, t, math.mininteger, 1)
  pcall(table.remove, t, math.maxinteger)
  pcall(table.remove, t)
  local u = setmetatable({}, { __len = function() return math.maxinteger end })
  pcall(table.insert, u, 1)
  pcall(table.remove, u)
  pcall(table.move, {}, math.mininteger, math.mininteger + 1, math.maxinteger - 1)
end
