-- SPDX-License-Identifier: MIT
-- expect.lua - waiting for a VM: output, its end, time.
--
--   vm:expect("login:", { timeout = 10 })
--   local which = vm:expect { up = "login:", down = vmoon.re "panic|Oops", timeout = 10 }
--   local record = vm:wait { timeout = 60 }
--   vm.port.cmd:expect "ready"
--
-- A wait fails as soon as it cannot succeed any more: the guest panicked or
-- the VM ended. Each step is short, so that an interrupt is seen.
local core = ...

local ipairs, pairs, type, tostring = ipairs, pairs, type, tostring
local sort, concat, format = table.sort, table.concat, string.format

local DEFAULT_TIMEOUT, STEP = 30, 0.1
local PRESS_EVERY = 2
local BEFORE_MAX, LINE_MAX, TAIL_LINES = 65536, 4096, 10

-- ---- text around positions ----

-- Of a VM's console, or of a stream.
local function read_range(stream, from, to)
  local parts = {}
  while from < to do
    local bytes, next = core.read(stream, from)
    if bytes == "" or next - #bytes >= to then break end
    if next > to then bytes = bytes:sub(1, #bytes - (next - to)) end
    parts[#parts + 1] = bytes
    from = next
  end
  return concat(parts)
end
core.read_range = read_range

local function normal(text)
  return (text:gsub("\r\n", "\n"))
end

-- Below, "at" is where one looks: a VM, which stands for its serial port, or
-- a stream.
local function tail_of(at)
  local now = core.tell(at)
  local text = read_range(at, math.max(0, now - 4096), now)
  return core.tail_lines(text, 4, TAIL_LINES)
end

-- ---- failures, in the words of the manual ----

local HOPELESS = {
  panic = { kind = "panic", text = "vm '%s': guest panicked while waiting for %s (%.1fs)" },
  exited = { kind = "exited", text = "vm '%s': VM stopped while waiting for %s (%.1fs)" },
  created = { kind = "script", text = "vm '%s': cannot wait for %s: the VM is not started" },
  paused = { kind = "script", text = "vm '%s': cannot wait for %s: the VM is paused" },
  device = { kind = "script", text = "vm '%s': the VM was paused while waiting for %s (%.1fs)" },
}
local HINTS = {
  created = "  hint: call vm:start() first", paused = "  hint: call vm:resume() first",
  device = '  hint: mend the device and vm:resume(), or choose on_error = "ignore" or "stop"',
}

local function failure(at, fields)
  local tail = tail_of(at)
  fields.exit = core.owner(at).exit
  fields.code = fields.code or fields.kind
  if tail ~= "" then
    fields.tail = tail:gsub("    | ", "")
    fields.detail = (fields.detail and fields.detail .. "\n" or "") .. "  last output:\n" .. tail
  end
  return core.bless(fields)
end

local TOO_LATE = "  hint: begin to wait before that much has come, or have the guest print less"

-- 1234567 as "1,234,567".
local function grouped(count)
  local digits = tostring(count):reverse():gsub("(%d%d%d)", "%1,"):reverse()
  return (digits:gsub("^,", ""))
end

-- What a search of output could not look at belongs into its error.
local function add_unsearched(at, err)
  local count = core.unsearched(at)
  if count == 0 then return err end
  err.unsearched = count
  err.message = format("%s; %s bytes came and went unsearched, as only the newest 1 MiB is kept", err.message,
    grouped(count))
  err.detail = TOO_LATE .. (err.detail and "\n" .. err.detail or "")
  return err
end

-- The vmoon.Error for a wait that can end no other way.
function core.hopeless(at, fate, what, started)
  local words, vm = HOPELESS[fate], core.owner(at)
  local trouble = fate == "device" and core.trouble(vm)
  return failure(at, {
    kind = words.kind, detail = HINTS[fate],
    message = format(words.text, vm.name, what, core.now() - started) .. (trouble and ": " .. trouble or ""),
  })
end

local SLOW_HOST = "  hint: this CPU has neither VMX nor SVM, so its KVM emulates an unmodified kernel one "
  .. "instruction at a time; try tests/testbed/run"
local PATIENT = 5 -- seconds; a shorter wait failed for another reason

-- The vmoon.Error for a wait that took too long.
function core.too_late(at, what, seconds)
  return failure(at, {
    kind = "timeout", detail = seconds >= PATIENT and not core.module.host().hw_virt and SLOW_HOST or nil,
    message = format("vm '%s': no %s within %.1fs", core.owner(at).name, what, seconds),
  })
end

-- ---- looking ----

-- What a VM's own methods and its vm.serial have seen is one; each port has its
-- own.
local function cursors(at)
  local vm, port = core.owner(at)
  local private = core.private(vm)
  private.cursors = private.cursors or {}
  return private.cursors, port or ""
end

local function cursor(at)
  local all, key = cursors(at)
  return all[key] or 0
end

local function set_cursor(at, pos)
  local all, key = cursors(at)
  all[key] = pos
  core.seek(at, pos)
end
core.set_cursor = set_cursor

-- One look at what is new for the Lua patterns; the earliest match or nil.
local function look_in_window(at, window, patterns)
  local newest = core.tell(at) -- not what comes meanwhile: in a flood a time-out counts too
  while window.next < newest do
    local bytes, next = core.search(at, window.next)
    if bytes == "" then return nil end
    for first = 1, #bytes, 4096 do
      local piece = bytes:sub(first, first + 4095)
      window:add(piece, next - #bytes + first - 1 + #piece)
      local best
      for i, p in ipairs(patterns) do
        local found = p.kind == "pat" and window:find(p.text)
        if found and found[1] and (not best or found[1] < best.found[1]) then best = { which = i, found = found } end
      end
      if best then
        best.begin = window:position(best.found[1] - 1)
        best.stop = window:position(best.found[2])
        return best
      end
      window:trim()
    end
  end
end

-- One step: { which, begin, stop, found } of the first match, or nil.
local function look(at, search, seconds)
  local vm, best = core.owner(at), nil
  if #search.plain > 0 then
    local which, begin, stop = core.look(at, search.plain, search.window and 0 or seconds)
    if which then
      best = { which = search.plain_index[which], begin = begin, stop = stop }
    elseif begin then
      core.wait(vm, seconds) -- a panic is known a moment before the VM has stopped
      seconds = 0
    end
  end
  if search.window then
    local found = look_in_window(at, search.window, search.patterns)
    if found and (not best or found.begin < best.begin) then best = found end
    if not best and seconds > 0 then core.pump(vm, seconds) end
  end
  return best
end

-- Texts and expressions are matched in C, Lua patterns in a window here.
local function new_search(at, patterns)
  local search = { patterns = patterns, plain = {}, plain_index = {} }
  core.seek(at, cursor(at)) -- what is counted as unsearched is this search's own
  for i, p in ipairs(patterns) do
    if p.kind == "pat" then
      search.window = core.window(cursor(at))
    else
      search.plain[#search.plain + 1] = { p.kind == "re", p.text }
      search.plain_index[#search.plain] = i
    end
  end
  return search
end

local function captures_of(p, match, text)
  if p.kind == "re" then return core.re_captures(p.text, text) end
  local captures = {}
  for i = 3, match.found and match.found.n or 0 do captures[i - 2] = match.found[i] end
  return captures
end

local function describe_match(at, p, match)
  local text = normal(read_range(at, match.begin, match.stop))
  local before = normal(read_range(at, math.max(cursor(at), match.begin - BEFORE_MAX), match.begin))
  local head = normal(read_range(at, math.max(0, match.begin - LINE_MAX), match.begin))
  local rest = normal(read_range(at, match.stop, match.stop + LINE_MAX))
  local line = head:match("[^\n]*$") .. text .. (text:sub(-1) == "\n" and "" or rest:match("^[^\n\r]*"))
  return {
    key = p.key, text = text, before = before, line = line:gsub("\n$", ""),
    captures = captures_of(p, match, text), time = core.owner(at).uptime,
  }
end

-- The match record, or nil and the error.
local function wait_for(at, patterns, what, timeout)
  local search, started = new_search(at, patterns), core.now()
  local vm, port = core.owner(at)
  local place = port and format(" on port '%s'", port) or " on serial"
  while true do
    local fate = core.fate(vm)
    local left = timeout - (core.now() - started)
    local seconds = (fate or left <= 0) and 0 or math.min(left, STEP)
    local match = look(at, search, seconds)
    if match then
      local record = describe_match(at, patterns[match.which], match)
      set_cursor(at, match.stop)
      return record
    end
    if fate then return nil, add_unsearched(at, core.hopeless(at, fate, what, started)) end
    if left <= 0 then return nil, add_unsearched(at, core.too_late(at, what .. place, timeout)) end
  end
end

-- ---- arguments ----

local function sorted_keys(alternatives)
  local keys = {}
  for key in pairs(alternatives) do
    if key ~= "timeout" then keys[#keys + 1] = key end
  end
  sort(keys, function(a, b)
    if type(a) == type(b) then return a < b end
    return type(a) == "number"
  end)
  return keys
end

-- Patterns in a stable order, their description, and the timeout.
local function read_arguments(method, wanted, options)
  options = core.check_options(method, options, { timeout = "number" })
  local patterns, shown, timeout = {}, {}, options.timeout
  if core.is_pattern(wanted) then
    patterns[1] = core.read_pattern(method, wanted)
    patterns[1].key = 1
  elseif type(wanted) == "table" then
    for i, key in ipairs(sorted_keys(wanted)) do
      patterns[i] = core.read_pattern(method, wanted[key])
      patterns[i].key = key
    end
    timeout = wanted.timeout or timeout
    core.check_options(method, { timeout = timeout }, { timeout = "number" })
  end
  if #patterns == 0 then
    core.fail {
      kind = "script",
      message = format("%s: a pattern or a table of patterns is needed, got %s", method,
        type(wanted) == "table" and "an empty table" or type(wanted)),
      detail = '  hint: vm:expect("login:", { timeout = 10 })',
    }
  end
  for i, p in ipairs(patterns) do shown[i] = p.shown end
  return patterns, concat(shown, " or "), core.timeout(method, timeout, DEFAULT_TIMEOUT)
end

-- ---- methods ----

local function expect(at, wanted, options)
  local patterns, what, timeout = read_arguments("expect", wanted, options)
  local match, err = wait_for(at, patterns, what, timeout)
  if not match then error(err, 0) end
  if core.is_pattern(wanted) then return match end
  return match.key, match
end

local function try_expect(at, wanted, options)
  local patterns, what, timeout = read_arguments("try_expect", wanted, options)
  local match, err = wait_for(at, patterns, what, timeout)
  if not match then return nil, err end
  if core.is_pattern(wanted) then return match end
  return match.key, match
end

for _, methods in ipairs { core.vm, core.stream, core.port } do
  methods.expect, methods.try_expect = expect, try_expect
end

-- Waits for the end of the VM; the exit record, or nil after timeout seconds.
local function wait_until_ended(vm, timeout)
  local started = core.now()
  while true do
    local left = timeout and timeout - (core.now() - started) or STEP
    if core.wait(vm, math.max(0, math.min(left, STEP))) then return vm.exit end
    if timeout and left <= 0 or core.trouble(vm) then return nil end
  end
end

-- Without a timeout for as long as it takes.
function core.vm.wait(vm, options)
  options = core.check_options("wait", options, { timeout = "number" })
  local timeout = core.timeout("wait", options.timeout)
  local fate = core.fate(vm)
  local started = core.now()
  if fate == "created" or fate == "paused" or fate == "device" then
    error(core.hopeless(vm, fate, "its end", started), 0)
  end
  local record = wait_until_ended(vm, timeout)
  if not record and core.trouble(vm) then error(core.hopeless(vm, "device", "its end", started), 0) end
  if not record then error(core.too_late(vm, "end of the guest", timeout), 0) end
  return record
end

-- Presses the power button, waits, then stops the VM; the exit record. A guest
-- whose power daemon is not up yet loses a press, so it is pressed again.
function core.vm.shutdown(vm, options)
  options = core.check_options("shutdown", options, { timeout = "number" })
  local timeout = core.timeout("shutdown", options.timeout, DEFAULT_TIMEOUT)
  local deadline = core.now() + timeout
  while not vm.exit and vm.state == "running" do
    core.press(vm)
    local left = deadline - core.now()
    if left <= 0 then break end
    wait_until_ended(vm, math.min(left, PRESS_EVERY))
  end
  return vm.exit or vm:stop()
end

-- ---- time ----

function core.sleep(seconds)
  if type(seconds) ~= "number" or not (seconds >= 0 and seconds < 1e8) then
    core.fail { kind = "script", message = "vmoon.sleep: a number of seconds from 0 on, got " .. tostring(seconds) }
  end
  local stop = core.now() + seconds
  repeat
    local left = stop - core.now()
    core.nap(math.max(0, math.min(left, STEP)))
  until left <= 0
end
