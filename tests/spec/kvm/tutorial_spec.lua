-- SPDX-License-Identifier: MIT
-- tutorial_spec.lua - "Your first device in ten minutes" with its small guest.
local support = dofile "tests/spec/support.lua"
local page = assert(loadfile "tests/spec/page.lua")(it, function(why) pending(why) end, support)
local host = require("vmoon").host()

describe("your first device, in a machine", function()
  teardown(support.clean)
  page.follow("scripts/devices/TUTORIAL.md", { kvm = host.kvm or host.reason })
end)
