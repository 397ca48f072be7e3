-- SPDX-License-Identifier: MIT
local vmoon = require "vmoon"

-- A comment with { brackets } in it is no table.
local words = "vmoon.new {"
local vm = vmoon.new {
    memroy  = "256M",
    vcpu_count = 2,
    cpus    = 200,          -- too many
    memory  = 128,
    boot    = "phv",
    kernel  = "/nonexistent/bzImage",
    ["initrd"] = function() return { 1, 2 } end,
    disks   = {
      { path = "rootfs.img" },
    },
}
return vm, words
