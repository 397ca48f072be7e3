-- SPDX-License-Identifier: MIT
local vmoon = require "vmoon"
local image = {
  flat = { "kernel" },
  at = "1M",
  mode = 64,
}
vmoon.new { kernel = image }
