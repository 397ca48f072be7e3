-- SPDX-License-Identifier: MIT
return { kernel = { flat = "kernel", at = 0x100000000 } }
