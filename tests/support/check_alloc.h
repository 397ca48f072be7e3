/* SPDX-License-Identifier: MIT */
/* check_alloc.h - an allocator that remembers each size and may refuse. */
#ifndef VMOON_TESTS_CHECK_ALLOC_H
#define VMOON_TESTS_CHECK_ALLOC_H

#include "tests/support/fixture.h"

#include "vmoon/mem.h"

#include <stdlib.h>
#include <string.h>

/* Any thread: counters are atomic. */
struct check_alloc {
	size_t blocks, bytes; /* that are out */
	size_t calls;         /* that ask for more */
	size_t fail_at;       /* the n-th of them fails; 0: none */
	bool is_wrong;        /* a size was not the one given before */
};

/* A size in front of each block; the union keeps it aligned for any type. */
union check_head {
	size_t size;
	max_align_t align;
};

static inline void *check_realloc(void *ctx, void *ptr, size_t old_size,
				  size_t new_size)
{
	struct check_alloc *a = ctx;
	union check_head *head =
		ptr == NULL ? NULL : (union check_head *)ptr - 1;
	union check_head *to;

	if ((head == NULL ? 0 : head->size) != old_size)
		__atomic_store_n(&a->is_wrong, true, __ATOMIC_RELAXED);
	if (new_size > old_size &&
	    __atomic_add_fetch(&a->calls, 1, __ATOMIC_RELAXED) ==
		    __atomic_load_n(&a->fail_at, __ATOMIC_RELAXED))
		return NULL;
	/* Always elsewhere, so that a stale pointer is found. */
	to = new_size == 0 ? NULL : malloc(sizeof(*to) + new_size);
	if (new_size > 0 && to == NULL)
		return NULL;
	if (to != NULL) {
		to->size = new_size;
		memset(to + 1, 0xa5, new_size);
	}
	if (to != NULL && ptr != NULL)
		memcpy(to + 1, ptr, old_size < new_size ? old_size : new_size);
	free(head);
	__atomic_add_fetch(&a->bytes, new_size - old_size, __ATOMIC_RELAXED);
	__atomic_add_fetch(&a->blocks,
			   (size_t)(to != NULL) - (size_t)(head != NULL),
			   __ATOMIC_RELAXED);
	return to == NULL ? NULL : to + 1;
}

static inline struct vmoon_allocator check_allocator(struct check_alloc *a)
{
	return (struct vmoon_allocator){.size = sizeof(struct vmoon_allocator),
					.realloc = check_realloc,
					.ctx = a};
}

/* Everything is back, and every size was right. */
static inline void check_alloc_assert_empty(const struct check_alloc *a)
{
	assert_int_equal(a->blocks, 0);
	assert_int_equal(a->bytes, 0);
	assert_false(a->is_wrong);
}

#endif
