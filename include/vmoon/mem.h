/* SPDX-License-Identifier: MIT */
/* mem.h - device kit: the heap that everything of a runtime is taken from. */
#ifndef VMOON_MEM_H
#define VMOON_MEM_H

#include "vmoon/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What an embedder may put in place of the C library's heap. realloc follows
 * Lua's contract: ptr NULL allocates, new_size 0 frees and returns NULL,
 * old_size is what ptr was last given; on failure it returns NULL and ptr is
 * as before. Memory is aligned for any type. It is called by any thread.
 */
struct vmoon_allocator {
	size_t size;
	void *(*realloc)(void *ctx, void *ptr, size_t old_size,
			 size_t new_size); /* NULL: the C library's */
	void *ctx;                         /* borrowed */
	size_t limit;                      /* bytes in use at once; 0: none */
};

/*
 * A counted and limited heap, handed in like every other capability. NULL is
 * allowed everywhere and means the C library's heap, uncounted. Guest RAM is
 * mapped, not taken from here; what other libraries (regex, unpackers,
 * threads) need for the length of a call is theirs. Any thread.
 */
struct vmoon_mem;

/* Zeroed, or NULL; size is not 0. Give it back by vmoon_mem_free. */
VMOON_API void *vmoon_mem_alloc(struct vmoon_mem *mem,
				size_t size) VMOON_MUST_USE;
/* The same for count items; NULL as well when the product overflows. */
VMOON_API void *vmoon_mem_alloc_array(struct vmoon_mem *mem, size_t count,
				      size_t size) VMOON_MUST_USE;
/* A copy of len bytes with a NUL behind; len + 1 bytes of memory. */
VMOON_API char *vmoon_mem_copy(struct vmoon_mem *mem, const char *bytes,
			       size_t len) VMOON_MUST_USE;
/* size is what was asked for. NULL is allowed. */
VMOON_API void vmoon_mem_free(struct vmoon_mem *mem, void *ptr, size_t size);
/* Lua's contract, as in vmoon_allocator; new bytes are not zeroed. */
VMOON_API void *vmoon_mem_resize(struct vmoon_mem *mem, void *ptr,
				 size_t old_size,
				 size_t new_size) VMOON_MUST_USE;

#ifdef __cplusplus
}
#endif

#endif
