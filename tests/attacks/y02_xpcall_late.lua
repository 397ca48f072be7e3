-- SPDX-License-Identifier: MIT
-- The budget's error itself starts a handler.
return function()
  local function forever() while true do end end
  while true do xpcall(forever, forever) end
end
