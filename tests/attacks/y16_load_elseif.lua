-- SPDX-License-Identifier: MIT
-- The same: all branches of an if go to its end.
local text = "local a if a then " .. ("elseif a then "):rep(45000) .. "end"

return function()
  while true do load(text) end
end
