-- SPDX-License-Identifier: MIT
-- sinks.lua - the sinks of vm.serial, ports and vm.log: added, limited, asked; what they call.
--
--   vm.serial:add_sink { sink = "file:boot.log", limit = { policy = "drop", rate = "64K/s" } }
--   vm.serial:limit("file:boot.log", { policy = "spool", rate = "8K/s" })
--   vm.log:on("limited", function(event) print(event.sink, event.bytes) end)
--   for _, sink in ipairs(vm.serial:stats().sinks) do print(sink.sink, sink.bytes_out) end
local core = ...

local ipairs, pairs, pcall, rawget, type = ipairs, pairs, pcall, rawget, type
local format = string.format

local EVENTS = { "limited" }

-- stream -> { data = { [name] = function }, limited = function }
local watched = setmetatable({}, { __mode = "k" })

local function watch(stream)
  watched[stream] = watched[stream] or { data = {} }
  return watched[stream]
end

local function need(is_so, message, ...)
  if not is_so then core.fail { kind = "script", message = format(message, ...) } end
end

local function name_of(item)
  return rawget(item, "name") or rawget(item, "sink")
end

local function remember(stream, item)
  local fn = rawget(item, "on_data")
  if fn then watch(stream).data[name_of(item)] = fn end
end

-- The list that vmoon.new found for a stream, checked.
function core.attach_sinks(stream, list)
  for _, item in ipairs(list) do remember(stream, item) end
end

-- The same methods for both kinds of stream; word: what messages call it.
local function define(methods, word)
  function methods.add_sink(stream, item)
    core.vm_of(stream)
    need(type(item) == "table", "%s:add_sink: a table is needed, got %s", word, type(item))
    core.add_sink(stream, item)
    remember(stream, item)
    return stream
  end

  function methods.remove_sink(stream, name)
    core.vm_of(stream)
    need(type(name) == "string", "%s:remove_sink: the name of a sink is needed, got %s", word, type(name))
    core.remove_sink(stream, name)
    if watched[stream] then watched[stream].data[name] = nil end
    return stream
  end

  -- No limit is the limit of a sink that was given none.
  function methods.limit(stream, name, limit)
    core.vm_of(stream)
    need(type(name) == "string", "%s:limit: the name of a sink is needed, got %s", word, type(name))
    need(limit == nil or type(limit) == "table", "%s:limit: a table is needed, or nil for none, got %s", word,
      type(limit))
    core.limit_sink(stream, name, limit)
    return stream
  end

  function methods.limit_group(stream, name, limit)
    core.vm_of(stream)
    need(type(name) == "string" and type(limit) == "table",
      "%s:limit_group: the name of a group and a table with its rate are needed", word)
    core.limit_group(stream, name, limit)
    return stream
  end

  function methods.sink_text(stream, name)
    core.vm_of(stream)
    need(type(name) == "string", "%s:sink_text: the name of a ring is needed, got %s", word, type(name))
    return core.read_sink(stream, name)
  end

  function methods.on(stream, event, fn)
    core.vm_of(stream)
    if event ~= "limited" then
      local nearest = type(event) == "string" and core.nearest(event, EVENTS)
      core.fail {
        kind = "script", message = format("%s:on: no event %s", word, core.quote(tostring(event))),
        detail = nearest and format('  did you mean "%s"?', nearest) or '  hint: the event is "limited"',
      }
    end
    need(fn == nil or type(fn) == "function", "%s:on: a function is needed, or nil to end it, got %s", word, type(fn))
    watch(stream).limited = fn
    core.watch_sinks(stream)
    return stream
  end

  function methods.stats(stream)
    local bytes, dropped = core.stream_counts(stream)
    return { bytes = bytes, dropped = dropped, sinks = core.sinks(stream) }
  end
end

define(core.stream, "serial")
define(core.log, "log")
define(core.port, "port")

-- Only serial's output is searched.
local common_stats = core.stream.stats
function core.stream.stats(serial)
  local stats = common_stats(serial)
  stats.unsearched = core.vm_of(serial).stats.console_unsearched
  return stats
end

local port_stats = core.port.stats
function core.port.stats(port)
  local stats = port_stats(port)
  for key, value in pairs(core.port_counts(port)) do stats[key] = value end
  stats.unsearched = core.unsearched(port)
  return stats
end

local function is_open(stream)
  return (pcall(core.tell, stream))
end

-- While a function is called, what it waits for does not call it again: a guest
-- that prints for ever would have it call itself without end.
local calling = setmetatable({}, { __mode = "k" })

local function call_alone(call, fn, ...)
  calling[fn] = true
  call(fn, ...)
  calling[fn] = nil
end

-- A copy of the keys: a function may add sinks and remove some.
local function keys_of(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  return keys
end

-- After the end there is no next time; a queue of 64 MiB comes in so many parts.
local PARTS_MAX = 1025

local function deliver_sink(stream, name, it, call)
  local fn = it.data[name]
  if not fn or calling[fn] then return end
  for _ = 1, core.vm_of(stream).exit and PARTS_MAX or 1 do
    local bytes, backlog, dropped = core.take_sink(stream, name)
    if not bytes then return end
    call_alone(call, fn, bytes, { sink = name, time = core.vm_of(stream).uptime, backlog = backlog, dropped = dropped })
    -- It may have closed its VM, or taken itself away.
    if not is_open(stream) or it.data[name] ~= fn then return end
  end
end

local function deliver_data(stream, it, call)
  for _, name in ipairs(keys_of(it.data)) do
    if not is_open(stream) then return end
    deliver_sink(stream, name, it, call)
  end
end

local function deliver_limited(stream, it, call)
  local fn = it.limited
  if fn and calling[fn] then return end
  for _, event in ipairs(core.take_limited(stream)) do
    event.bytes = event.bytes_dropped + event.backlog
    if it.limited and is_open(stream) then call_alone(call, it.limited, event) end
  end
end

-- For events.lua, between two steps of waiting: everything that there is.
function core.deliver_sinks(call)
  for _, stream in ipairs(keys_of(watched)) do
    local it = watched[stream]
    if not is_open(stream) then
      watched[stream] = nil
    else
      deliver_data(stream, it, call)
      if is_open(stream) then deliver_limited(stream, it, call) end
    end
  end
end
