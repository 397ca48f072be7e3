-- SPDX-License-Identifier: MIT
-- An error object whose __tostring does not end.
return function()
  error(setmetatable({}, { __tostring = function() while true do end end }))
end
