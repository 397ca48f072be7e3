-- SPDX-License-Identifier: MIT
-- A loop without an end.
return function()
  while true do end
end
