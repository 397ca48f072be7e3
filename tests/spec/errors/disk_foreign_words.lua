-- SPDX-License-Identifier: MIT
-- Words of Firecracker, QEMU, libvirt and Cloud Hypervisor.
return {
  kernel = "kernel",
  drive = "file=disk.img,format=raw,if=virtio",
  ["virtio-rng-pci"] = true,
  entropy = { rate_limiter = {} },
  ["virtio-serial-pci"] = true,
  disks = {
    {
      drive_id = "rootfs", path_on_host = "disk.img", is_root_device = true, is_read_only = false,
      cache_type = "Unsafe", rate_limiter = { bandwidth = { size = 1000, refill_time = 100 } }, io_engine = "Sync",
    },
    { file = "disk.img", format = "qcow2", read_only = true, serial = "1234", ["if"] = "virtio" },
    { path = "disk.img", num_queues = 2, direct = true, iotune = {}, image_type = "raw" },
    { path = "other.img", limit = { bandwidth = "1M/s", iops = 100, read_bytes_sec = 1048576 } },
  },
}
