-- SPDX-License-Identifier: MIT
-- locate.lua - where in a script a configuration mistake was written.
--
-- Lua tables carry no positions. On the error path only, the script is read
-- again from the line of the call, and the path of each problem ("disks.2.path")
-- is followed through the table constructor that it finds there.
--
--   core.config_error(problems, "boot", "@vm.lua", "vm.lua", 9)
--   core.device_error(problems, { path = "counter.lua" }, "devices.1", "boot",
--     { source = "@vm.lua", name = "vm.lua", line = 9 })
local core = ...

local ipairs, tonumber = ipairs, tonumber
local sort, concat, format, rep = table.sort, table.concat, string.format, string.rep

local MAX_TOKENS, MAX_WIDTH = 200000, 160
local MAX_SHOWN <const> = 40 -- problems of several devices

-- What each problem of an error looks like: { text, ... } by the error.
local shown_of = setmetatable({}, { __mode = "k" })

-- ---- tokens: { text, kind, line, column, width } ----

local function skip_long(text, pos)
  local level = text:match("^%[(=*)%[", pos)
  if not level then return nil end
  local _, stop = text:find("]" .. level .. "]", pos, true)
  return stop or #text
end

local function string_end(text, pos)
  local quote = text:sub(pos, pos)
  local i = pos + 1
  while true do
    local at = text:find('[\\\n' .. quote .. ']', i)
    if not at then return #text end
    local c = text:sub(at, at)
    if c == quote or c == "\n" then return at end
    i = at + 2
  end
end

local function comment_end(text, pos)
  local long = text:match("^%-%-%[=*%[", pos) and skip_long(text, pos + 2)
  return long or (text:find("\n", pos, true) or #text + 1) - 1
end

-- First byte, last byte and kind of the token at or after pos. JSON's "[["
-- are two lists.
local function next_token(text, pos, is_json)
  while true do
    pos = text:find("%S", pos)
    if not pos then return nil end
    if text:sub(pos, pos + 1) ~= "--" then break end
    pos = comment_end(text, pos) + 1
  end
  local c = text:sub(pos, pos)
  if c:match("[%a_]") then
    return pos, select(2, text:find("^[%w_]+", pos)), "name"
  elseif c == '"' or c == "'" then
    return pos, string_end(text, pos), "string"
  elseif c == "[" and not is_json and skip_long(text, pos) then
    return pos, skip_long(text, pos), "string"
  elseif c:match("%d") or text:match("^%.%d", pos) then
    return pos, select(2, text:find("^[%w%.]+", pos)), "number"
  end
  return pos, select(2, text:find("^[=<>~]=", pos)) or pos, "op"
end

local function tokenize(text, is_json)
  local tokens, line, line_start, seen = {}, 1, 1, 1
  local pos = text:match("^#[^\n]*()") or 1
  while #tokens < MAX_TOKENS do
    local first, last, kind = next_token(text, pos, is_json)
    if not first then break end
    while true do
      local newline = text:find("\n", seen, true)
      if not newline or newline >= first then break end
      line, line_start, seen = line + 1, newline + 1, newline + 1
    end
    tokens[#tokens + 1] = {
      text = text:sub(first, last), kind = kind, line = line,
      column = first - line_start + 1, width = last - first + 1,
    }
    pos = last + 1
  end
  return tokens
end

-- ---- table constructors ----

local OPENERS = {
  ["("] = 1, ["{"] = 1, ["["] = 1, ["function"] = 1, ["if"] = 1, ["do"] = 1, ["repeat"] = 1,
  [")"] = -1, ["}"] = -1, ["]"] = -1, ["end"] = -1, ["until"] = -1,
}

local function is(token, text)
  return token ~= nil and token.text == text and token.kind ~= "string"
end

-- Index of the token that ends the expression at i: a comma or a bracket.
local function skip_value(tokens, i)
  local depth = 0
  while tokens[i] do
    local token = tokens[i]
    if token.kind ~= "string" then
      if depth == 0 and (token.text == "," or token.text == ";") then return i end
      local step = OPENERS[token.text]
      if step then
        if depth + step < 0 then return i end
        depth = depth + step
      end
    end
    i = i + 1
  end
  return i
end

local function key_of(token)
  if token.kind == "number" then return tonumber(token.text) end
  return token.text:match("^[\"'](.*)[\"']$")
end

-- Entries of the constructor whose bracket is token i: key -> { key =, value = }
-- (indices of tokens); list items have no key token. JSON's objects and lists
-- are read as well: their keys are strings before a colon.
local function parse_table(tokens, i)
  local entries, count = {}, 0
  i = i + 1
  while tokens[i] and not is(tokens[i], "}") and not is(tokens[i], "]") do
    local entry, key
    if tokens[i].kind == "name" and is(tokens[i + 1], "=") then
      key, entry = tokens[i].text, { key = i, value = i + 2 }
    elseif tokens[i].kind == "string" and is(tokens[i + 1], ":") then
      key, entry = key_of(tokens[i]), { key = i, value = i + 2 }
    elseif is(tokens[i], "[") and tokens[i + 1] and is(tokens[i + 2], "]") and is(tokens[i + 3], "=") then
      key, entry = key_of(tokens[i + 1]), { key = i + 1, value = i + 4 }
    else
      count = count + 1
      key, entry = count, { value = i }
    end
    if key ~= nil then entries[key] = entry end
    local stop = skip_value(tokens, entry.value)
    if is(tokens[stop], ",") or is(tokens[stop], ";") then stop = stop + 1
    elseif not is(tokens[stop], "}") then break end
    i = stop
  end
  return entries
end

local KINDS <const> = { mmio = true, pio = true, virtio = true }

-- The last part of the name at token i, "dev.mmio".
local function last_of(tokens, i)
  while is(tokens[i + 1], ".") and tokens[i + 2] do i = i + 2 end
  return i
end

-- Bracket of the constructor at token i, in `dev.mmio { }` and `dev.mmio({ })` too.
local function find_constructor(tokens, i)
  if is(tokens[i], "{") or is(tokens[i], "[") then return i end
  if not tokens[i] or tokens[i].kind ~= "name" then return nil end
  local last = last_of(tokens, i)
  local at = is(tokens[last + 1], "(") and last + 2 or last + 1
  return KINDS[tokens[last].text] and is(tokens[at], "{") and at or nil
end

-- "{" of the nearest `name = {` before token i.
local function find_definition(tokens, i, name)
  for j = i - 1, 1, -1 do
    if is(tokens[j], name) and not is(tokens[j - 1], "::") then
      local k = j + 1
      if is(tokens[k], "<") then k = k + 3 end -- an attribute
      local start = is(tokens[k], "=") and not is(tokens[k + 1], "[") and find_constructor(tokens, k + 1)
      if start then return start end
    end
  end
end

-- Bracket of the table that the expression at token i stands for, or nil.
local function find_table(tokens, i)
  local start = find_constructor(tokens, i)
  if start or not tokens[i] or tokens[i].kind ~= "name" then return start end
  local last = last_of(tokens, i)
  if is(tokens[last + 1], "(") or is(tokens[last + 1], "{") then return nil end
  return find_definition(tokens, i, tokens[last].text)
end

-- `spec.cpus = 200` between the constructor and the call counts as an entry.
local function add_assignments(tokens, entries, from, call, name)
  for j = from, call - 4 do
    if is(tokens[j], name) and is(tokens[j + 1], ".") and is(tokens[j + 3], "=")
      and not is(tokens[j - 1], ".") then
      entries[tokens[j + 2].text] = { key = j + 2, value = j + 4 }
    end
  end
end

-- ---- the call ----

-- Token of the function's name on the line of the call; `pcall(vmoon.new, {`
-- counts as one.
local function find_call(tokens, name, line)
  local other
  for i, token in ipairs(tokens) do
    if token.line > line then break end
    if token.line == line and token.kind == "name" then
      local next = tokens[i + 1]
      if token.text == name and (is(next, "(") or is(next, "{") or is(next, ",")) then return i end
      if is(next, "(") or is(next, "{") then other = other or i end
    end
  end
  return other
end

-- Token of the `return` that ends the chunk: the last one in no block.
local function find_return(tokens)
  local depth, found, last = 0, nil, nil
  for i, token in ipairs(tokens) do
    if token.kind ~= "string" then depth = depth + (OPENERS[token.text] or 0) end
    if is(token, "return") then
      last = i
      if depth == 0 then found = i end
    end
  end
  return found or last
end

local function find_spec(tokens, name, line)
  if name == "json" then return 1, 1, parse_table(tokens, 1) end
  local call = name == "return" and find_return(tokens) or find_call(tokens, name, line)
  if not call then return nil end
  local next = tokens[call + 1]
  local at = (is(next, "(") or is(next, ",")) and call + 2 or call + 1
  local start = find_table(tokens, at)
  if not start then return call end
  local entries = parse_table(tokens, start)
  if start ~= at then add_assignments(tokens, entries, start, call, tokens[at].text) end
  return call, start, entries
end

-- "-1" is two tokens, but one value.
local function with_sign(tokens, i)
  local sign, number = tokens[i], tokens[i + 1]
  if not is(sign, "-") or not number or number.kind ~= "number" then return sign end
  local width = number.column + number.width - sign.column
  return { line = sign.line, column = sign.column, width = number.line == sign.line and width or 1 }
end

-- The token to point at for a problem: the deepest one that can be found.
local function find_token(tokens, problem, start, entries)
  local found, steps = start, {}
  for step in problem.path:gmatch("[^.]+") do steps[#steps + 1] = tonumber(step) or step end
  for depth, step in ipairs(steps) do
    local entry = entries and entries[step]
    if not entry then break end
    local is_last = depth == #steps
    found = is_last and problem.is_key and entry.key or entry.value
    if is_last or not tokens[found] then break end
    local inner = find_table(tokens, found)
    entries = inner and parse_table(tokens, inner)
    found = inner == found and found or inner or found
  end
  return with_sign(tokens, found)
end

-- ---- rendering ----

local function line_of(text, wanted)
  local n = 1
  for line in text:gmatch("([^\n]*)\n?") do
    if n == wanted then return line end
    n = n + 1
  end
  return ""
end

-- Columns on the screen: UTF-8 sequences count once.
local function columns(text)
  return utf8.len(text) or #text
end

local function render_source(out, text, token)
  local line = line_of(text, token.line)
  local from = 1
  if token.column > MAX_WIDTH - 40 then from = token.column - 40 end
  local shown = line:sub(from, from + MAX_WIDTH - 1):gsub("%c", " ")
  local before = line:sub(from, token.column - 1)
  local width = columns(line:sub(token.column, token.column + token.width - 1))
  width = math.max(1, math.min(width, MAX_WIDTH - #before))
  out[#out + 1] = format("%5d | %s", token.line, shown)
  out[#out + 1] = "      | " .. rep(" ", columns(before)) .. "^" .. rep("~", width - 1)
end

local function render(problem, text, name, line)
  local out, token = {}, problem.token
  local path = problem.path ~= "" and core.plain(problem.path) .. ": " or ""
  if token then
    out[1] = format("%s:%d:%d: %s%s", name, token.line, token.column, path, problem.message)
    render_source(out, text, token)
  elseif name and line and line > 0 then
    out[1] = format("%s:%d: %s%s", name, line, path, problem.message)
  else
    out[1] = (name and name .. ": " or "") .. path .. problem.message
  end
  if problem.hint then out[#out + 1] = "        hint: " .. problem.hint end
  return concat(out, "\n")
end

local function before(a, b)
  local x, y = a.token, b.token
  if x and y and x.line ~= y.line then return x.line < y.line end
  if x and y and x.column ~= y.column then return x.column < y.column end
  if a.order ~= b.order then return a.order < b.order end
  return a.message < b.message
end

-- Without the mark (U+FEFF) that some editors put before UTF-8: Lua skips it.
local function without_mark(text)
  return text and (text:gsub("^\xEF\xBB\xBF", ""))
end

local function read_script(source)
  if not source then return nil end
  local first = source:sub(1, 1)
  if first == "@" then return without_mark(core.read_source(source:sub(2))) end
  return first ~= "=" and source or nil
end

-- Gives problems their tokens and puts them in the order of the text.
local function place(problems, tokens, call, start, entries)
  for _, problem in ipairs(problems) do
    if problem.line then -- of a syntax error
      problem.token = { line = problem.line, column = problem.column, width = 1 }
    else
      problem.token = start and find_token(tokens, problem, start, entries) or tokens[call or 0]
    end
  end
end

-- Their texts, added to blocks.
local function render_all(blocks, problems, text, name, line)
  -- What the walk found came in the order of a hash table.
  for order, problem in ipairs(problems) do problem.order = problem.is_loose and 0 or order end
  sort(problems, before)
  for _, problem in ipairs(problems) do
    blocks[#blocks + 1] = render(problem, text, name, line)
    problem.line, problem.column = problem.token and problem.token.line, problem.token and problem.token.column
    problem.token, problem.order, problem.is_key, problem.is_loose = nil, nil, nil, nil
  end
end

local function error_of(problems, blocks, name, where)
  local first = problems[1]
  local err = core.bless {
    kind = "config", code = "config",
    message = format("%d problem%s in %s", #problems, #problems == 1 and "" or "s", where),
    detail = concat(blocks, "\n"),
    where = first.line and format("%s:%d:%d", name, first.line, first.column) or nil,
    problems = problems,
  }
  shown_of[err] = blocks
  return err
end

-- The vmoon.Error that lists all problems, in the order of the script.
-- source, name and line are where the function `called` was called.
function core.config_error(problems, called, source, name, line)
  local text, blocks = read_script(source), {}
  if text then
    local tokens = tokenize(text, called == "json")
    place(problems, tokens, find_spec(tokens, called, line))
  end
  render_all(blocks, problems, text, name, line)
  return error_of(problems, blocks, name, "VM configuration")
end

-- ---- device files ----

-- `dev.mmio {`, after the file's last return if it is there.
local function find_device(tokens)
  local last_return, call = find_return(tokens) or 0, nil
  for i, token in ipairs(tokens) do
    local next = tokens[i + 1]
    if token.kind == "name" and KINDS[token.text] and (is(next, "{") or is(next, "(")) then
      call = i
      if i > last_return then break end
    end
  end
  if not call then return last_return end
  local at = is(tokens[call + 1], "(") and call + 2 or call + 1
  local start = find_table(tokens, at)
  if not start then return call end
  local entries = parse_table(tokens, start)
  if start ~= at then add_assignments(tokens, entries, start, call, tokens[at].text) end
  return call, start, entries
end

-- Problems of the device's own file; those in the script that uses it, which
-- wrote an inline device as well.
local function sort_out(problems, file, prefix)
  local own, given = {}, {}
  for _, problem in ipairs(problems) do
    local under = problem.is_param and prefix or file.inline
    if under then
      problem.path = under .. (under ~= "" and problem.path ~= "" and "." or "") .. problem.path
      given[#given + 1] = problem
    else
      own[#own + 1] = problem
    end
    problem.is_param = nil
  end
  return own, given
end

-- The same for a device file, its text and path. What is wrong with parameters
-- (is_param) is in the script that gave them, in the table under prefix.
function core.device_error(problems, file, prefix, called, script)
  local own, given = sort_out(problems, file, prefix)
  local blocks = {}
  local text = #own > 0 and without_mark(file.text or core.read_source(file.path))
  if text then
    local tokens = tokenize(text)
    place(own, tokens, find_device(tokens))
  end
  render_all(blocks, own, text, file.path)
  local script_text = #given > 0 and read_script(script.source)
  if script_text then
    local tokens = tokenize(script_text, called == "json")
    place(given, tokens, find_spec(tokens, called, script.line))
  end
  render_all(blocks, given, script_text, script.name, script.line)
  local name = #own > 0 and file.path or script.name
  for _, problem in ipairs(given) do own[#own + 1] = problem end
  return error_of(own, blocks, name, file.inline and "an inline device" or format("device '%s'", core.plain(file.path)))
end

-- ---- several devices ----

-- Adds what is new to the problems and their texts: whether something was. A
-- file that is used twice has its mistakes once.
local function add_new(err, problems, blocks, seen)
  local had = #problems
  for i, block in ipairs(shown_of[err]) do
    if not seen[block] then
      seen[block] = true
      problems[#problems + 1], blocks[#blocks + 1] = err.problems[i], block
    end
  end
  return #problems > had
end

-- One vmoon.Error for those of a VM's devices: { { path =, error = }, ... } in
-- their order. One that has no problems (a syntax error) becomes one of the path.
function core.devices_error(errors, called, source, name, line)
  local problems, blocks, seen, count, where = {}, {}, {}, 0, nil
  if #errors == 1 then return errors[1].error end
  for _, one in ipairs(errors) do
    local err = one.error
    if not shown_of[err] then
      local problem = { path = one.path, message = core.plain(err.message) }
      err = core.config_error({ problem }, called, source, name, line)
    end
    if add_new(err, problems, blocks, seen) then count = count + 1 end
    where = where or err.where
  end
  if count == 1 then return errors[1].error end
  local more = #blocks - MAX_SHOWN
  if more > 0 then
    blocks[MAX_SHOWN + 1] = format("... and %d more problem%s", more, more == 1 and "" or "s")
  end
  return core.bless {
    kind = "config", code = "config",
    message = format("%d problems in %d devices", #problems, count),
    detail = concat(blocks, "\n", 1, math.min(#blocks, MAX_SHOWN + 1)),
    where = where,
    problems = problems,
  }
end
