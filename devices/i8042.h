/* SPDX-License-Identifier: MIT */
/* i8042.h - the reset line of a keyboard controller, and nothing else of it. */
#ifndef VMOON_DEVICES_I8042_H
#define VMOON_DEVICES_I8042_H

#include "vmoon/device.h"

enum { VMOON_I8042_PORTS = 5 }; /* 0x60..0x64 */

/* reset fires with value 0 for command 0xfe. */
VMOON_STATUS vmoon_i8042_create(const struct vmoon_notify *reset,
				struct vmoon_device **out_dev,
				struct vmoon_error *err) VMOON_NONNULL(1, 2);

#endif
