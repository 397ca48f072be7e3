/* SPDX-License-Identifier: MIT */
/* arena.c - a heap in one block that stays, for programs that run often. */
#include "tests/support/arena.h"

#include "tests/support/poison.h"

#include <stdlib.h>
#include <string.h>

enum { RED = 64 }; /* bytes behind each block; a multiple of an alignment */

static bool is_inside(const struct arena *a, const unsigned char *p)
{
	return p >= a->base && p < a->base + a->size;
}

static unsigned char *take(struct arena *a, size_t size)
{
	const size_t all = (size + RED - 1) / RED * RED + RED;
	unsigned char *p = a->base + a->used;

	if (size > a->size || all > a->size - a->used)
		return malloc(size);
	a->used += all;
	ASAN_UNPOISON_MEMORY_REGION(p, size);
	return p;
}

static void give(const struct arena *a, unsigned char *p, size_t size)
{
	if (is_inside(a, p))
		ASAN_POISON_MEMORY_REGION(p, size);
	else
		free(p);
}

static void *arena_realloc(void *ctx, void *ptr, size_t old_size,
			   size_t new_size)
{
	struct arena *a = ctx;
	unsigned char *p = NULL;

	if (new_size > 0) {
		p = take(a, new_size);
		if (p == NULL)
			return NULL;
		a->live++;
	}
	if (ptr == NULL)
		return p;
	if (p != NULL)
		memcpy(p, ptr, old_size < new_size ? old_size : new_size);
	give(a, ptr, old_size);
	a->live--;
	return p;
}

void arena_begin(struct arena *a)
{
	/* The rest is as poisoned as it ever was. */
	const size_t len = a->used == 0 ? a->size : a->used;

	ASAN_POISON_MEMORY_REGION(a->base, len);
	a->used = RED; /* so that 0 says: never begun */
	a->live = 0;
}

void arena_lend(struct arena *a, struct vmoon_mem *out_heap)
{
	const struct vmoon_allocator allocator = {
		.size = sizeof(allocator), .realloc = arena_realloc, .ctx = a};

	vmoon_mem_init(out_heap, a == NULL ? NULL : &allocator);
}
