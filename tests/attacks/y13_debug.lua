-- SPDX-License-Identifier: MIT
-- The debug library.
return function()
  local ok, e = pcall(function() return debug end)
  assert(not ok)
  assert(e:find("undefined global 'debug'", 1, true))
end
