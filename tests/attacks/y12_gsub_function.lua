-- SPDX-License-Identifier: MIT
-- A replacement by a function that does not end.
return function()
  while true do
    pcall(string.gsub, "x", "x", function() while true do end end)
  end
end
