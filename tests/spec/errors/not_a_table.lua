-- SPDX-License-Identifier: MIT
local vmoon = require "vmoon"
vmoon.boot("kernel")
