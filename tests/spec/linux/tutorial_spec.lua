-- SPDX-License-Identifier: MIT
-- tutorial_spec.lua - "Your first device in ten minutes", as Linux sees it.
local support = dofile "tests/spec/support.lua"
local page = assert(loadfile "tests/spec/page.lua")(it, function(why) pending(why) end, support)
local host = require("vmoon").host()

local function why_not()
  if not host.kvm then return host.reason end
  if os.getenv "VMOON_KERNEL" and os.getenv "VMOON_INITRD" then return nil end
  return "VMOON_KERNEL and VMOON_INITRD are not set: run this in tests/testbed/run"
end

describe("your first device, in Linux", function()
  teardown(support.clean)
  page.follow("scripts/devices/TUTORIAL.md", { linux = why_not() or true })
end)
