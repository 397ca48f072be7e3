-- SPDX-License-Identifier: MIT
-- The same, a step at a time.
return function()
  for _ in ("x"):rep(2000):gmatch(".*.*.*.*b") do end
end
