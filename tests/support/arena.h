/* SPDX-License-Identifier: MIT */
/*
 * arena.h - a heap in one block that stays, for programs that run often.
 *
 * The C library's heap maps and unmaps what is large, and under ASan keeps
 * what is freed for long: a fuzz target that makes a machine for each input
 * spends its time in page faults. Here no byte is used twice before the next
 * arena_begin; around a block, and in one that was freed, all is poisoned. What
 * does not fit comes from the C library.
 */
#ifndef VMOON_TESTS_ARENA_H
#define VMOON_TESTS_ARENA_H

#include "runtime/mem.h"

struct arena {
	unsigned char *base; /* borrowed */
	size_t size, used;
	size_t live; /* blocks */
};

/* Everything is free again. The first time a has base and size alone. */
void arena_begin(struct arena *a);
/* A heap over a; a may be NULL: the C library's. */
void arena_lend(struct arena *a, struct vmoon_mem *out_heap);

#endif
