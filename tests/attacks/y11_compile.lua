-- SPDX-License-Identifier: MIT
-- Patterns whose classes alone take long.
return function()
  while true do
    pcall(string.find, "x", "[" .. ("%a"):rep(60000) .. "]")
    pcall(string.find, "x", ("%a"):rep(60000))
  end
end
