-- SPDX-License-Identifier: MIT
local vmoon = require "vmoon"
local memory = 4 * 1024
vmoon.new {
  kernel = "kernel",
  memory = memory * 1024,
  cpus = #"abc" - 3,
}
