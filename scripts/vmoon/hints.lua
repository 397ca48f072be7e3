-- SPDX-License-Identifier: MIT
-- hints.lua - errors as vmoon.Error values, and "did you mean".
--
--   core.fail { kind = "script", message = "vm is closed" }
--   core.check_options("expect", options, { timeout = "number" })
--   core.nearest("puase", { "pause", "resume" })   --> "pause"
local core = ...

local error, ipairs, pairs, type, tostring = error, ipairs, pairs, type, tostring
local min, sort, format, rep = math.min, table.sort, string.format, string.rep

local MAX_NAME, MAX_TYPO = 40, 2

-- Edits, swapped neighbours counting as one, that lead from a to b.
local function distance(a, b)
  if #a > MAX_NAME or #b > MAX_NAME then return MAX_TYPO + 1 end
  local before, above = {}, {}
  for j = 0, #b do above[j] = j end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      row[j] = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = min(row[j], before[j - 2] + 1)
      end
    end
    before, above = above, row
  end
  return above[#b]
end

-- The name within two edits, the first of the alphabet among equals, or nil.
function core.nearest(name, names)
  local best, best_distance = nil, MAX_TYPO + 1
  sort(names)
  for _, candidate in ipairs(names) do
    local d = distance(name, candidate)
    if d < best_distance and d < #name then best, best_distance = candidate, d end
  end
  return best
end

-- Raises; fields: kind, message, detail, ...
function core.fail(fields)
  fields.code = fields.code or fields.kind
  error(core.bless(fields), 0)
end

-- Text free of control bytes.
function core.plain(text)
  return (text:gsub("%c", function(c) return format("\\x%02x", c:byte()) end))
end

-- Text as a string literal for messages, short and free of control bytes.
function core.quote(text)
  if #text > 200 then text = text:sub(1, 197) .. "..." end
  text = text:gsub('[\\"]', "\\%0"):gsub("\n", "\\n"):gsub("\r", "\\r")
  return '"' .. core.plain(text) .. '"'
end

local function hint_for(name, names)
  local nearest = type(name) == "string" and core.nearest(name, names)
  if not nearest then return nil end
  return format('  hint: did you mean "%s"?', nearest)
end

local function keys_of(...)
  local names = {}
  for _, t in ipairs { ... } do
    for name in pairs(t) do names[#names + 1] = name end
  end
  return names
end

-- The error for a field that does not exist or cannot be set (lhandle.c).
function core.unknown_field(handle, key, methods, properties, is_assignment)
  local what = tostring(handle):gsub(" %(%a+%)$", "")
  local name = type(key) == "string" and core.quote(key) or type(key)
  if is_assignment then
    return core.bless {
      kind = "script", code = "script",
      message = format("%s: field %s cannot be set", what, name),
    }
  end
  return core.bless {
    kind = "script", code = "script",
    message = format("%s has no field or method %s", what, name),
    detail = hint_for(key, keys_of(methods, properties)),
  }
end

local HERE = "a script that is only checked"
local ABSENT = {
  coroutine = "has no coroutines", debug = "has no debug library", package = "loads no modules",
  load = "loads no code", loadfile = "loads no code", dofile = "loads no code",
  collectgarbage = "leaves its memory to vmoon",
}

-- What a name that no global has means; names are the globals there are.
function core.undefined_global(name, globals)
  local message = format("attempt to use undefined global '%s'", core.plain(tostring(name)))
  if ABSENT[name] then return format("%s\n  hint: %s %s", message, HERE, ABSENT[name]) end
  local hint = hint_for(name, keys_of(globals))
  return hint and message .. "\n" .. hint or message
end

function core.set_global(name)
  return format("attempt to set global '%s'\n  hint: globals of %s are read-only; write \"local\" before it",
    core.plain(tostring(name)), HERE)
end

-- Options are one table whose keys all exist and have the right type.
function core.check_options(method, options, schema)
  if options == nil then return {} end
  if type(options) ~= "table" then
    core.fail {
      kind = "script",
      message = format("%s: options are a table, got %s", method, type(options)),
      detail = format("  hint: %s { timeout = 5 }", method),
    }
  end
  for key, value in pairs(options) do
    local want = schema[key]
    if not want then
      core.fail {
        kind = "script",
        message = format("%s: unknown option %s", method, core.quote(tostring(key))),
        detail = hint_for(key, keys_of(schema)),
      }
    elseif type(value) ~= want then
      core.fail {
        kind = "script",
        message = format("%s: option %s is a %s, got %s", method, key, want, type(value)),
      }
    end
  end
  return options
end

-- Seconds of a timeout option with the scale of VMOON_TIMEOUT_SCALE in it.
function core.timeout(method, seconds, default)
  seconds = seconds or default
  if seconds and not (seconds >= 0 and seconds < 1e8) then
    core.fail {
      kind = "script",
      message = format("%s: timeout is a number of seconds from 0 on, got %s", method, seconds),
    }
  end
  return seconds and seconds * core.timeout_scale
end

-- The last lines of a text, indented as 3.4 of the manual shows them.
function core.tail_lines(text, indent, count)
  local lines = {}
  for line in (text:gsub("\r\n", "\n") .. "\n"):gmatch("([^\n]*)\n") do
    line = line:gsub("\27%[[%d;?]*%a", ""):gsub("[%c\127]", "")
    if #line > 240 then line = line:sub(1, 237) .. "..." end
    local is_ours = line:find("vmoon[_-]%x%x%x%x%x%x%d") -- marks and prompts of shell.lua
    if line ~= "" and not is_ours then lines[#lines + 1] = rep(" ", indent) .. "| " .. line end
  end
  return table.concat(lines, "\n", math.max(1, #lines - count + 1))
end
