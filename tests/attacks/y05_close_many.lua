-- SPDX-License-Identifier: MIT
-- Many of them, each behind the error of the one before.
local trap = { __close = function() while true do end end }

local function nest(n)
  local _ <close> = setmetatable({}, trap)
  if n > 0 then nest(n - 1) end
end

return function()
  while true do pcall(nest, 50) end
end
