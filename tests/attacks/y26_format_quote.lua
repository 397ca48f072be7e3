-- SPDX-License-Identifier: MIT
-- Bytes that %q writes as numbers.
local text = ("\1"):rep(1 << 20)

return function()
  return ("%q%q%q"):format(text, text, text)
end
