-- SPDX-License-Identifier: MIT
local spec = { kernel = "kernel" }
spec.initrd = spec
return spec
