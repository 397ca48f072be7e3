-- SPDX-License-Identifier: MIT
-- gsub in the __index of the table of a gsub.
local t = setmetatable({}, {})
getmetatable(t).__index = function() return (("x"):gsub("x", t)) end

return function() return t.x end
