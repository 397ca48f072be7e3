-- SPDX-License-Identifier: MIT
-- Two coroutines that hand over to each other for ever.
local function turn() while true do coroutine.yield() end end

return function()
  local a, b = coroutine.wrap(turn), coroutine.wrap(turn)
  while true do
    a()
    b()
  end
end
