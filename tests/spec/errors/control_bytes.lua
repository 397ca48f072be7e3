-- SPDX-License-Identifier: MIT
return { kernel = "kernel", ["\27[2J"] = 1, name = "\27]0;x\7" }
