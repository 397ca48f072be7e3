-- SPDX-License-Identifier: MIT
-- The same for packed integers.
local number = ("0"):rep(4 << 20) .. "65"
local t = {}
for i = 1, 1000 do t[i] = number end

return function()
  return ("b"):rep(1000):pack(table.unpack(t))
end
