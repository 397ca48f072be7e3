-- SPDX-License-Identifier: MIT
-- Garbage without an end.
return function()
  while true do
    local _ = {}
  end
end
