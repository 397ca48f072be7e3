/* SPDX-License-Identifier: MIT */
/* clock.h - the host's clocks as a capability. */
#ifndef VMOON_RUNTIME_CLOCK_H
#define VMOON_RUNTIME_CLOCK_H

#include "vmoon/device.h"

struct vmoon_clock vmoon_host_clock(void);

#endif
