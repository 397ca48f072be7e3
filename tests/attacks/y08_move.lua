-- SPDX-License-Identifier: MIT
-- Elements that are not there, 2^63 of them.
return function()
  return table.move({}, 1, math.maxinteger - 1, 2)
end
