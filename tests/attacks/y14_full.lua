-- SPDX-License-Identifier: MIT
-- Allocations against a full arena: each would collect.
local kept = {}

return function()
  pcall(function()
    while true do kept[#kept + 1] = {} end
  end)
  while true do
    pcall(function()
      while true do kept[#kept + 1] = {} end
    end)
  end
end
