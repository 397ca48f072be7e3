-- SPDX-License-Identifier: MIT
-- Each way to come by weak keys: where their values are the next keys, against
-- the order in which the collector looks at them, it needs the square of their
-- number, in one step.
local ways = {
  function() return setmetatable({}, { __mode = "k" }) end,
  function()
    local t = setmetatable({}, {})
    getmetatable(t).__mode = "k"
    return t
  end,
  function()
    local mt = { __mode = "kv" }
    local t = setmetatable({}, mt)
    mt.__mode = "k"
    return t
  end,
  function()
    local mt = setmetatable({}, {}) -- that has one of its own already
    local t = setmetatable({}, mt)
    mt.__mode = "k"
    return t
  end,
  function()
    local mt = {}
    local t = setmetatable({}, mt)
    rawset(mt, "__mode", "k")
    return t
  end,
}

-- The collector runs at the latest when there is no more memory.
local function collect()
  local text, t = ("x"):rep(10000), {}
  local function fill()
    while true do t[#t + 1] = text .. #t end
  end
  assert(not pcall(fill))
  t = nil -- a slot of the stack may outlive the call
  return t
end

-- A key that lives keeps its value, and the value of another does not.
local function has_weak_keys(t)
  local key = {}
  t[key], t[{}] = {}, true
  collect()
  local n = 0
  for _ in next, t do n = n + 1 end
  return t[key] ~= nil and n == 1
end

return function()
  for i, way in ipairs(ways) do
    local ok, t = pcall(way)
    assert(ok == (i > 2), i)
    assert(not ok or not has_weak_keys(t), i)
  end
end
