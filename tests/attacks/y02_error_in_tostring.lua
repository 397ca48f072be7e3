-- SPDX-License-Identifier: MIT
-- A __tostring that does not end, of an error that is caught.
return function()
  local trap = setmetatable({}, { __tostring = function() while true do end end })
  while true do
    local _, e = pcall(error, trap)
    pcall(tostring, e)
  end
end
