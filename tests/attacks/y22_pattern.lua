-- SPDX-License-Identifier: MIT
-- A guest's bytes as a pattern, a format and code.
local bytes = {
  "%", "%b", "%f", "[", "[]", "[^]", "(", ")", "%1", "%9", "(()", ("("):rep(40), ("a?"):rep(300), "%b()%b()", "[%",
  "\0", "%p", "%99999d", "%s%s%s", "%.9999f", "%n", "%*d", "%c", "%q", "%-+ #0.5d", "while true do end", "\27Lua",
  "return " .. ("{"):rep(250), ".-.-.-.-.-.-.-.-x",
}

return function()
  for _, text in ipairs(bytes) do
    pcall(string.find, "some text", text)
    pcall(string.gsub, "some text", text, text)
    pcall(string.gsub, "some text", "e", text)
    pcall(string.format, text, 1)
    pcall(string.pack, text, 1)
    pcall(string.unpack, text, "some text")
    pcall(load, text)
    pcall(utf8.codepoint, text, 1, -1)
    pcall(tonumber, text, 36)
  end
end
