-- SPDX-License-Identifier: MIT
-- stream.lua - vm.serial and ports: bytes to the guest, and what it has written; vm.log.
--
--   vm.serial:write "reboot\n"
--   print(vm.serial:text())           -- the newest 1 MiB, "\n" at line ends
--   vm.serial:copy_to(io.stdout)
--   vm.port.cmd:send "uptime"         -- a line
--   vm.port.cmd:resize(120, 40)       -- of a console
--   print(vm.log:text())
local core = ...

local ipairs, math, type, tostring = ipairs, math, type, tostring
local format = string.format

local WRITE_TIMEOUT, STEP = 30, 0.1 -- seconds; between two steps an interrupt is seen

-- Queues all of it; waits while the guest's queue is full, which costs neither
-- copies nor turns: the runtime says when there is room.
function core.write_all(at, bytes, what)
  local vm, started, done = core.owner(at), core.now(), 0
  while true do
    done = done + core.write(at, bytes, done)
    if done == #bytes then return end
    local fate = core.fate(vm)
    if fate then error(core.hopeless(at, fate, what, started), 0) end
    if core.now() - started > WRITE_TIMEOUT * core.timeout_scale then
      error(core.too_late(at, what, WRITE_TIMEOUT * core.timeout_scale), 0)
    end
    core.pump(vm, STEP)
  end
end

local function check_bytes(stream, method, bytes)
  local _, port = core.vm_of(stream)
  if type(bytes) == "string" then return end
  core.fail {
    kind = "script",
    message = format("%s:%s: a string is needed, got %s", port and "port" or "serial", method, type(bytes)),
  }
end

local function write(stream, bytes)
  check_bytes(stream, "write", bytes)
  core.write_all(stream, bytes, "room for input")
  return stream
end

local function send(stream, line)
  check_bytes(stream, "send", line)
  core.write_all(stream, line .. "\n", "room for input")
  return stream
end

for _, methods in ipairs { core.stream, core.port } do
  methods.write, methods.send = write, send
end

local function text(stream)
  return (core.read_range(stream, 0, core.tell(stream)):gsub("\r\n", "\n"))
end

core.stream.text, core.log.text, core.port.text = text, text, text

-- How large a terminal the guest is to write for.
function core.port.resize(port, cols, rows)
  core.vm_of(port)
  for _, cells in ipairs { cols or false, rows or false } do
    if math.type(cells) ~= "integer" or cells < 1 or cells > 65535 then
      core.fail {
        kind = "script", message = "port:resize: columns and rows are integers from 1 to 65535",
        detail = "  hint: vm.port.cmd:resize(80, 25)",
      }
    end
  end
  core.port_resize(port, cols, rows)
  return port
end

function core.log.level(log, levels)
  core.vm_of(log)
  if type(levels) ~= "string" then
    core.fail {
      kind = "script", message = format("log:level: a string is needed, got %s", type(levels)),
      detail = '  hint: vm.log:level "warn,output=debug"',
    }
  end
  core.log_level(log, levels)
  return log
end

function core.log.format(log, layout)
  core.vm_of(log)
  if layout ~= "text" and layout ~= "json" then
    core.fail {
      kind = "script", message = format("log:format: no format %s", core.quote(tostring(layout))),
      detail = '  hint: the formats are "text" and "json"',
    }
  end
  core.log_format(log, layout == "json")
  return log
end
