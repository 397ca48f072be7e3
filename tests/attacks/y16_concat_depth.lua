-- SPDX-License-Identifier: MIT
-- A __concat that concatenates.
local t = setmetatable({}, {})
getmetatable(t).__concat = function(a, b) return a .. b end

return function() return t .. t end
