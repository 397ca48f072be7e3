-- SPDX-License-Identifier: MIT
-- Keys that are spread in a table of 2^17, and all collide in one of 2^18: the
-- one that makes it grow would take the square of their number.
local t, i = {}, 0
return function()
  for _ = 1, 1 << 20 do
    i = i + 1
    t[i * 262143] = true
  end
end
