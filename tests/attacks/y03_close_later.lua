-- SPDX-License-Identifier: MIT
-- The same, closed by a later call.
local stopped

return function()
  if stopped then
    assert(coroutine.close(stopped) == false)
    while true do end
  end
  stopped = coroutine.create(function()
    local _ <close> = setmetatable({}, { __close = function() while true do end end })
    while true do end
  end)
  coroutine.resume(stopped)
end
