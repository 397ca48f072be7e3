-- SPDX-License-Identifier: MIT
-- shell.lua - a login on the console, and commands with their exit status.
--
--   local sh = vm:login { user = "root" }
--   print(sh:run "uname -r")                 -- raises unless the status is 0
--   local output, status = sh:try "test -e /etc/passwd"
--   local sh = vm:login { on = "cmd" }       -- of consoles; the kernel talks on serial
--
-- Three things break console tests: echo, "\r\n" and kernel messages. login
-- turns the echo off and keeps the kernel quiet; every command's output stands
-- between two marks that occur nowhere else, whatever the console shows.
local core = ...

local setmetatable, type, format = setmetatable, type, string.format

local DEFAULT_TIMEOUT, STEP = 30, 0.1
local PROBE_EVERY = 2           -- seconds of silence before the shell is asked again
local SETTLE = 0.5              -- seconds of silence that make a prompt one
local TAIL = 512                -- bytes kept to find a mark that came in parts
local PIECE = 300               -- bytes of a command in one line: busybox reads 1 KiB
local COMMAND_MAX = 32768       -- a longer command belongs into a file
local OUTPUT_MAX = 16 * 1024 * 1024

-- Below, "at" is where the shell is: the VM, for its serial port, or a port.
local states = setmetatable({}, { __mode = "k" }) -- shell -> { at, id, count }

-- ---- reading ----

-- Reads from position pos until found(tail, stop) returns something: tail is
-- what came last (no mark is longer than what it keeps), stop the position
-- behind it, bytes the part that is new. Returns that, or nil in the end.
local function read_until(at, pos, found, what, timeout)
  local vm, started, tail = core.owner(at), core.now(), ""
  while true do
    local fate = core.fate(vm)
    local bytes
    repeat
      bytes, pos = core.read(at, pos)
      tail = tail:sub(-TAIL) .. bytes
      local result = found(tail, pos, bytes)
      if result then return result end
    until bytes == ""
    if fate then error(core.hopeless(at, fate, what, started), 0) end
    local left = timeout - (core.now() - started)
    if left <= 0 then return nil end
    core.pump(vm, math.min(left, STEP))
  end
end

-- ---- commands ----

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Lines that run the command, each short enough for any shell's reader.
local function command_lines(command, first, last)
  local lines = { "vmoon_c=" }
  for at = 1, #command, PIECE do
    lines[#lines + 1] = 'vmoon_c="$vmoon_c"' .. quote(command:sub(at, at + PIECE - 1))
  end
  -- The marks are put together by printf: their echo would not be one.
  -- `command` keeps a syntax error from ending the line before its mark.
  lines[#lines + 1] = format("printf '\\n%%s%%s\\n' %s %s; command eval \"$vmoon_c\" </dev/null; "
    .. "printf '\\n%%s%%s %%d\\n' %s %s $?", first:sub(1, 6), first:sub(7), last:sub(1, 6), last:sub(7))
  return table.concat(lines, "\n") .. "\n"
end

local function check_command(method, command)
  local problem
  if type(command) ~= "string" or not command:find("%S") then
    problem = "a command is a string that is not empty, got " .. (command == "" and "an empty one" or type(command))
  elseif #command > COMMAND_MAX then
    problem = format("the command is longer than %d bytes", COMMAND_MAX)
  elseif command:find("[%z\1-\8\11-\31\127]") then
    problem = "the command holds a control byte that the terminal would act on"
  end
  if problem then core.fail { kind = "script", message = format("sh:%s: %s", method, problem) } end
end

-- Collects the bytes between two marks; the function is for read_until.
local function between(at, first, last, command)
  local parts, size, is_inside = {}, 0, false
  return function(tail, stop, bytes)
    if not is_inside then
      local _, head = tail:find("\n" .. first .. "\r?\n")
      if not head then return nil end
      is_inside, bytes = true, tail:sub(head + 1)
      tail = bytes
    end
    parts[#parts + 1], size = bytes, size + #bytes
    if size > OUTPUT_MAX then
      core.fail {
        kind = "command", command = command,
        message = format("vm '%s': more than 16 MiB of output: %s", core.owner(at).name, command),
      }
    end
    local foot, status, behind = tail:match("()\r?\n" .. last .. " (%d+)\r?\n()")
    if not foot then return nil end
    core.set_cursor(at, stop - #tail + behind - 1)
    local output = table.concat(parts)
    return { output = output:sub(1, math.max(0, #output - (#tail - foot + 1))), status = tonumber(status) }
  end
end

-- Output and status of one command.
local function execute(sh, method, command, options)
  local state = states[sh]
  local at = state.at
  check_command(method, command)
  options = core.check_options("sh:" .. method, options, { timeout = "number" })
  local timeout = core.timeout("sh:" .. method, options.timeout, DEFAULT_TIMEOUT)
  state.count = state.count + 1
  local first = format("vmoon_%s_%d_begin", state.id, state.count)
  local last = format("vmoon_%s_%d_end", state.id, state.count)
  local pos = core.tell(at)
  core.write_all(at, command_lines(command, first, last), "room for a command")
  local result = read_until(at, pos, between(at, first, last, command), "the end of: " .. command, timeout)
  if not result then
    core.write_all(at, "\3", "room for an interrupt") -- leaves a shell that can be used
    error(core.too_late(at, "end of command: " .. command, timeout), 0)
  end
  return (result.output:gsub("\r\n", "\n"):gsub("\n$", "")), result.status
end

local Shell, methods = {}, {}
Shell.__name = "vmoon.shell"
Shell.__metatable = "locked"

function Shell.__index(sh, key)
  local method = methods[key]
  if method then return method end
  error(core.unknown_field(sh, key, methods, {}, false), 0)
end

function Shell.__newindex(sh, key)
  error(core.unknown_field(sh, key, methods, {}, true), 0)
end

function Shell.__tostring(sh)
  local vm, port = core.owner(states[sh].at)
  return format("shell of vm '%s'%s", vm.name, port and format(" on port '%s'", port) or "")
end

local function check_shell(sh, method)
  if states[sh] then return end
  core.fail { kind = "script", message = format("%s is called with a colon: sh:%s(...)", method, method) }
end

function methods.run(sh, command, options)
  check_shell(sh, "run")
  local output, status = execute(sh, "run", command, options)
  if status == 0 then return output end
  local shown = core.tail_lines(output, 4, 20)
  core.fail {
    kind = "command", status = status, output = output, command = command,
    message = format("vm '%s': command failed with status %d: %s", core.owner(states[sh].at).name, status, command),
    detail = shown ~= "" and shown or nil,
  }
end

function methods.try(sh, command, options)
  check_shell(sh, "try")
  return execute(sh, "try", command, options)
end

-- A line for whatever reads the console now; vm:expect sees the answer.
function methods.send(sh, line)
  check_shell(sh, "send")
  if type(line) ~= "string" then
    core.fail { kind = "script", message = "sh:send: a string is needed, got " .. type(line) }
  end
  core.write_all(states[sh].at, line .. "\n", "room for input")
end

-- ---- login ----

-- What the console asks for, judged by its unfinished last line, and by what
-- stands before kernel messages that came after it.
local function asked(text)
  local count
  text = text:gsub("\27%[[%d;?]*%a", "")
  repeat
    text, count = text:gsub("%[ *%d+%.%d+%] [^\n]*\n$", "")
  until count == 0
  local line = text:match("[^\r\n]*$")
  if line:find("[Ll]ogin: *$") then return "login" end
  if line:find("[Pp]assword: *$") then return "password" end
  if line:find("[#$>] *$") then return "prompt" end
end

-- A prompt without a login before it counts once the console is silent: a
-- line of the boot log may end in "#" for a moment. Silence after a prompt
-- that a kernel message has covered is answered with an empty line.
local function wait_asked(at, pos, is_known, timeout)
  local quiet_since, recent = core.now(), ""
  return read_until(at, pos, function(tail, _, bytes)
    local now = core.now()
    if bytes ~= "" then quiet_since, recent = now, tail end
    local answer = asked(recent)
    if answer and (answer ~= "prompt" or is_known or now - quiet_since > SETTLE) then return answer end
    if now - quiet_since > PROBE_EVERY and (recent:find("ogin: ") or recent:find("[#$] ")) then
      quiet_since = now
      core.write_all(at, "\n", "room for input")
    end
  end, "a login or shell prompt", timeout)
end

local function password_for(vm, options)
  if options.password then return options.password end
  core.fail {
    kind = "script",
    message = format("vm '%s': login of %s asks for a password", vm.name, core.quote(options.user)),
    detail = '  hint: vm:login { user = "root", password = "..." }',
  }
end

local function refused(vm, options)
  core.fail {
    kind = "command",
    message = format("vm '%s': the guest refused the login of %s", vm.name, core.quote(options.user)),
  }
end

-- Answers prompts until a shell is there; raises after the deadline.
local function answer_prompts(at, options, deadline, total)
  local vm = core.owner(at)
  local pos, tries = math.max(0, core.tell(at) - TAIL), 0 -- the prompt may stand there already
  while true do
    local prompt = wait_asked(at, pos, tries > 0, math.max(0, deadline - core.now()))
    if not prompt then error(core.too_late(at, '"login:" or shell prompt', total), 0) end
    pos = core.tell(at)
    if prompt == "prompt" then return end
    if prompt == "login" then
      tries = tries + 1
      if tries > 2 then refused(vm, options) end
      core.write_all(at, options.user .. "\n", "room for input")
    else
      core.write_all(at, password_for(vm, options) .. "\n", "room for input")
    end
  end
end

-- Makes the shell quiet; asks again, since a shell that starts drops input.
-- Where the kernel does not talk it may go on doing so elsewhere.
local function prepare(at, id, deadline, total)
  local _, port = core.owner(at)
  local mark = "vmoon_" .. id .. "_ready"
  local pos = core.tell(at)
  local line = format("stty -echo; %sPS1='[vmoon-%s]# '; PS2=; printf '\\n%%s%%s\\n' %s %s\n",
    port and "" or "dmesg -n 1; ", id, mark:sub(1, 6), mark:sub(7))
  while true do
    core.write_all(at, line, "room for input")
    local left = deadline - core.now()
    local found = read_until(at, pos, function(tail, stop)
      local behind = tail:match("\n" .. mark .. "\r?\n()")
      return behind and stop - #tail + behind - 1
    end, "the shell", math.max(0, math.min(left, PROBE_EVERY)))
    if found then return core.set_cursor(at, found) end
    if left <= 0 then error(core.too_late(at, "answer of a shell after the login", total), 0) end
  end
end

function core.vm.login(vm, options)
  options = core.check_options("login", options,
    { user = "string", password = "string", timeout = "number", on = "string" })
  local at = options.on and vm.port[options.on] or vm
  options = { user = options.user or "root", password = options.password, timeout = options.timeout }
  local timeout = core.timeout("login", options.timeout, DEFAULT_TIMEOUT)
  local deadline = core.now() + timeout
  local private = core.private(vm)
  private.logins = (private.logins or 0) + 1
  -- From the clock: math.random belongs to the script.
  local id = format("%06x%d", core.now() * 1e6 // 1 & 0xffffff, private.logins)
  answer_prompts(at, options, deadline, timeout)
  prepare(at, id, deadline, timeout)
  local sh = setmetatable({}, Shell)
  states[sh] = { at = at, id = id, count = 0 }
  private.shell = sh
  return sh
end

-- vm.shell: the shell of the last login.
function core.vm_properties.shell(vm)
  local sh = core.private(vm).shell
  if sh then return sh end
  core.fail {
    kind = "script", message = format("vm '%s' has no shell yet", vm.name),
    detail = '  hint: local sh = vm:login { user = "root" }',
  }
end
