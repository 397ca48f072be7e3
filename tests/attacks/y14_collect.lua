-- SPDX-License-Identifier: MIT
-- The collector's switches.
return function()
  assert(not pcall(function() return collectgarbage end))
end
