-- SPDX-License-Identifier: MIT
-- Weak keys whose values are the next keys, against the order in which the
-- collector looks at them: it would need the square of their number, in one
-- step. Each way to come by weak keys.
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

local root = {}
local function chain(t)
  local keys, order = {}, {}
  for i = 1, 8000 do
    keys[i] = {}
    t[keys[i]] = true
  end
  for k in next, t do order[#order + 1] = k end
  local n = #order
  local function at(i) return i % 2 == 1 and order[n - i // 2] or order[i // 2] end
  for i = 1, n - 1 do t[at(i)] = at(i + 1) end
  root[#root + 1], root[#root + 2] = t, order[n]
end

local way = 0
return function()
  way = way % #ways + 1
  local ok, t = pcall(ways[way])
  if ok then chain(t) end
  for i = 1, 40000 do local _ = { i } end
end
