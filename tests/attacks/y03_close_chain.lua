-- SPDX-License-Identifier: MIT
-- Closing one coroutine makes and closes the next.
local function chain()
  local co = coroutine.create(function()
    local _ <close> = setmetatable({}, { __close = chain })
    coroutine.yield()
  end)
  coroutine.resume(co)
  coroutine.close(co)
end

return function()
  while true do chain() end
end
