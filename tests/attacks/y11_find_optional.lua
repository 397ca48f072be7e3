-- SPDX-License-Identifier: MIT
-- 28 optional letters.
return function()
  return ("a"):rep(28):find(("a?"):rep(28) .. ("a"):rep(28) .. "b")
end
