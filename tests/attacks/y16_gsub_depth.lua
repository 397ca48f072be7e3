-- SPDX-License-Identifier: MIT
-- gsub in the function of a gsub: much C stack each.
local function down() return (("x"):gsub("x", down)) end

return function() return down() end
