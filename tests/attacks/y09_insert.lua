-- SPDX-License-Identifier: MIT
-- A __len of 2^53.
return function()
  local t = setmetatable({}, { __len = function() return 1 << 53 end })
  table.insert(t, 1, "x")
end
