-- SPDX-License-Identifier: MIT
-- pattern.lua - what expect looks for: text, vmoon.pat and vmoon.re.
--
--   vm:expect "login:"                     -- as it stands
--   vm:expect(vmoon.pat "eth(%d) up")      -- a Lua pattern
--   vm:expect(vmoon.re "ready|failed")     -- a POSIX extended expression
local core = ...

local setmetatable, getmetatable, type, pcall = setmetatable, getmetatable, type, pcall
local find = string.find

local Pattern = { __metatable = "vmoon.Pattern", __name = "vmoon.Pattern" }
local kinds = setmetatable({}, { __mode = "k" }) -- pattern -> { kind, text }

function Pattern:__tostring()
  local p = kinds[self]
  return p.kind .. "(" .. core.quote(p.text) .. ")"
end

local function make(kind, text)
  if type(text) ~= "string" or text == "" then
    core.fail {
      kind = "script",
      message = ("vmoon.%s: a pattern is a string that is not empty, got %s"):format(
        kind, text == "" and "an empty one" or type(text)),
    }
  end
  local pattern = setmetatable({}, Pattern)
  kinds[pattern] = { kind = kind, text = text }
  return pattern
end

function core.pat(text)
  local pattern = make("pat", text)
  local ok, reason = pcall(find, "", text)
  if not ok then
    core.fail { kind = "script", message = ("vmoon.pat: %s is no Lua pattern: %s"):format(core.quote(text), reason) }
  end
  return pattern
end

function core.re(text)
  local pattern = make("re", text)
  core.re_check(text)
  return pattern
end

-- kind, text and how to show it; raises for anything that is no pattern.
function core.read_pattern(method, value)
  if type(value) == "string" and value ~= "" then
    return { kind = "text", text = value, shown = core.quote(value) }
  elseif type(value) == "table" and getmetatable(value) == "vmoon.Pattern" then
    local p = kinds[value]
    return { kind = p.kind, text = p.text, shown = Pattern.__tostring(value) }
  end
  core.fail {
    kind = "script",
    message = ("%s: a pattern is a string, vmoon.pat or vmoon.re, got %s"):format(
      method, value == "" and "an empty string" or type(value)),
  }
end

function core.is_pattern(value)
  return type(value) == "string" or getmetatable(value) == "vmoon.Pattern"
end

-- A window of text that slides over a stream, for Lua patterns: "\r\n" is
-- "\n" in it, and positions lead back to bytes of the stream.
local WINDOW = 8192
local Window = {}
Window.__index = Window

function core.window(pos)
  return setmetatable({ raw = "", base = pos, next = pos, text = "" }, Window)
end

function Window:add(bytes, next)
  if next - #bytes ~= self.next then self.raw, self.base = "", next - #bytes end -- a gap
  self.raw = self.raw .. bytes
  self.next = next
  -- A final "\r" waits: its "\n" may be the next byte.
  self.text = self.raw:gsub("\r$", ""):gsub("\r\n", "\n")
end

function Window:trim()
  if #self.raw <= WINDOW then return end
  self.base = self.base + #self.raw - WINDOW // 2
  self.raw = self.raw:sub(-(WINDOW // 2))
  self.text = self.raw:gsub("\r$", ""):gsub("\r\n", "\n")
end

-- Byte of the stream behind the first n characters of the text.
function Window:position(n)
  local raw, i, seen = self.raw, 1, 0
  while seen < n do
    if raw:sub(i, i + 1) == "\r\n" then i = i + 1 end
    i, seen = i + 1, seen + 1
  end
  return self.base + i - 1
end

-- First and last character, captures; "^" stands for the start of any line.
function Window:find(pattern)
  if pattern:sub(1, 1) ~= "^" then return table.pack(find(self.text, pattern)) end
  local init = 1
  while init do
    local found = table.pack(find(self.text, pattern, init))
    if found[1] then return found end
    local newline = find(self.text, "\n", init, true)
    init = newline and newline + 1
  end
  return { n = 0 }
end
