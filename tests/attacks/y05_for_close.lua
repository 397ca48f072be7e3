-- SPDX-License-Identifier: MIT
-- The closing value of a generic for.
return function()
  local trap = setmetatable({}, { __close = function() while true do end end })
  for _ in next, { 1 }, nil, trap do break end
end
