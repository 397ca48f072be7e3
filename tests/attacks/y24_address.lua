-- SPDX-License-Identifier: MIT
-- Addresses, which would tell where the process has what.
return function()
  local co = coroutine.create(function() end)
  for _, v in ipairs { {}, print, function() end, co, string, _G } do
    local text = tostring(v)
    assert(not text:find("0x", 1, true), text)
    assert(text:find("^%a+: %d+$"), text)
    assert(tostring(v) == text)
    assert(("%s"):format(v) == text)
    assert(not pcall(string.format, "%p", v))
    assert(not pcall(string.format, "%10p", v))
    assert(not pcall(string.format, "%%%p", v))
  end
  assert(tostring({}) ~= tostring({}))
  assert(select("#", math.randomseed()) == 0)
  local _, e = pcall(function() return {} .. {} end)
  assert(not e:find("0x", 1, true))
  local named = setmetatable({}, { __name = "thing" })
  assert(tostring(named):find("^thing: %d+$"))
end
