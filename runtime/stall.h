/* SPDX-License-Identifier: MIT */
/* stall.h - how long a guest was held within the last ten seconds. */
#ifndef VMOON_RUNTIME_STALL_H
#define VMOON_RUNTIME_STALL_H

#include "vmoon/base.h"

#define VMOON_STALL_WINDOW_NS UINT64_C(10000000000)
enum { VMOON_STALL_SLOTS = 21 }; /* half a second each, one begun */

/*
 * Sums per half second, so the window is 10 to 10.5 s: a bound on it is one on
 * any 10 s. All zero at the beginning.
 */
struct vmoon_stall {
	uint64_t slot[VMOON_STALL_SLOTS]; /* nanoseconds held */
	uint64_t newest;                  /* number of the newest slot */
	uint64_t since_ns;                /* held and counted up to here */
	bool is_held;
	uint64_t total_ns; /* ever */
};

/* Counts up to now_ns; a clock that goes back counts nothing. */
void vmoon_stall_update(struct vmoon_stall *s, uint64_t now_ns)
	VMOON_NONNULL(1);
void vmoon_stall_begin(struct vmoon_stall *s, uint64_t now_ns) VMOON_NONNULL(1);
void vmoon_stall_end(struct vmoon_stall *s, uint64_t now_ns) VMOON_NONNULL(1);
/* What is left of max_ns in the window that ends with the last update. */
uint64_t vmoon_stall_left(const struct vmoon_stall *s, uint64_t max_ns)
	VMOON_NONNULL(1);

#endif
