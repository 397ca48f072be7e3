/* SPDX-License-Identifier: MIT */
/* bench.h - what every bench has: claims, the clock, a heap that counts. */
#ifndef VMOON_BENCH_BENCH_H
#define VMOON_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

static inline void must(bool claim)
{
	if (!claim)
		abort();
}

static inline double now_ns(void)
{
	struct timespec t;

	must(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

struct heap {
	size_t calls;
};

/* The host's heap, of a struct heap: vmoon_allocator.realloc. */
static inline void *count_resize(void *heap, void *ptr, size_t old_size,
				 size_t new_size)
{
	struct heap *h = heap;

	(void)old_size;
	h->calls++;
	if (new_size > 0)
		return realloc(ptr, new_size);
	free(ptr);
	return NULL;
}

#endif
