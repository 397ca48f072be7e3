-- SPDX-License-Identifier: MIT
local vmoon = require "vmoon"
vmoon.new { "kernel", "128M" }
