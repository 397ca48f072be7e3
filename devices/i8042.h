/* SPDX-License-Identifier: MIT */
/* i8042.h - the reset line of a keyboard controller, and nothing else of it. */
#ifndef VMOON_DEVICES_I8042_H
#define VMOON_DEVICES_I8042_H

#include "vmoon/device.h"

enum { VMOON_I8042_PORTS = 5 }; /* 0x60..0x64 */

/* reset fires with value 0 for command 0xfe. */
struct vmoon_i8042_config {
	struct vmoon_mem *mem;     /* or NULL */
	struct vmoon_notify reset; /* value 0 */
};

VMOON_STATUS vmoon_i8042_create(const struct vmoon_i8042_config *cfg,
				struct vmoon_device **out_dev,
				struct vmoon_error *err) VMOON_NONNULL(1, 2);

#endif
