-- SPDX-License-Identifier: MIT
-- Padding of a packed value.
return function()
  return string.pack("c1000000000", "x")
end
