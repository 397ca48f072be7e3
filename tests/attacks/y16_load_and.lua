-- SPDX-License-Identifier: MIT
-- Code that the compiler takes quadratic time for: a list of jumps.
local text = "local a return a" .. (" and a"):rep(60000)

return function()
  while true do load(text) end
end
