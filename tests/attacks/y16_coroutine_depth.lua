-- SPDX-License-Identifier: MIT
-- A coroutine in a coroutine.
local function down()
  return coroutine.wrap(down)()
end

return down
