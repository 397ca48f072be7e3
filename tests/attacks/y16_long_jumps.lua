-- SPDX-License-Identifier: MIT
-- A text whose jumps are a list that the parser walks for each of them.
local parts = {}
for i = 1, 60000 do parts[i] = "elseif a then" end
local text = "local a if a then " .. table.concat(parts, " ") .. " end"
return function() assert(load(text)) end
