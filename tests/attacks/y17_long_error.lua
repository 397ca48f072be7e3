-- SPDX-License-Identifier: MIT
-- An error of five megabytes, with control bytes.
return function()
  error(("\27[31m\n"):rep(300000), 0)
end
