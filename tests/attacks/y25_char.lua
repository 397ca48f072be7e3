-- SPDX-License-Identifier: MIT
-- The same for the bytes of a string.
local number = ("0"):rep(4 << 20) .. "65"
local t = {}
for i = 1, 2000 do t[i] = number end

return function()
  return string.char(table.unpack(t))
end
