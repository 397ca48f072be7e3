-- SPDX-License-Identifier: MIT
-- A comparison that does not end.
return function()
  while true do
    pcall(table.sort, { 3, 1, 2 }, function() while true do end end)
  end
end
