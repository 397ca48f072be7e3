-- SPDX-License-Identifier: MIT
-- The handler of an error does not end.
return function()
  local function forever() while true do end end
  while true do xpcall(error, forever) end
end
