/* SPDX-License-Identifier: MIT */
/* vdev_regs.h - registers and status of virtio over MMIO, for drivers. */
#ifndef VMOON_TESTS_VDEV_REGS_H
#define VMOON_TESTS_VDEV_REGS_H

/* Of mmio.c, once more: from the specification, table 4.1. */
enum {
	R_MAGIC = 0x00,
	R_VERSION = 0x04,
	R_DEVICE = 0x08,
	R_VENDOR = 0x0c,
	R_DEV_FEATURES = 0x10,
	R_DEV_FEATURES_SEL = 0x14,
	R_DRV_FEATURES = 0x20,
	R_DRV_FEATURES_SEL = 0x24,
	R_QUEUE_SEL = 0x30,
	R_QUEUE_MAX = 0x34,
	R_QUEUE_NUM = 0x38,
	R_QUEUE_READY = 0x44,
	R_NOTIFY = 0x50,
	R_ISR = 0x60,
	R_ACK = 0x64,
	R_STATUS = 0x70,
	R_DESC = 0x80,
	R_AVAIL = 0x90,
	R_USED = 0xa0,
	R_SHM_SEL = 0xac,
	R_SHM_LEN = 0xb0,
	R_SHM_BASE = 0xb8,
	R_QUEUE_RESET = 0xc0,
	R_GENERATION = 0xfc,
	R_CONFIG = 0x100
};

enum { S_ACK = 1, S_DRIVER = 3, S_FEATURES = 11, S_LIVE = 15 };
enum { S_NEEDS_RESET = 0x40, S_FAILED = 0x80 };

#endif
