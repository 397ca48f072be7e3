-- SPDX-License-Identifier: MIT
-- stream.lua - vm.serial: bytes to the guest, and what it has written; vm.log.
--
--   vm.serial:write "reboot\n"
--   print(vm.serial:text())           -- the newest 1 MiB, "\n" at line ends
--   vm.serial:copy_to(io.stdout)
--   print(vm.log:text())
local core = ...

local type, tostring = type, tostring
local format = string.format

local WRITE_TIMEOUT, STEP = 30, 0.1 -- seconds; between two steps an interrupt is seen

-- Queues all of it; waits while the guest's queue is full, which costs neither
-- copies nor turns: the runtime says when there is room.
function core.write_all(vm, bytes, what)
  local started, done = core.now(), 0
  while true do
    done = done + core.write(vm, bytes, done)
    if done == #bytes then return end
    local fate = core.fate(vm)
    if fate then error(core.hopeless(vm, fate, what, started), 0) end
    if core.now() - started > WRITE_TIMEOUT * core.timeout_scale then
      error(core.too_late(vm, what, WRITE_TIMEOUT * core.timeout_scale), 0)
    end
    core.pump(vm, STEP)
  end
end

function core.stream.write(serial, bytes)
  local vm = core.vm_of(serial)
  if type(bytes) ~= "string" then
    core.fail { kind = "script", message = format("serial:write: a string is needed, got %s", type(bytes)) }
  end
  core.write_all(vm, bytes, "room for input")
  return serial
end

local function text(stream)
  return (core.read_range(stream, 0, core.tell(stream)):gsub("\r\n", "\n"))
end

core.stream.text, core.log.text = text, text

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
