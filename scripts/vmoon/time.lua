-- SPDX-License-Identifier: MIT
-- time.lua - the clock that timeouts use, and waiting for it.
--
--   local start = vmoon.now()
--   vmoon.sleep(0.5)
--   print(vmoon.now() - start)
local core = ...

local math, tostring, type = math, tostring, type

local STEP = 0.1 -- how long a signal may wait

function core.module.now()
  return core.now()
end

function core.module.sleep(seconds)
  if type(seconds) ~= "number" or not (seconds >= 0 and seconds < 1e8) then
    core.fail { kind = "script", message = "vmoon.sleep: a number of seconds from 0 on, got " .. tostring(seconds) }
  end
  local stop = core.now() + seconds
  repeat
    local left = stop - core.now()
    core.nap(math.max(0, math.min(left, STEP)))
  until left <= 0
end
