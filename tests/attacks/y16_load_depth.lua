-- SPDX-License-Identifier: MIT
-- load in a reader of load.
local function down()
  return load(down)
end

return function()
  local f, e = down()
  error(e or f)
end
