-- SPDX-License-Identifier: MIT
-- Words of Firecracker, QEMU, libvirt and Cloud Hypervisor.
return {
  kernel_image_path = "kernel",
  ["boot-source"] = {},
  mem_size_mib = 512,
  drives = {},
  smp = 2,
  append = "console=ttyS0",
  currentMemory = 512,
  on_crash = "destroy",
  boot_vcpus = 2,
  ram = "1G",
}
