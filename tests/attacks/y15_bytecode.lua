-- SPDX-License-Identifier: MIT
-- Bytecode, real and made up.
return function()
  assert(string.dump == nil)
  assert((""):rep(1) == "" and ("").dump == nil)
  local f, e = load("\27Lua\x54\0\x19\x93\r\n\x1a\n", "x", "b")
  assert(f == nil and e:find("binary", 1, true))
  f, e = load("\27Lua")
  assert(f == nil and e:find("binary", 1, true))
  local given = false
  f = load(function()
    if given then return nil end
    given = true
    return "\27Lua"
  end, "x", "bt")
  assert(f == nil)
end
