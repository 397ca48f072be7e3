-- SPDX-License-Identifier: MIT
local serial = {}
for i = 1, 9 do serial[i] = { sink = "ring", name = "r" .. i } end
return { kernel = "kernel", serial = serial }
