/* SPDX-License-Identifier: MIT */
/* debug_exit.h - a port through which a test guest ends its VM. */
#ifndef VMOON_DEVICES_DEBUG_EXIT_H
#define VMOON_DEVICES_DEBUG_EXIT_H

#include "vmoon/device.h"

enum { VMOON_DEBUG_EXIT_PORTS = 4 }; /* 1-, 2- and 4-byte writes at offset 0 */

/* exit fires with the value written. */
VMOON_STATUS vmoon_debug_exit_create(const struct vmoon_notify *exit,
				     struct vmoon_device **out_dev,
				     struct vmoon_error *err)
	VMOON_NONNULL(1, 2);

#endif
