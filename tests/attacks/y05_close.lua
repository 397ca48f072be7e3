-- SPDX-License-Identifier: MIT
-- A __close that does not end.
return function()
  local _ <close> = setmetatable({}, { __close = function() while true do end end })
end
