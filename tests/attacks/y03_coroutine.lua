-- SPDX-License-Identifier: MIT
-- A coroutine that was made before, and loops now.
local co = coroutine.create(function() while true do end end)

return function() return coroutine.resume(co) end
