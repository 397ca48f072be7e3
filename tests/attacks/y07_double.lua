-- SPDX-License-Identifier: MIT
-- A string that doubles.
local s = "x"

return function()
  while true do s = s .. s end
end
