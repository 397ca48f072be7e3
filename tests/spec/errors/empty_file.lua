-- SPDX-License-Identifier: MIT
return { kernel = "empty" }
