-- SPDX-License-Identifier: MIT
-- The same by goto.
return function()
  ::again::
  goto again
end
