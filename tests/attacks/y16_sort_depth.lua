-- SPDX-License-Identifier: MIT
-- sort in a comparison of a sort.
local function down()
  table.sort({ 1, 2 }, function() return down() end)
end

return down
