-- SPDX-License-Identifier: MIT
local vmoon = require "vmoon"
vmoon.boot {
  kernel = "kernel",
  memroy = "256M",
  cmdlien = "console=ttyS0",
  wobble = true,
}
