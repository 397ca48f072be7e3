-- SPDX-License-Identifier: MIT
-- A chunk that is longer than allowed, by load and by a reader.
return function()
  local piece = ("x"):rep(100000)
  assert(not pcall(load, ("x"):rep(1100000)))
  assert(not pcall(load, function() return piece end))
end
