-- SPDX-License-Identifier: MIT
-- Numbers that are long to write.
local t = {}
for i = 1, 150000 do t[i] = 5e-324 end

return function()
  return table.concat(t)
end
