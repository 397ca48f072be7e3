-- SPDX-License-Identifier: MIT
-- Strings of 4 MiB that are the same up to their end.
local text = ("a"):rep(4 << 20)
local t = {}
for i = 1, 5000 do t[i] = text end

return function()
  table.sort(t)
end
