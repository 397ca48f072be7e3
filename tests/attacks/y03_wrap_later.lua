-- SPDX-License-Identifier: MIT
-- A wrapped coroutine that the budget stopped, called again by a later call.
local again

return function()
  if again then
    assert(not pcall(again))
    while true do end
  end
  again = coroutine.wrap(function()
    local _ <close> = setmetatable({}, { __close = function() while true do end end })
    while true do end
  end)
  again()
end
