-- SPDX-License-Identifier: MIT
-- The same for a format.
local number = ("0"):rep(4 << 20) .. "65"
local t = {}
for i = 1, 1000 do t[i] = number end

return function()
  return ("%d"):rep(1000):format(table.unpack(t))
end
