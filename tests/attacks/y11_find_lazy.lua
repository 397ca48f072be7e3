-- SPDX-License-Identifier: MIT
-- Lazy repeats that explode.
return function()
  return ("x"):rep(300):find((".-"):rep(8) .. "y")
end
