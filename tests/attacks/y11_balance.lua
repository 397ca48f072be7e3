-- SPDX-License-Identifier: MIT
-- Balanced pairs that never balance.
return function()
  return ("("):rep(300000):find("%b()")
end
