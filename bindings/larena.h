/* SPDX-License-Identifier: MIT */
/* larena.h - a heap inside one block of memory: bounded, and O(1). */
#ifndef VMOON_BINDINGS_LARENA_H
#define VMOON_BINDINGS_LARENA_H

#include <stddef.h>

#include "vmoon/base.h"

/* Lives at the start of the block that it manages. One thread at a time. */
struct vmoon_larena;

enum {
	VMOON_LARENA_ALIGN = 16, /* of what it hands out, and of the block */
	VMOON_LARENA_MIN = 16 * 1024 /* bytes of a block that is of use */
};

/* At most 4 GiB of the block are used; its bytes need not be zero. */
struct vmoon_larena *vmoon_larena_init(void *block, size_t size)
	VMOON_NONNULL(1);

/*
 * Lua's contract: ptr NULL allocates, new_size 0 frees. NULL when it is full;
 * ptr is as before then. A size that is not above the old one never fails.
 */
void *vmoon_larena_resize(struct vmoon_larena *a, void *ptr,
			  size_t new_size) VMOON_MUST_USE VMOON_NONNULL(1);

/* Bytes, with what each piece costs beside. */
size_t vmoon_larena_used(const struct vmoon_larena *a) VMOON_NONNULL(1);
size_t vmoon_larena_peak(const struct vmoon_larena *a) VMOON_NONNULL(1);
size_t vmoon_larena_capacity(const struct vmoon_larena *a) VMOON_NONNULL(1);

/* For tests: the pieces cover the block, and the lists have the free ones. */
bool vmoon_larena_is_sound(const struct vmoon_larena *a) VMOON_NONNULL(1);

#endif
