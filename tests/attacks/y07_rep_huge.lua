-- SPDX-License-Identifier: MIT
-- A length that wraps.
return function()
  assert(not pcall(string.rep, "xxxx", 1 << 62))
  assert(not pcall(string.rep, "x", math.maxinteger, "y"))
  return ("xy"):rep(math.maxinteger)
end
