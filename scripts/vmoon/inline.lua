-- SPDX-License-Identifier: MIT
-- inline.lua - a device that a script describes itself, on its way to a state
-- of its own: plain data, functions, and what these have captured.
--
--   local bytes, problems, functions = core.inline(device, kind)
--
-- Functions that share a captured variable share it there as well. What cannot
-- move is a problem with its path. ldinline.c reads the bytes; a value is a tag
-- and what follows, integers are little-endian.
local core = ...

local type, pairs, rawget, getmetatable = type, pairs, rawget, getmetatable
local setmetatable, ipairs, tostring = setmetatable, ipairs, tostring
local concat, format, sort, unpack = table.concat, string.format, table.sort, table.unpack
local math_type = math.type

local NIL <const>, FALSE <const>, TRUE <const>, INTEGER <const> = "\0", "\1", "\2", "\3"
local FLOAT <const>, STRING <const>, TABLE <const>, FUNCTION <const> = "\4", "\5", "\6", "\7"
local FUNCTION_AGAIN <const>, LIBRARY <const>, GLOBALS <const>, SCRIPT <const> = "\8", "\9", "\10", "\11"

local DEPTH_MAX <const>, BYTES_MAX <const>, FUNCTIONS_MAX <const> = 16, 1 << 20, 1024
local LIBRARIES <const> = { "string", "table", "math", "utf8", "coroutine" }
local HINT <const> = "pass plain values in params, or keep them in state"

-- What the standard library is called, for functions of C and for its tables.
local function library_names()
  local globals, names = core.globals(), {}
  for key, value in pairs(globals) do
    if type(value) == "function" and type(key) == "string" then names[value] = key end
  end
  for _, name in pairs(LIBRARIES) do
    local library = rawget(globals, name)
    if type(library) == "table" then
      names[library] = name
      for key, value in pairs(library) do
        if type(value) == "function" and type(key) == "string" then names[value] = name .. "." .. key end
      end
    end
  end
  names[globals] = nil
  return names, globals
end

local put_value -- of one kind or another, each of which may hold others

local function put(w, bytes)
  w.size = w.size + #bytes
  if w.size > BYTES_MAX then core.fail { kind = "script", message = "an inline device has at most 1 MiB" } end
  w.out[#w.out + 1] = bytes
end

-- A problem of a place, and of the functions that are being taken apart.
local function tell(w, path, message, has_stand_in)
  for _, messages in ipairs(w.open) do
    if not messages[message] then
      messages[message] = true
      messages[#messages + 1] = message
    end
  end
  local key = path .. "\0" .. message
  if not w.said[key] then
    w.said[key] = true
    w.problems[#w.problems + 1] = { path = path, message = message, hint = HINT, has_stand_in = has_stand_in }
  end
end

-- What a function has captured is refused once, whatever is in it. Something
-- stands in, so that the rest can be checked.
local function note(w, path, captured, what)
  if not captured then return tell(w, path, what .. " cannot move to the device's own state", true) end
  if captured.what then return end
  captured.what = what
  local inside = what ~= "a " .. captured.type and ": there is " .. what or ""
  tell(w, captured.path, format("the function captures '%s' (%s), which cannot move to the device's own state%s",
    captured.name, captured.type, inside), captured.path:find "^config%." ~= nil) -- of config it is called
end

local function refuse(w, path, captured, what)
  note(w, path, captured, what)
  put(w, captured and NIL or FALSE)
end

local function stand_in() end

local function key_before(a, b)
  local x, y = type(a), type(b)
  if x ~= y then return x == "number" end
  return a < b
end

local function sub_path(path, key)
  return path == "" and tostring(key) or path .. "." .. tostring(key)
end

-- Whether a register's function stays in the script; functions is for those.
local function stays(w, path)
  local name = path:match "^registers%.([^.]+)%.on_%a+$"
  local register = name and w.registers[name]
  return type(register) == "table" and (rawget(register, "where") or w.where) == "script"
end

local function put_table(w, value, path, depth, captured)
  if w.above[value] then return refuse(w, path, captured, "a table that contains itself") end
  if depth > DEPTH_MAX then return refuse(w, path, captured, "a table that is more than 16 deep") end
  local keys = {}
  for key in pairs(value) do
    if math_type(key) == "integer" or type(key) == "string" then
      keys[#keys + 1] = key
    else
      return refuse(w, path, captured, format("a key that is a %s", type(key)))
    end
  end
  sort(keys, key_before)
  w.above[value] = true
  put(w, TABLE)
  put(w, ("<I4"):pack(#keys))
  for _, key in ipairs(keys) do
    put_value(w, key, path, depth + 1, captured)
    put_value(w, value[key], sub_path(path, key), depth + 1, captured)
  end
  w.above[value] = nil
end

local function put_upvalue(w, fn, i, path, depth)
  local name, value, id = core.upvalue(fn, i)
  local known = w.upvalues[id]
  if known then
    if known.what then note(w, path, { name = name, type = known.type, path = path }, known.what) end
    return put(w, ("<I4"):pack(known.number))
  end
  known = { number = w.upvalue_count, name = name, type = type(value), path = path }
  w.upvalues[id] = known
  put(w, ("<I4"):pack(known.number))
  w.upvalue_count = w.upvalue_count + 1
  if name == "_ENV" then return put(w, GLOBALS) end -- a test's own environment, too
  put_value(w, value, path, depth + 1, known)
end

local function put_function(w, value, path, depth, captured)
  local known = w.functions[value]
  if known then
    for _, message in ipairs(known.messages) do tell(w, path, message, path:find "^config%." ~= nil) end
    put(w, FUNCTION_AGAIN)
    return put(w, ("<I4"):pack(known.number))
  end
  local code, count = core.dump(value)
  if not code and captured then return refuse(w, path, captured, "a function of C") end
  if not code then
    note(w, path, nil, "a function of C")
    return put_value(w, stand_in, path, depth)
  end
  if w.function_count == FUNCTIONS_MAX or depth > 4 * DEPTH_MAX then
    return refuse(w, path, captured, "one function too many")
  end
  known = { number = w.function_count, messages = {} }
  w.functions[value] = known
  put(w, FUNCTION)
  put(w, ("<I4s4I1"):pack(w.function_count, code, count))
  w.function_count = w.function_count + 1
  w.open[#w.open + 1] = known.messages
  for i = 1, count do put_upvalue(w, value, i, path, depth) end
  w.open[#w.open] = nil
end

function put_value(w, value, path, depth, captured)
  local kind = type(value)
  if value == nil then return put(w, NIL) end
  if value == w.globals then return put(w, GLOBALS) end
  if w.names[value] then
    put(w, LIBRARY)
    return put(w, ("<s4"):pack(w.names[value]))
  end
  if kind == "boolean" then return put(w, value and TRUE or FALSE) end
  if math_type(value) == "integer" then return put(w, INTEGER .. ("<i8"):pack(value)) end
  if kind == "number" then return put(w, FLOAT .. ("<d"):pack(value)) end
  if kind == "string" then return put(w, STRING .. ("<s4"):pack(value)) end
  if kind == "function" and stays(w, path) then
    w.scripts[#w.scripts + 1] = value
    put(w, SCRIPT)
    return put(w, ("<I4"):pack(#w.scripts - 1))
  end
  if kind == "function" then return put_function(w, value, path, depth, captured) end
  if kind == "table" and not (captured and getmetatable(value)) then
    return put_table(w, value, path, depth, captured)
  end
  refuse(w, path, captured, kind == "table" and "a table with a metatable" or "a " .. kind)
end

-- The bytes of a device's table; with problems they are of no use.
function core.inline(device, kind)
  local names, globals = library_names()
  local w = {
    out = {}, size = 0, problems = {}, above = {}, functions = {}, function_count = 0, upvalues = {}, upvalue_count = 0,
    names = names, globals = globals, scripts = {}, open = {}, said = {}, where = rawget(device, "where"),
    registers = type(rawget(device, "registers")) == "table" and device.registers or {},
  }
  put(w, ("<I1"):pack(kind))
  put_value(w, device, "", 0)
  return concat(w.out), w.problems, w.scripts
end

-- Adds to what cannot move what else is wrong, but for what stands in.
function core.inline_rest(problems, rest)
  local replaced = {}
  for _, problem in ipairs(problems) do
    if problem.has_stand_in then replaced[problem.path] = true end
    problem.has_stand_in = nil
  end
  for _, problem in ipairs(rest) do
    if problem.is_key or not replaced[problem.path] then problems[#problems + 1] = problem end
  end
end

-- ---- d of a function that stays in the script: each step is one of the device's ----

local function far_at(io, far, path)
  local proxy = {}
  local function beneath(key)
    local longer = {}
    for i, step in ipairs(path) do longer[i] = step end
    longer[#longer + 1] = key
    return longer
  end
  return setmetatable(proxy, {
    __metatable = "locked",
    __index = function(_, key)
      local longer = beneath(key)
      local what, value = io.get(far, unpack(longer))
      if what == "is" then return value end
      if what == "far" then return far_at(io, far, longer) end
      return function(_, ...) return io.call(far, key, ...) end
    end,
    __newindex = function(_, key, value)
      local longer = beneath(key)
      longer[#longer + 1] = value
      io.set(far, unpack(longer, 1, #path + 2))
    end,
  })
end

-- io has get, set and call, for what far stands for.
function core.far(far, io)
  return far_at(io or { get = core.far_get, set = core.far_set, call = core.far_call }, far, {})
end
