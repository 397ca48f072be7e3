/* SPDX-License-Identifier: MIT */
/* rtc_pl031.h - PL031 real time clock, time from the injected clock. */
#ifndef VMOON_DEVICES_RTC_PL031_H
#define VMOON_DEVICES_RTC_PL031_H

#include "vmoon/device.h"

enum { VMOON_RTC_PL031_BYTES = 0x1000 };

struct vmoon_rtc_pl031_config {
	struct vmoon_mem *mem; /* or NULL */
	struct vmoon_irq irq;  /* level: an interrupt is pending and enabled */
	struct vmoon_clock clock;
};

/* On success *out_dev is the caller's; release it with ops->destroy. */
VMOON_STATUS vmoon_rtc_pl031_create(const struct vmoon_rtc_pl031_config *cfg,
				    struct vmoon_device **out_dev,
				    struct vmoon_error *err)
	VMOON_NONNULL(1, 2);

struct vmoon_rtc_pl031_stats {
	uint64_t refused_reads, refused_writes; /* by width, place or kind */
};
void vmoon_rtc_pl031_get_stats(const struct vmoon_device *dev,
			       struct vmoon_rtc_pl031_stats *out)
	VMOON_NONNULL(1, 2);

#endif
