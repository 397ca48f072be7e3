-- SPDX-License-Identifier: MIT
-- Errors out of every function that calls back.
return function()
  local function fail() error("on purpose", 0) end
  local trap = setmetatable({}, { __index = fail, __newindex = fail, __len = fail, __tostring = fail, __lt = fail,
    __concat = fail, __close = fail, __call = fail, __eq = fail, __pairs = fail, __name = "trap" })
  for i = 1, 50 do
    assert(not pcall(table.sort, { 1, 2, i }, fail))
    assert(not pcall(table.sort, { trap, trap }))
    assert(not pcall(table.insert, trap, 1))
    assert(not pcall(table.concat, trap))
    assert(not pcall(table.unpack, trap))
    assert(not pcall(string.gsub, "x", "x", fail))
    assert(not pcall(string.gsub, "x", "x", trap))
    assert(not pcall(string.format, "%s", trap))
    assert(not pcall(tostring, trap))
    assert(not pcall(print, trap))
    assert(not pcall(load, fail) or true)
    assert(not pcall(coroutine.wrap(fail)))
    assert(not xpcall(fail, fail))
    assert(not pcall(function() local _ <close> = trap end))
    assert(not pcall(pairs, trap))
  end
end
