-- SPDX-License-Identifier: MIT
-- An order that is none.
local t = {}
for i = 1, 1000 do t[i] = i * 7919 % 1009 end

return function()
  local n = 0
  table.sort(t, function()
    n = n + 1
    return n % 3 ~= 0
  end)
  assert(#t == 1000)
  pcall(table.sort, t, function() return true end)
  assert(not pcall(table.sort, { 1, "x", {} }))
end
