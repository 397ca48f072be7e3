-- SPDX-License-Identifier: MIT
-- sort of a __len that is an int's largest.
return function()
  table.sort(setmetatable({}, { __len = function() return (1 << 31) - 1 end }))
end
