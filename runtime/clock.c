/* SPDX-License-Identifier: MIT */
/* clock.c - the host's clocks as a capability. */
#include "clock.h"

#include "loop.h"

#include <time.h>

static uint64_t mono_ns(void *ctx)
{
	(void)ctx;
	return vmoon_mono_ns();
}

static int64_t wall_s(void *ctx, uint32_t *out_ns)
{
	struct timespec ts;

	(void)ctx;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	if (out_ns != NULL)
		*out_ns = (uint32_t)ts.tv_nsec;
	return (int64_t)ts.tv_sec;
}

struct vmoon_clock vmoon_host_clock(void)
{
	return (struct vmoon_clock){mono_ns, wall_s, NULL};
}
