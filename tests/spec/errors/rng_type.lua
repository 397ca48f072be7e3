-- SPDX-License-Identifier: MIT
return { kernel = "kernel", rng = "yes", disks = "disk.img" }
