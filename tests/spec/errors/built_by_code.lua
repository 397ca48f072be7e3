-- SPDX-License-Identifier: MIT
local vmoon = require "vmoon"

local function base(cpus)
  return { kernel = "kernel", cpus = cpus }
end

local spec = base(128)
  vmoon.new(spec)
