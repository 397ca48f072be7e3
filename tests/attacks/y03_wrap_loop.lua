-- SPDX-License-Identifier: MIT
-- Coroutines made in the call, one behind the other.
return function()
  while true do
    pcall(coroutine.wrap(function() while true do end end))
  end
end
