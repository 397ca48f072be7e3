-- SPDX-License-Identifier: MIT
-- What reaches the host.
return function()
  local function value(name)
    local ok, v = pcall(load("return " .. name))
    return ok and v or nil
  end
  for _, name in ipairs { "dofile", "loadfile", "os", "io", "warn", "package", "debug", "collectgarbage", "module",
    "unpack", "loadstring", "bit32", "arg" } do
    assert(value(name) == nil, name)
  end
  for _, name in ipairs { "os", "io", "../x", "/etc/passwd", "a/b", "..", ".", "a.b", "x\0y", "", "debug", "string" } do
    assert(not pcall(require, name), name)
  end
  print("said to nobody")
end
