-- SPDX-License-Identifier: MIT
-- 10^5 parentheses.
return function()
  local f, e = load("return " .. ("("):rep(100000) .. "1" .. (")"):rep(100000))
  assert(f == nil)
  error(e)
end
