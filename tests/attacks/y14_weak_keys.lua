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

local tables, keys = {}, {}
for i, way in ipairs(ways) do
  local ok, t = pcall(way)
  assert(ok == (i > 2), i)
  if ok then
    local key = {}
    t[key], t[{}] = {}, true
    tables[#tables + 1], keys[#keys + 1] = t, key
  end
end

local calls = 0
return function() -- the collector comes behind the first call
  calls = calls + 1
  for i = 1, 40000 do local _ = { i } end
  for i, t in ipairs(calls > 1 and tables or {}) do
    local n = 0
    for _ in next, t do n = n + 1 end
    -- With weak keys alone what lives has its value, and nothing else has.
    assert(t[keys[i]] == nil or n == 2, i)
  end
end
