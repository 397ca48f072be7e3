-- SPDX-License-Identifier: MIT
return { kernel = "kernel\0.img", name = "a\0b" }
