/* SPDX-License-Identifier: MIT */
/* debug_exit.h - a port through which a test guest ends its VM. */
#ifndef VMOON_DEVICES_DEBUG_EXIT_H
#define VMOON_DEVICES_DEBUG_EXIT_H

#include "vmoon/device.h"

enum { VMOON_DEBUG_EXIT_PORTS = 4 }; /* 1-, 2- and 4-byte writes at offset 0 */

struct vmoon_debug_exit_config {
	struct vmoon_mem *mem;    /* or NULL */
	struct vmoon_notify exit; /* the value written */
};

VMOON_STATUS vmoon_debug_exit_create(const struct vmoon_debug_exit_config *cfg,
				     struct vmoon_device **out_dev,
				     struct vmoon_error *err)
	VMOON_NONNULL(1, 2);

#endif
