-- Lua as it ships, its tests and its examples. `make lint` runs luacheck.
std = "lua54"
max_line_length = 120
files["tests/spec"] = { std = "lua54+busted" }
files["scripts/new"] = { std = "lua54+busted" }
files["bindings/meta"] = { ignore = { "211", "212", "241" } } -- annotations only
files["tests/attacks"] = { ignore = { "111", "121", "122", "142", "241", "311", "512" } } -- on purpose
