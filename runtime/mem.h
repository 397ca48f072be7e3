/* SPDX-License-Identifier: MIT */
/* mem.h (runtime) - construction of a counted heap. */
#ifndef VMOON_RUNTIME_MEM_H
#define VMOON_RUNTIME_MEM_H

#include "vmoon/mem.h"

struct vmoon_mem {
	void *(*realloc)(void *ctx, void *ptr, size_t old_size,
			 size_t new_size);
	void *ctx;
	size_t limit; /* SIZE_MAX: none */
	size_t used;  /* atomic */
};

/* allocator may be NULL; no more of it is read than its size says. */
void vmoon_mem_init(struct vmoon_mem *mem,
		    const struct vmoon_allocator *allocator) VMOON_NONNULL(1);
/* Bytes in use now. Any thread. */
size_t vmoon_mem_used(const struct vmoon_mem *mem) VMOON_NONNULL(1);
/* Gives back a string that vmoon_mem_copy made. NULL is allowed. */
void vmoon_mem_free_text(struct vmoon_mem *mem, const char *text);

#endif
