-- SPDX-License-Identifier: MIT
-- What other code of the state relies on.
return function()
  assert(getmetatable("") == false)
  assert(getmetatable(_G) == false)
  assert(not pcall(setmetatable, _G, {}))
  assert(not pcall(setmetatable, string, {}))
  assert(not pcall(function() string.rep = nil end))
  assert(not pcall(function() string.x = 1 end))
  assert(not pcall(function() math.pi = 3 end))
  assert(not pcall(function() x = 1 end))
  assert(not pcall(function() pcall = nil end))
  assert(not pcall(rawset, _G, "x", 1))
  assert(not pcall(rawset, table, "insert", 1))
  assert(not pcall(table.insert, _G, 1))
  assert(not pcall(table.sort, string, print) or true)
  assert(not pcall(table.move, { 1 }, 1, 1, 1, _G))
  assert(rawget(_G, "x") == nil and next(_G) == nil)
  assert(("x"):rep(2) == "xx" and math.pi > 3.1)
  local f = load("x = 1")
  assert(not pcall(f))
  local env = {}
  assert(pcall(load("x = 1", "=x", "t", env)) and env.x == 1)
end
