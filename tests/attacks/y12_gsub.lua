-- SPDX-License-Identifier: MIT
-- gsub, quadratic.
return function()
  return (("x"):rep(100000):gsub(".-b", ""))
end
