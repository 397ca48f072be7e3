-- SPDX-License-Identifier: MIT
-- Numbers that are strings of 4 MiB.
local number = ("0"):rep(4 << 20) .. "65"
local t = {}
for i = 1, 12000 do t[i] = number end

return function()
  return math.max(table.unpack(t))
end
