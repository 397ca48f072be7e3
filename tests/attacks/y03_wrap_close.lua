-- SPDX-License-Identifier: MIT
-- A coroutine's __close would run after the budget stopped it.
return function()
  while true do
    pcall(coroutine.wrap(function()
      local _ <close> = setmetatable({}, { __close = function() while true do end end })
      while true do end
    end))
  end
end
