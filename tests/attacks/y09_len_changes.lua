-- SPDX-License-Identifier: MIT
-- A __len that says something else each time.
return function()
  local asked = 0
  local t = setmetatable({}, { __len = function()
    asked = asked + 1
    return asked == 1 and 3 or 1 << 53
  end })
  table.insert(t, 1, "x")
  asked = 0
  table.remove(t, 1)
  asked = 0
  pcall(table.concat, t)
  asked = 0
  pcall(table.unpack, t)
  asked = 0
  pcall(table.sort, t)
end
