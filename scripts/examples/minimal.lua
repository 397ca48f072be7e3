-- SPDX-License-Identifier: MIT
-- minimal.lua - the smallest useful script: `vmoon run minimal.lua` makes the
-- terminal the console of this VM (Ctrl-A x leaves).
return {
  kernel  = os.getenv "VMOON_KERNEL" or "/boot/vmlinuz",
  initrd  = os.getenv "VMOON_INITRD",
  memory  = "256M",
  cmdline = "console=ttyS0",
}
