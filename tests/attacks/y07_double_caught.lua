-- SPDX-License-Identifier: MIT
-- The same, catching the error.
return function()
  while true do
    pcall(function()
      local s = "x"
      while true do s = s .. s end
    end)
  end
end
