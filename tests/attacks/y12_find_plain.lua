-- SPDX-License-Identifier: MIT
-- A plain find in much of the same.
return function()
  local text = ("x"):rep(1000000)
  while true do text:find(("x"):rep(500000) .. "y", 1, true) end
end
