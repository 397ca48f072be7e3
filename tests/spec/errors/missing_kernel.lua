-- SPDX-License-Identifier: MIT
return {
  cpus = 2,
}
