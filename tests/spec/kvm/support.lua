-- SPDX-License-Identifier: MIT
-- support.lua - what the specs with small guests share.
--
--   local kvm = assert(loadfile "tests/spec/kvm/support.lua")(it, function(why) pending(why) end)
--   kvm.with("hello", "runs", function(kernel) ... end)
--
-- busted hands `it` and `pending` to spec files alone: they pass them on, and
-- pending as a function of their own, for inside a test it is another one.
local it, pending = ...
local support = dofile "tests/spec/support.lua"
local kvm = setmetatable({}, { __index = support })

local host = require("vmoon").host()

-- it() with a guest and KVM; otherwise pending, with the reason.
function kvm.with(guest, title, test)
  it(title, function()
    if not host.kvm then return pending(host.reason) end
    local path = support.guest(guest)
    if not path then return pending "the guests of tests/guest are not built" end
    test(path)
  end)
end

-- The error that a call raises.
function kvm.raised(...)
  local ok, err = pcall(...)
  assert(not ok, "an error was expected")
  return err
end

return kvm
