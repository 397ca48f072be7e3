-- SPDX-License-Identifier: MIT
-- A finalizer, which no hook would see.
assert(not pcall(setmetatable, {}, { __gc = function() while true do end end }))
assert(not pcall(setmetatable, {}, { __gc = true }))
local mt = {}
local kept = {}
for i = 1, 10 do kept[i] = setmetatable({}, mt) end
mt.__gc = function() while true do end end

return function()
  kept = nil
  for i = 1, 20000 do
    local _ = { i }
  end
end
