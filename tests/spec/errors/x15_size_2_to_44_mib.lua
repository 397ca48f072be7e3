-- SPDX-License-Identifier: MIT
-- 2^44 MiB are 2^64 bytes, which must not come out as 0.
return { kernel = "kernel", memory = "17592186044416M" }
