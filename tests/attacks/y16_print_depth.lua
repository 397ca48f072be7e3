-- SPDX-License-Identifier: MIT
-- print in the __tostring of its argument.
local trap = setmetatable({}, {})
getmetatable(trap).__tostring = function()
  print(trap)
  return ""
end

return function() return tostring(trap) end
