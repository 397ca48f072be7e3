-- SPDX-License-Identifier: MIT
-- Nothing, 10^18 times.
return function()
  assert((""):rep(10 ^ 18 // 1 | 0) == "")
  assert((""):rep(math.maxinteger, "") == "")
  assert((""):rep(-1) == "")
  assert(("x"):rep(math.mininteger) == "")
end
