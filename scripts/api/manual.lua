-- SPDX-License-Identifier: MIT
-- manual.lua - the manual pages, from the options, the schema and the stub.
--
--   local text = manual { page = "vmoon.1", ... }   -- see bindings/cli/api.c
local api = ...

local roff = api.part "roff"(api)
local put, plain, code = roff.put, roff.plain, roff.code
local put_example, put_text, put_head = roff.put_example, roff.put_text, roff.put_head

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
    ".SH SEE ALSO", "\\fBvmoon-device\\fR(7), \\fBvmoon-lua\\fR(3), \\fBvmoon-spec\\fR(5), \\fBvmoon\\fR(3)")
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
    "A guest whose driver does not know how to flush has each write on the host's disk before it is told of it.",
    "Both directions share \\fBlimit\\fR; \\fBread\\fR and \\fBwrite\\fR limit one direction further.",
    ".SH CONSOLES",
    "All consoles and ports are those of one device. In a Linux guest consoles are /dev/hvc0 and on, in the order of",
    "the list; ports are /dev/virtio-ports/NAME. A console shows the kernel's messages with console=hvc0 in",
    "\\fBcmdline\\fR. A script finds them as \\fBvm.port.NAME\\fR.")
  put(".SH ENTROPY",
    "A guest gets its random bytes from the host's kernel, at most 64 KiB for each request, however much it asks for.",
    "Without \\fBrate\\fR it may have as much as it likes. A request that has to wait stays in the guest's queue and",
    "blocks no vCPU. In a Linux guest it is /dev/hwrng, which also feeds the kernel's own pool.",
    "What was given and how often the limit made it wait is \\fBvm.device.rng.stats\\fR.")
  put(".SH EXAMPLES", "In Lua:")
  put_example 'return {\n  kernel = "bzImage",\n  memory = "256M",\n  cpus = 2,\n  cmdline = "console=ttyS0",\n}'
  put("The same in JSON:")
  put_example '{ "kernel": "bzImage", "memory": "256M", "cpus": 2, "cmdline": "console=ttyS0" }'
  put(".SH SEE ALSO", "\\fBvmoon\\fR(1), \\fBvmoon-lua\\fR(3), \\fBvmoon-device\\fR(5)")
end

-- ---- vmoon-lua(3) ----

local function put_lua()
  local stub = roff.read_stub(api.stub)
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
  for _, entry in ipairs(stub.groups.vmoon) do roff.put_function(entry) end
  for _, group in ipairs(stub.groups) do
    if group ~= "vmoon" then
      put(".SH METHODS OF A " .. group:upper())
      for _, entry in ipairs(stub.groups[group]) do roff.put_function(entry) end
    end
  end
  put ".SH TABLES AND HANDLES"
  for _, class in ipairs(stub.classes) do
    if #class.fields > 0 and not class.name:find "^vmoon%.Spec" then
      put('.SS "' .. class.name .. '"')
      if class.text then put(plain(class.text:sub(1, 1):upper() .. class.text:sub(2) .. ".")) end
      roff.put_typed(class.fields)
    end
  end
  put ".SH TYPES"
  roff.put_typed(stub.aliases)
  put(".SH SEE ALSO", "\\fBvmoon\\fR(1), \\fBvmoon-spec\\fR(5)")
end

local pages = { ["vmoon.1"] = put_vmoon, ["vmoon-lua.3"] = put_lua, ["vmoon-spec.5"] = put_spec }
for page, put_page in pairs(api.part "manual_device"(api, roff)) do pages[page] = put_page end

if not pages[api.page] then return nil end
pages[api.page]()
return roff.text()
