-- SPDX-License-Identifier: MIT
-- An error of nothing.
return function()
  error(nil)
end
