-- SPDX-License-Identifier: MIT
-- A handler that remembers each access.
local log = {}

return function()
  for i = 1, 1000 do log[#log + 1] = { i, tostring(i) } end
end
