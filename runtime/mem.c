/* SPDX-License-Identifier: MIT */
/* mem.c - one counted heap a runtime, over the embedder's allocator. */
#include "mem.h"

#include "vmoon/ckd.h"

#include <stdlib.h>
#include <string.h>

static void *libc_realloc(void *ctx, void *ptr, size_t old_size,
			  size_t new_size)
{
	(void)ctx, (void)old_size;
	if (new_size == 0) {
		free(ptr);
		return NULL;
	}
	return realloc(ptr, new_size);
}

void vmoon_mem_init(struct vmoon_mem *mem,
		    const struct vmoon_allocator *allocator)
{
	struct vmoon_allocator a = {0};

	if (allocator != NULL)
		memcpy(&a, allocator,
		       allocator->size < sizeof(a) ? allocator->size
						   : sizeof(a));
	mem->realloc = a.realloc == NULL ? libc_realloc : a.realloc;
	mem->ctx = a.ctx;
	mem->limit = a.limit == 0 ? SIZE_MAX : a.limit;
	mem->used = 0;
}

size_t vmoon_mem_used(const struct vmoon_mem *mem)
{
	return __atomic_load_n(&mem->used, __ATOMIC_RELAXED);
}

/* Counts more bytes as used; false, and nothing counted, past the limit. */
static bool charge(struct vmoon_mem *mem, size_t more)
{
	size_t used = vmoon_mem_used(mem), sum;

	do {
		if (ckd_add(&sum, used, more) || sum > mem->limit)
			return false;
	} while (!__atomic_compare_exchange_n(&mem->used, &used, sum, true,
					      __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return true;
}

static void refund(struct vmoon_mem *mem, size_t less)
{
	__atomic_fetch_sub(&mem->used, less, __ATOMIC_RELAXED);
}

void *vmoon_mem_resize(struct vmoon_mem *mem, void *ptr, size_t old_size,
		       size_t new_size)
{
	void *to;

	if (ptr == NULL)
		old_size = 0; /* Lua passes the kind of object there */
	if (ptr == NULL && new_size == 0)
		return NULL;
	if (mem == NULL)
		return libc_realloc(NULL, ptr, old_size, new_size);
	if (new_size > old_size && !charge(mem, new_size - old_size))
		return NULL;
	to = mem->realloc(mem->ctx, ptr, old_size, new_size);
	if (to == NULL && new_size > old_size)
		refund(mem, new_size - old_size);
	/* Smaller than before, or gone: only now, and not when it failed. */
	if (new_size < old_size && (to != NULL || new_size == 0))
		refund(mem, old_size - new_size);
	return to;
}

void *vmoon_mem_alloc(struct vmoon_mem *mem, size_t size)
{
	void *ptr;

	if (mem == NULL)
		return calloc(1, size);
	ptr = vmoon_mem_resize(mem, NULL, 0, size);
	if (ptr != NULL)
		memset(ptr, 0, size);
	return ptr;
}

void *vmoon_mem_alloc_array(struct vmoon_mem *mem, size_t count, size_t size)
{
	size_t all;

	return ckd_mul(&all, count, size) ? NULL : vmoon_mem_alloc(mem, all);
}

char *vmoon_mem_copy(struct vmoon_mem *mem, const char *bytes, size_t len)
{
	size_t room;
	char *copy;

	if (ckd_add(&room, len, 1u))
		return NULL;
	copy = vmoon_mem_resize(mem, NULL, 0, room);
	if (copy == NULL)
		return NULL;
	if (len > 0)
		memcpy(copy, bytes, len);
	copy[len] = '\0';
	return copy;
}

void vmoon_mem_free(struct vmoon_mem *mem, void *ptr, size_t size)
{
	if (ptr != NULL)
		VMOON_IGNORE(vmoon_mem_resize(mem, ptr, size, 0) != NULL);
}

void vmoon_mem_free_text(struct vmoon_mem *mem, const char *text)
{
	if (text != NULL) /* the cast: ours, const for its readers */
		vmoon_mem_free(mem, (char *)(uintptr_t)text, strlen(text) + 1);
}
