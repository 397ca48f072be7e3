-- SPDX-License-Identifier: MIT
return { kernel = "fifo" }
