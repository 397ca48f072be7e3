-- SPDX-License-Identifier: MIT
-- Parsing without an end.
return function()
  local text = "return {" .. ("1,"):rep(50000) .. "}"
  while true do load(text) end
end
