-- SPDX-License-Identifier: MIT
-- Recursion without an end.
local function down() return 1 + down() end

return down
