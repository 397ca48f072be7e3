-- SPDX-License-Identifier: MIT
return { kernel = "kernel", [true] = 1, [0] = 2, [1.5] = 3, [""] = 4, ["a.b"] = 5 }
