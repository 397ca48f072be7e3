-- SPDX-License-Identifier: MIT
local vmoon = require "vmoon"
vmoon.new {
  kernel = { flat = "missing.bin", mode = "rael", address = 0x1000 },
}
