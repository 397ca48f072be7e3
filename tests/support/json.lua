-- SPDX-License-Identifier: MIT
-- json.lua - reads JSON for tests: what we write must be read by others.
--
--   local value = dofile "tests/support/json.lua" '{"a": [1, true, null]}'
--
-- null is the string "null"; \u escapes stay as they are.
local LITERALS = { ["true"] = true, ["false"] = false, null = "null" }

local read_value

local function fail(text, at, what)
  error(("JSON, byte %d: expected %s, got %q"):format(at, what, text:sub(at, at + 9)), 0)
end

local function skip(text, at)
  return text:match("^[ \t\r\n]*()", at)
end

local function read_string(text, at)
  if text:sub(at, at) ~= '"' then fail(text, at, "a string") end
  local stop = at + 1
  while true do
    stop = text:find('["\\%c]', stop) or #text + 1
    local c = text:sub(stop, stop)
    if c == '"' then break end
    if c ~= "\\" or not text:find('^["\\/bfnrtu]', stop + 1) then fail(text, stop, "the end of a string") end
    stop = stop + 2
  end
  return text:sub(at + 1, stop - 1), stop + 1
end

-- A list, or an object whose keys come first.
local function read_many(text, at, close, has_keys)
  local out = {}
  local key, value
  at = skip(text, at + 1)
  if text:sub(at, at) == close then return out, at + 1 end
  while true do
    key = #out + 1
    if has_keys then
      key, at = read_string(text, skip(text, at))
      at = skip(text, at)
      if text:sub(at, at) ~= ":" then fail(text, at, ":") end
      at = at + 1
    end
    value, at = read_value(text, skip(text, at))
    out[key] = value
    at = skip(text, at)
    local c = text:sub(at, at)
    at = at + 1
    if c == close then return out, at end
    if c ~= "," then fail(text, at - 1, "a comma or " .. close) end
  end
end

function read_value(text, at)
  local c = text:sub(at, at)
  if c == "{" then return read_many(text, at, "}", true) end
  if c == "[" then return read_many(text, at, "]", false) end
  if c == '"' then return read_string(text, at) end
  local word = text:match("^%a+", at)
  if word and LITERALS[word] ~= nil then return LITERALS[word], at + #word end
  local number = text:match("^-?%d+%.?%d*[eE]?[+-]?%d*", at)
  if not number or not tonumber(number) then fail(text, at, "a value") end
  return tonumber(number), at + #number
end

return function(text)
  local value, at = read_value(text, skip(text, 1))
  if skip(text, at) <= #text then fail(text, at, "the end") end
  return value
end
