/* SPDX-License-Identifier: MIT */
/* pvpanic.h - a port through which the guest says that it died (QEMU0001). */
#ifndef VMOON_DEVICES_PVPANIC_H
#define VMOON_DEVICES_PVPANIC_H

#include "vmoon/device.h"

enum {
	VMOON_PVPANIC_PORTS = 1,
	VMOON_PVPANIC_PANICKED = 0x01,    /* the guest's kernel panicked */
	VMOON_PVPANIC_CRASH_LOADED = 0x02 /* a crash kernel takes over */
};

struct vmoon_pvpanic_config {
	struct vmoon_mem *mem;     /* or NULL */
	struct vmoon_notify event; /* the known bits written, if any */
};

VMOON_STATUS vmoon_pvpanic_create(const struct vmoon_pvpanic_config *cfg,
				  struct vmoon_device **out_dev,
				  struct vmoon_error *err) VMOON_NONNULL(1, 2);

#endif
