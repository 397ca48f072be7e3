-- SPDX-License-Identifier: MIT
-- A replacement that makes a small text large.
return function()
  local big = ("y"):rep(60000)
  return (("x"):rep(5000):gsub("x", big))
end
