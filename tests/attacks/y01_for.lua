-- SPDX-License-Identifier: MIT
-- A numeric loop that takes centuries.
return function()
  for _ = 1, math.maxinteger do end
end
