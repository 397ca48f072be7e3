-- SPDX-License-Identifier: MIT
local vmoon = require "vmoon"

local spec <const> = {
  kernel = "kernel",
  cpus = 0,
}
spec.memory = 64
spec.nmae = "web1"

local function start()
  return vmoon.boot(spec)
end
start()
