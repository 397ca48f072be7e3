-- SPDX-License-Identifier: MIT
return { kernel = "kernel", memory = "16777216T" }
