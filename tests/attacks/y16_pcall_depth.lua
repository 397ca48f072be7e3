-- SPDX-License-Identifier: MIT
-- pcall in pcall in pcall.
local function down() return pcall(down) end

return function()
  while true do down() end
end
