-- SPDX-License-Identifier: MIT
return { kernel = "kernel", memory = "0M" }
