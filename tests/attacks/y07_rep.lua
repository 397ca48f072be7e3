-- SPDX-License-Identifier: MIT
-- A string larger than the arena.
return function()
  return ("x"):rep(1 << 30)
end
