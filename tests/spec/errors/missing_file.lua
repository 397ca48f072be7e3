-- SPDX-License-Identifier: MIT
return {
  kernel = "bzImage",
  initrd = "/nonexistent/initrd",
}
