-- SPDX-License-Identifier: MIT
-- The same for remove.
return function()
  local t = setmetatable({}, { __len = function() return 1 << 53 end })
  return table.remove(t, 1)
end
