-- SPDX-License-Identifier: MIT
-- roff.lua - what the makers of manual pages share: texts, and what a stub has.
--
--   local roff = api.part "roff"(api)   -- see bindings/cli/api.c
--   roff.put(".SH NAME", roff.code(name))
--   return roff.text()
local api = ...

local DATE = "2026-11-25" -- of the last change to what is said here
local roff = {}
local out = {}

local function put(...)
  for _, line in ipairs { ... } do out[#out + 1] = line end
end

-- Text that roff prints as it is.
local function plain(text)
  text = text:gsub("\\", "\\e"):gsub("`([^`]*)`", "\\fB%1\\fR")
  return (text:gsub("^[.']", "\\&%0"))
end

local function code(text)
  return (text:gsub("\\", "\\e"):gsub("-", "\\-"):gsub("^[.']", "\\&%0"))
end

local function put_example(text)
  put(".RS 4", ".EX")
  for line in text:gmatch "[^\n]+" do put(code(line)) end
  put(".EE", ".RE")
end

-- Paragraphs between empty lines; indented lines are examples.
local function put_text(text)
  local example, is_new = {}, false
  local function flush()
    if #example > 0 then put_example(table.concat(example, "\n")) end
    example = {}
  end
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    local shown = line:match "^  (.*)"
    if shown then
      example[#example + 1] = shown
    else
      flush()
      if line ~= "" then
        if is_new then put ".PP" end
        put(plain(line))
      end
      is_new = line == ""
    end
  end
  flush()
end

local function put_head(name, section, summary)
  put(".\\\" Made by `vmoon api --man " .. name .. "." .. section .. "`.",
    (".TH %s %s %s \"vmoon %s\" \"vmoon manual\""):format(name:upper(), section, DATE, api.version),
    ".SH NAME", code(name) .. " \\- " .. summary)
end

-- ---- functions, classes and types of a stub ----

-- What the stub says: functions by the name before "." or ":", classes.
function roff.read_stub(source)
  local stub = { groups = {}, classes = {}, aliases = {} }
  local entry, class
  local function reset() entry = { doc = {}, params = {}, returns = {} } end
  reset()
  for line in source:gmatch "([^\n]*)\n" do
    local tag, rest = line:match "^%-%-%-@(%a+) ?(.*)"
    local text = line:match "^%-%-%-([^@].*)"
    local name, arguments = line:match "^function ([%w_.:]+)(%b())"
    if text then
      entry.doc[#entry.doc + 1] = text
    elseif tag == "class" then
      class = { text = rest:match "#%s*(.*)", fields = {} }
      class.name = rest:gsub("^%(exact%)%s*", ""):match "^[%w.]+"
      stub.classes[#stub.classes + 1] = class
    elseif tag == "field" then
      local field, kind = rest:gsub("%s*#.*", ""):match "^(%S+)%s+(.*)"
      class.fields[#class.fields + 1] = { name = field, kind = kind, text = rest:match "#%s*(.*)" }
      reset()
    elseif tag == "alias" then
      local alias, kind = rest:gsub("%s*#.*", ""):match "^(%S+)%s+(.*)"
      stub.aliases[#stub.aliases + 1] = { name = alias, kind = kind, text = rest:match "#%s*(.*)" }
    elseif tag == "param" then
      entry.params[#entry.params + 1] = rest
    elseif tag == "return" then
      entry.returns[#entry.returns + 1] = rest
    elseif name then
      local group = name:match "^[^.:]+"
      entry.name, entry.arguments = name, arguments
      if not stub.groups[group] then
        stub.groups[group] = {}
        stub.groups[#stub.groups + 1] = group
      end
      table.insert(stub.groups[group], entry)
      reset()
    elseif not tag then
      reset()
    end
  end
  return stub
end

-- With a word for its object, as it is called: "d" for d:time().
function roff.put_function(entry, object)
  local called = object and entry.name:gsub("^[^:]*", object) or entry.name
  put(".TP", "\\fB" .. code(called .. entry.arguments) .. "\\fR")
  assert(#entry.doc > 0, entry.name .. " says nothing in the stub")
  for _, line in ipairs(entry.doc) do put(plain(line)) end
  for _, param in ipairs(entry.params) do
    local name, kind = param:match "^(%S+)%s+(.*)"
    put(".br", ("\\fI%s\\fR: %s"):format(code(name), code((kind:gsub("%s*#%s*", "; ")))))
  end
  if #entry.returns > 0 then
    put(".br", "Returns " .. code(table.concat(entry.returns, ", ")) .. ".")
  end
end

function roff.put_typed(list)
  for _, item in ipairs(list) do
    local kind = code(item.kind):gsub("|", "|\\:") -- a line may break there
    put(".TP", ("\\fB%s\\fR (%s)"):format(code(item.name), kind))
    put(item.text and plain(item.text:sub(1, 1):upper() .. item.text:sub(2) .. ".") or "\\&")
  end
end

roff.put, roff.plain, roff.code = put, plain, code
roff.put_example, roff.put_text, roff.put_head = put_example, put_text, put_head

function roff.text()
  return table.concat(out, "\n") .. "\n"
end

return roff
