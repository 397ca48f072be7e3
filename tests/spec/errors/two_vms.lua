-- SPDX-License-Identifier: MIT
local vmoon = require "vmoon"
for i = 1, 2 do
  pcall(vmoon.new, { kernel = "kernel", cpus = i - 1 })
end
local b = vmoon.boot { kernel = "kernel", name = "b", memory = "1M" }
return b
