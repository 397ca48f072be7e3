-- SPDX-License-Identifier: MIT
-- sort of a __len of 2^53.
return function()
  table.sort(setmetatable({}, { __len = function() return 1 << 53 end }))
end
