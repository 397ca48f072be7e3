-- SPDX-License-Identifier: MIT
return { kernel = "kernel", memory = "1.5 GB" }
