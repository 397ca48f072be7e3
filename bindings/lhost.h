/* SPDX-License-Identifier: MIT */
/* lhost.h - the few POSIX calls that scripts need, away from Lua. */
#ifndef VMOON_BINDINGS_LHOST_H
#define VMOON_BINDINGS_LHOST_H

#include <stdio.h>

#include "vmoon/error.h"

/* Monotonic seconds; the zero point has no meaning. */
double vmoon_lhost_now(void);
uint64_t vmoon_lhost_now_ns(void);

/*
 * A counter that costs less to read than a clock, for figures: it runs evenly,
 * in a unit of its own. Whoever wants nanoseconds compares it with the clock.
 */
static inline uint64_t vmoon_lhost_ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#else
	return vmoon_lhost_now_ns();
#endif
}
/* Seconds of processor time that this thread has had: others' do not count. */
double vmoon_lhost_cpu(void);
/* Sleeps; a signal may end it early. */
void vmoon_lhost_sleep(double seconds);
/* A close-on-exec duplicate of the file's descriptor. */
VMOON_STATUS vmoon_lhost_dup(FILE *file, int *out_fd, struct vmoon_error *err);
/* Closes *fd unless it is -1, and makes it -1. */
void vmoon_lhost_close(int *fd);

#endif
