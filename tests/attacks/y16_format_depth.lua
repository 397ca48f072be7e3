-- SPDX-License-Identifier: MIT
-- format in the __tostring of its argument.
local trap = setmetatable({}, {})
getmetatable(trap).__tostring = function() return ("%s"):format(trap) end

return function() return tostring(trap) end
