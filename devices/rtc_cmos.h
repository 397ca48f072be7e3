/* SPDX-License-Identifier: MIT */
/* rtc_cmos.h - MC146818 clock and CMOS memory, time from the injected clock. */
#ifndef VMOON_DEVICES_RTC_CMOS_H
#define VMOON_DEVICES_RTC_CMOS_H

#include "vmoon/device.h"

enum { VMOON_RTC_CMOS_PORTS = 2, VMOON_RTC_CMOS_IRQ = 8 };

struct vmoon_rtc_cmos_config {
	struct vmoon_mem *mem; /* or NULL */
	struct vmoon_clock clock;
	struct vmoon_notify reset;           /* index 0x8f, data 0; CMOS-04 */
	uint64_t ram_below_4g, ram_above_4g; /* bytes */
};

/* On success *out_dev is the caller's; release it with ops->destroy. */
VMOON_STATUS vmoon_rtc_cmos_create(const struct vmoon_rtc_cmos_config *cfg,
				   struct vmoon_device **out_dev,
				   struct vmoon_error *err) VMOON_NONNULL(1, 2);

#endif
