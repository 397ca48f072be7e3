/* SPDX-License-Identifier: MIT */
/*
 * gmem_watch.h - sees each byte of guest memory that a device fetches.
 *
 * A program linked with the Makefile's WATCH_GMEM has the device kit's reads
 * go through here first; the library itself knows nothing of it. In such a
 * program every address space that is read is the gm of a struct gmem_watch.
 */
#ifndef VMOON_TESTS_GMEM_WATCH_H
#define VMOON_TESTS_GMEM_WATCH_H

#include "runtime/gmem.h"

enum { GMEM_WATCH_MAX = 256, GMEM_WATCH_RINGS = 8 };

struct gmem_fetch {
	vmoon_gpa gpa;
	size_t len;
};

/* An available ring of so many entries. */
struct gmem_ring {
	vmoon_gpa avail;
	uint32_t size;
};

struct gmem_log {
	/* Of this request, the first GMEM_WATCH_MAX; count has no limit. */
	struct gmem_fetch fetches[GMEM_WATCH_MAX];
	size_t count;
	size_t twice; /* bytes that were fetched before in this request */
	/* Hostile memory: a byte is another one once it was fetched. */
	bool flips;
	/*
	 * Reads of these are not noted: index and flags are there to be read
	 * again and again, and who reads an entry begins a request.
	 */
	size_t ring_count;
	struct gmem_ring rings[GMEM_WATCH_RINGS];
	/* Nothing is noted; windows that are opened now go their fast way. */
	bool is_off;
};

/* Devices see a const gm; what is noted is the test's. */
struct gmem_watch {
	struct vmoon_gmem gm;
	struct gmem_log *log; /* borrowed: outlives the watch */
};

/* The next request begins: nothing was fetched for it yet. */
static inline void gmem_log_begin(struct gmem_log *log)
{
	log->count = log->twice = 0;
}

#endif
