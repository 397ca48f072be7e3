-- SPDX-License-Identifier: MIT
-- sinks.lua - vm.serial's sinks: added, limited, asked; what they call.
--
--   vm.serial:add_sink { sink = "file:boot.log", limit = { policy = "drop", rate = "64K/s" } }
--   vm.serial:limit("file:boot.log", { policy = "spool", rate = "8K/s" })
--   vm.serial:on("limited", function(event) print(event.sink, event.bytes) end)
--   for _, sink in ipairs(vm.serial:stats().sinks) do print(sink.sink, sink.bytes_out) end
local core = ...

local ipairs, pairs, pcall, type = ipairs, pairs, pcall, type
local format = string.format

local EVENTS = { "limited" }

-- VM -> { data = { [name] = function }, limited = function }
local watched = setmetatable({}, { __mode = "k" })

local function watch(vm)
  watched[vm] = watched[vm] or { data = {} }
  return watched[vm]
end

local function need(is_so, message, ...)
  if not is_so then core.fail { kind = "script", message = format(message, ...) } end
end

local function name_of(item)
  return item.name or item.sink
end

local function remember(vm, item)
  if item.on_data then watch(vm).data[name_of(item)] = item.on_data end
end

-- What vmoon.new found under the key serial, checked.
function core.attach_sinks(vm, serial)
  for _, item in ipairs(serial) do remember(vm, item) end
end

function core.stream.add_sink(serial, item)
  local vm = core.vm_of(serial)
  need(type(item) == "table", "serial:add_sink: a table is needed, got %s", type(item))
  core.add_sink(vm, item)
  remember(vm, item)
  return serial
end

function core.stream.remove_sink(serial, name)
  local vm = core.vm_of(serial)
  need(type(name) == "string", "serial:remove_sink: the name of a sink is needed, got %s", type(name))
  core.remove_sink(vm, name)
  if watched[vm] then watched[vm].data[name] = nil end
  return serial
end

-- No limit is the limit of a sink that was given none.
function core.stream.limit(serial, name, limit)
  local vm = core.vm_of(serial)
  need(type(name) == "string", "serial:limit: the name of a sink is needed, got %s", type(name))
  need(limit == nil or type(limit) == "table", "serial:limit: a table is needed, or nil for none, got %s", type(limit))
  core.limit_sink(vm, name, limit)
  return serial
end

function core.stream.stats(serial)
  local vm = core.vm_of(serial)
  return { bytes = vm.stats.console_bytes, dropped = vm.stats.console_dropped, sinks = core.sinks(vm) }
end

function core.stream.sink_text(serial, name)
  local vm = core.vm_of(serial)
  need(type(name) == "string", "serial:sink_text: the name of a ring is needed, got %s", type(name))
  return core.read_sink(vm, name)
end

function core.stream.on(serial, event, fn)
  local vm = core.vm_of(serial)
  if event ~= "limited" then
    local nearest = type(event) == "string" and core.nearest(event, EVENTS)
    core.fail {
      kind = "script", message = format("serial:on: no event %s", core.quote(tostring(event))),
      detail = nearest and format('  did you mean "%s"?', nearest) or '  hint: the event is "limited"',
    }
  end
  need(fn == nil or type(fn) == "function", "serial:on: a function is needed, or nil to end it, got %s", type(fn))
  watch(vm).limited = fn
  core.watch_sinks(vm)
  return serial
end

local function deliver_data(vm, it, call)
  for name, fn in pairs(it.data) do
    local bytes, backlog, dropped = core.take_sink(vm, name)
    if bytes then
      call(fn, bytes, { sink = name, time = vm.uptime, backlog = backlog, dropped = dropped })
    end
  end
end

local function deliver_limited(vm, it, call)
  for _, event in ipairs(core.take_limited(vm)) do
    event.bytes = event.bytes_dropped + event.backlog
    if it.limited then call(it.limited, event) end
  end
end

-- For events.lua, between two steps of waiting: everything that there is.
function core.deliver_sinks(call)
  local vms = {}
  for vm in pairs(watched) do vms[#vms + 1] = vm end
  for _, vm in ipairs(vms) do
    local it = watched[vm]
    -- A function may have closed it meanwhile.
    if not pcall(core.vm_properties.state, vm) then
      watched[vm] = nil
    else
      deliver_data(vm, it, call)
      if pcall(core.vm_properties.state, vm) then deliver_limited(vm, it, call) end
    end
  end
end
