-- SPDX-License-Identifier: MIT
-- manual.lua - the manual pages, from the options, the schema and the stub.
--
--   local text = manual { page = "vmoon.1", ... }   -- see bindings/cli/api.c
local api = ...

local DATE = "2026-11-25" -- of the last change to what is said here
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

-- ---- vmoon(1) ----

local function put_command(command)
  local call = "vmoon " .. command.name .. (command.operands ~= "" and " " .. command.operands or "")
  put('.SS "' .. code(call) .. '"')
  put_text(command.summary:sub(1, 1):upper() .. command.summary:sub(2) .. ".\n"
    .. (command.text ~= "" and "\n" .. command.text or ""))
  for _, option in ipairs(command.options) do
    local argument = option.argument and " \\fI" .. option.argument .. "\\fR" or ""
    put(".TP", ("\\fB%s\\fR%s"):format(code(option.name), argument),
      plain(option.text:sub(1, 1):upper() .. option.text:sub(2) .. "."))
  end
end

local function put_vmoon()
  put_head("vmoon", 1, "virtual machines described by Lua scripts")
  put(".SH SYNOPSIS")
  for i, command in ipairs(api.commands) do
    if i > 1 then put ".br" end
    put(("\\fBvmoon %s\\fR %s"):format(command.name, code(command.operands)))
  end
  put(".SH DESCRIPTION",
    "A script says in Lua what a virtual machine is made of; \\fBvmoon\\fR checks the description,",
    "starts the machine on KVM and connects its console to the terminal.",
    ".SH COMMANDS")
  for _, command in ipairs(api.commands) do put_command(command) end
  put(".SH ENVIRONMENT",
    ".TP", "\\fBVMOON_TIMEOUT_SCALE\\fR", "A factor from 0.01 to 1000 for all timeouts of a script, for slow hosts.",
    ".TP", "\\fBNO_COLOR\\fR", "When set, messages on a terminal have no colour.",
    ".SH SEE ALSO", "\\fBvmoon-lua\\fR(3), \\fBvmoon-spec\\fR(5), \\fBvmoon\\fR(3)")
end

-- ---- vmoon-spec(5) ----

local KINDS = { address = "integer", list = "list of tables", sink = "string", params = "table of plain values" }

local function put_keys(keys)
  for _, key in ipairs(keys) do
    local kind = KINDS[key.type] or key.type
    if #key.fields > 0 and kind ~= "table" and key.type ~= "list" then kind = kind .. " or table" end
    if key.choices ~= "" then kind = "one of \"" .. key.choices:gsub(", ", "\", \"") .. '"' end
    if key.is_required then
      kind = kind .. ", required"
    elseif key.default ~= "" then
      kind = kind .. ", default " .. (key.type == "integer" and key.default or '"' .. key.default .. '"')
    end
    put(".TP", ("\\fB%s\\fR (%s)"):format(code(key.name), code(kind)), plain(key.doc), "For example:",
      "\\fB" .. code(key.example) .. "\\fR")
    if #key.fields > 0 then
      put(".RS 7", ".PP", "The fields of its table:")
      put_keys(key.fields)
      put(".RE")
    end
  end
end

local function put_spec()
  put_head("vmoon-spec", 5, "what describes a virtual machine to vmoon")
  put(".SH DESCRIPTION",
    "A specification is one table of plain values. Lua scripts pass it to \\fBvmoon.boot\\fR, \\fBvmoon.new\\fR or",
    "\\fBvmoon.check\\fR, or return it to \\fBvmoon run\\fR; a file of JSON holds it as one object.",
    "A key that is not listed here is a mistake. All mistakes are reported at once, each with its place.",
    ".PP",
    "A size is a whole number and one of K, M, G or T (steps of 1024) in a string, \"128M\";",
    "in Lua \\fB128 * vmoon.MiB\\fR is a size too. A number without a unit is refused.",
    "A rate is such a size, or one with B, for each second: \"64K/s\"; of requests it is a number, \"2000/s\".",
    "Seconds are a number, 0.5 or 2.",
    "A path is that of a file which must be there, readable and not empty; a relative one starts at the",
    "current folder. Whether the path of a disk is good is said below.",
    ".SH KEYS")
  put_keys(api.keys)
  put(".SH DISKS",
    "Images are raw: what a file holds is never looked at to find a format. A disk is written by one VM at a time:",
    "its file is locked, exclusively, or shared where it is \\fBreadonly\\fR, and a second VM is refused.",
    "With \\fBcache\\fR \"writeback\" and \"none\" what the guest has flushed is on the host's disk; \"none\" goes",
    "around the host's page cache. \"unsafe\" lets a flush do nothing: a host that crashes loses data.",
    "Both directions share \\fBlimit\\fR; \\fBread\\fR and \\fBwrite\\fR limit one direction further.",
    ".SH CONSOLES",
    "All consoles and ports are those of one device. In a Linux guest consoles are /dev/hvc0 and on, in the order of",
    "the list; ports are /dev/virtio-ports/NAME. A console shows the kernel's messages with console=hvc0 in",
    "\\fBcmdline\\fR. A script finds them as \\fBvm.port.NAME\\fR.")
  put(".SH EXAMPLES", "In Lua:")
  put_example 'return {\n  kernel = "bzImage",\n  memory = "256M",\n  cpus = 2,\n  cmdline = "console=ttyS0",\n}'
  put("The same in JSON:")
  put_example '{ "kernel": "bzImage", "memory": "256M", "cpus": 2, "cmdline": "console=ttyS0" }'
  put(".SH SEE ALSO", "\\fBvmoon\\fR(1), \\fBvmoon-lua\\fR(3)")
end

-- ---- vmoon-lua(3) ----

-- What the stub says: functions by the name before "." or ":", classes.
local function read_stub()
  local stub = { groups = {}, classes = {}, aliases = {} }
  local entry, class
  local function reset() entry = { doc = {}, params = {}, returns = {} } end
  reset()
  for line in api.stub:gmatch "([^\n]*)\n" do
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

local function put_function(entry)
  put(".TP", "\\fB" .. code(entry.name .. entry.arguments) .. "\\fR")
  assert(#entry.doc > 0, entry.name .. " says nothing in the stub")
  for _, line in ipairs(entry.doc) do put(plain(line)) end
  for _, param in ipairs(entry.params) do
    local name, kind = param:match "^(%S+)%s+(.*)"
    put(".br", ("\\fI%s\\fR: %s"):format(code(name), code(kind)))
  end
  if #entry.returns > 0 then
    put(".br", "Returns " .. code(table.concat(entry.returns, ", ")) .. ".")
  end
end

local function put_typed(list)
  for _, item in ipairs(list) do
    put(".TP", ("\\fB%s\\fR (%s)"):format(code(item.name), code(item.kind)))
    put(item.text and plain(item.text:sub(1, 1):upper() .. item.text:sub(2) .. ".") or "\\&")
  end
end

local function put_lua()
  local stub = read_stub()
  put_head("vmoon-lua", 3, "virtual machines in Lua 5.4")
  put ".SH SYNOPSIS"
  put_example [[
local vmoon = require "vmoon"
local vm <close> = vmoon.boot { kernel = "bzImage" }
vm:expect("login:", { timeout = 10 })]]
  put(".SH DESCRIPTION",
    "What nobody asked about raises a \\fBvmoon.Error\\fR; a question returns its answer.",
    "The table that describes a machine is in \\fBvmoon-spec\\fR(5).")
  put ".SH FUNCTIONS"
  for _, entry in ipairs(stub.groups.vmoon) do put_function(entry) end
  for _, group in ipairs(stub.groups) do
    if group ~= "vmoon" then
      put(".SH METHODS OF A " .. group:upper())
      for _, entry in ipairs(stub.groups[group]) do put_function(entry) end
    end
  end
  put ".SH TABLES AND HANDLES"
  for _, class in ipairs(stub.classes) do
    if #class.fields > 0 and not class.name:find "^vmoon%.Spec" then
      put('.SS "' .. class.name .. '"')
      if class.text then put(plain(class.text:sub(1, 1):upper() .. class.text:sub(2) .. ".")) end
      put_typed(class.fields)
    end
  end
  put ".SH TYPES"
  put_typed(stub.aliases)
  put(".SH SEE ALSO", "\\fBvmoon\\fR(1), \\fBvmoon-spec\\fR(5)")
end

local pages = { ["vmoon.1"] = put_vmoon, ["vmoon-lua.3"] = put_lua, ["vmoon-spec.5"] = put_spec }

if not pages[api.page] then return nil end
pages[api.page]()
return table.concat(out, "\n") .. "\n"
