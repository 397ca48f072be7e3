-- SPDX-License-Identifier: MIT
-- A buffer that grows inside one C function.
return function()
  local part = ("x"):rep(10000)
  local list = {}
  for i = 1, 10000 do list[i] = part end
  return table.concat(list)
end
