-- SPDX-License-Identifier: MIT
-- away.lua - functions of a device that stay in the script: guests wait for
-- them, and they run while the script waits for its VMs.
--
--   core.keep_away(vm, { [1] = { fn, ... } }) -- of its first device
--   core.deliver_away() -- runs what guests wait for now
--
-- Each d.x is a step of its own in the device's state, so the function may use
-- the VM and its devices meanwhile, pause it and stop it.
local core = ...

local pairs, pcall, setmetatable = pairs, pcall, setmetatable

local IO <const> = { get = core.away_get, set = core.away_set, call = core.away_call }
local TURNS_MAX <const> = 16 -- of one VM, before others have theirs

-- VM -> its functions, by the number of the device, and the devices' names.
local away = setmetatable({}, { __mode = "k" })
local is_used = false

-- Nobody is called while C code waits, so it does not wait where guests may be
-- waiting for us.
local function wait_in_steps()
  local wait, look = core.wait, core.look
  function core.wait(vm, seconds)
    local stop = core.now() + seconds
    while true do
      if wait(vm, 0) then return true end
      local left = stop - core.now()
      if left <= 0 then return false end
      core.pump(vm, left)
    end
  end
  function core.look(at, patterns, seconds)
    local which, begin, stop = look(at, patterns, 0)
    if which or begin or seconds <= 0 then return which, begin, stop end
    core.pump(core.owner(at), seconds)
    return look(at, patterns, 0)
  end
end

function core.keep_away(vm, lists)
  if not is_used then wait_in_steps() end
  is_used = true
  away[vm] = { lists = lists, names = core.away_devices(vm) }
end

local function is_open(vm)
  return (pcall(core.vm_properties.state, vm))
end

local function answer(vm, device, id, ...)
  if is_open(vm) then core.away_answer(device, id, ...) end
end

-- What it raises is the device's trouble: on_error says what then happens.
local function run(vm, lists, name, list, number, id, ...)
  if not name then return false end
  local device = vm.device[name]
  answer(vm, device, id, pcall(lists[list][number], core.far(device, IO), ...))
  return true
end

local function deliver(vm, it)
  for _ = 1, TURNS_MAX do
    if not is_open(vm) or not run(vm, it.lists, core.away_take(vm, it.names)) then return end
  end
end

function core.deliver_away()
  if not is_used then return end
  local found = {}
  for vm, it in pairs(away) do found[#found + 1] = { vm, it } end
  for i = 1, #found do
    deliver(found[i][1], found[i][2])
  end
end
