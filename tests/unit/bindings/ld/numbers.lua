-- SPDX-License-Identifier: MIT
-- A module of a device's folder, for test_ldlib.c.
local numbers = { seven = 7, name = ... }

return numbers
