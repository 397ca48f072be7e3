-- SPDX-License-Identifier: MIT
-- events.lua - vm:on: functions that are called when a VM has changed.
--
--   vm:on("state", function(vm, state) print(vm.name, state) end)
--   vm:on("exit", function(vm, record) print(vm.name, record.reason) end)
local core = ...

local error, ipairs, pairs, pcall, type = error, ipairs, pairs, pcall, type

local EVENTS = { "exit", "state" }

-- VM -> what it calls, and the state that it was last told.
local listeners = setmetatable({}, { __mode = "k" })

local function is_event(name)
  for _, event in ipairs(EVENTS) do
    if name == event then return true end
  end
end

function core.vm.on(vm, event, fn)
  if not is_event(event) then
    local nearest = type(event) == "string" and core.nearest(event, EVENTS)
    core.fail {
      kind = "script", message = ("vm:on: no event %s"):format(core.quote(tostring(event))),
      detail = nearest and ('  did you mean "%s"?'):format(nearest) or '  hint: the events are "exit" and "state"',
    }
  end
  if fn ~= nil and type(fn) ~= "function" then
    core.fail {
      kind = "script", message = ("vm:on: a function is needed, or nil to end it, got %s"):format(type(fn)),
    }
  end
  local it = listeners[vm] or { seen = vm.state }
  it[event] = fn
  listeners[vm] = it
  return vm
end

-- The VMs that changed; a function may add and close some meanwhile.
local function changed()
  local found = {}
  for vm, it in pairs(listeners) do
    local is_open, state = pcall(core.vm_properties.state, vm)
    if not is_open then
      listeners[vm] = nil
    elseif state ~= it.seen then
      it.seen = state
      found[#found + 1] = { vm = vm, it = it, state = state, record = vm.exit }
    end
  end
  return found
end

-- Calls whom it concerns, all of them, then raises the first error of these.
local function deliver()
  local failure
  local function call(fn, ...)
    if not fn then return end
    local ok, err = core.protect(fn, ...)
    if not ok then failure = failure or { err } end
  end
  core.deliver_away()
  -- A guest's last words come before its end.
  core.deliver_sinks(call)
  for _, change in ipairs(changed()) do
    call(change.it.state, change.vm, change.state)
    if change.record then call(change.it.exit, change.vm, change.record) end
  end
  if failure then error(failure[1], 0) end
end

local function deliver_after(...)
  deliver()
  return ...
end

-- Every wait is made of these: nobody is called while C code waits.
for _, name in ipairs { "pump", "wait", "look", "nap" } do
  local step = core[name]
  core[name] = function(...) return deliver_after(step(...)) end
end

local console = core.vm.console
function core.vm.console(vm) return deliver_after(console(vm)) end
