-- SPDX-License-Identifier: MIT
-- All values of a large list on the stack.
return function()
  return table.unpack({}, 1, 900000)
end
