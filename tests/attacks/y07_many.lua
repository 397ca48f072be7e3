-- SPDX-License-Identifier: MIT
-- Large strings, all kept.
local kept = {}

return function()
  while true do kept[#kept + 1] = ("x"):rep(100000) .. #kept end
end
