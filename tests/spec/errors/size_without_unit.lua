-- SPDX-License-Identifier: MIT
return {
  kernel = "kernel",
  memory = 268435456,
}
