-- SPDX-License-Identifier: MIT
-- Greedy repeats that explode, caught.
return function()
  while true do
    pcall(string.match, ("x"):rep(2000), ".*.*.*.*b")
  end
end
