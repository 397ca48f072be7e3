-- SPDX-License-Identifier: MIT
-- Floats with as many digits as a format may ask for.
local t = {}
for i = 1, 100000 do t[i] = 1e308 end
local format = ("%.99f"):rep(20000)

return function()
  return format:format(table.unpack(t, 1, 20000))
end
