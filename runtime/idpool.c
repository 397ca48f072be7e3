/* SPDX-License-Identifier: MIT */
/* idpool.c - hands out small numbers, the lowest one that came back first. */
#include "idpool.h"

#include <string.h>

static const char state_tag[] = "idpool";
enum { STATE_VERSION = 1, WORD_BITS = 64 };

enum vmoon_status vmoon_idpool_init(struct vmoon_idpool *pool, uint32_t base,
				    uint32_t end, struct vmoon_error *err)
{
	if (end < base || end - base >= VMOON_IDPOOL_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "numbers %u..%u: a pool has 1 to %d of them",
				  base, end, VMOON_IDPOOL_MAX);
	memset(pool, 0, sizeof(*pool));
	pool->base = base;
	pool->end = end;
	pool->next = base;
	return VMOON_OK;
}

static uint64_t bit_of(uint32_t index)
{
	return UINT64_C(1) << (index % WORD_BITS);
}

static bool take_freed(struct vmoon_idpool *pool, uint32_t *out_id)
{
	for (uint32_t i = 0; i < VMOON_COUNTOF(pool->freed); i++) {
		uint64_t word = pool->freed[i];

		if (word == 0)
			continue;
		*out_id = pool->base + i * WORD_BITS +
			  (uint32_t)__builtin_ctzll(word);
		pool->freed[i] = word & (word - 1);
		return true;
	}
	return false;
}

enum vmoon_status vmoon_idpool_allocate(struct vmoon_idpool *pool,
					uint32_t *out_id,
					struct vmoon_error *err)
{
	if (take_freed(pool, out_id))
		return VMOON_OK;
	if (pool->next > UINT32_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "there is no number beyond %u", UINT32_MAX);
	if (pool->next > pool->end)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "all numbers of %u..%u are taken", pool->base,
				  pool->end);
	*out_id = (uint32_t)pool->next++;
	return VMOON_OK;
}

static bool is_freed(const struct vmoon_idpool *pool, uint32_t id)
{
	uint32_t index = id - pool->base;

	return (pool->freed[index / WORD_BITS] & bit_of(index)) != 0;
}

enum vmoon_status vmoon_idpool_release(struct vmoon_idpool *pool, uint32_t id,
				       struct vmoon_error *err)
{
	uint32_t index = id - pool->base;

	if (id < pool->base || id > pool->end)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%u is not within %u..%u", id, pool->base,
				  pool->end);
	if (id >= pool->next)
		return vmoon_fail(err, VMOON_E_STATE, 0,
				  "%u was never handed out", id);
	if (is_freed(pool, id))
		return vmoon_fail(err, VMOON_E_CONFIG, 0, "%u is free already",
				  id);
	pool->freed[index / WORD_BITS] |= bit_of(index);
	return VMOON_OK;
}

bool vmoon_idpool_is_allocated(const struct vmoon_idpool *pool, uint32_t id)
{
	return id >= pool->base && id < pool->next && !is_freed(pool, id);
}

void vmoon_idpool_save(const struct vmoon_idpool *pool,
		       struct vmoon_state_writer *w)
{
	vmoon_state_begin(w, state_tag, STATE_VERSION);
	vmoon_state_put(w, pool->base, 4);
	vmoon_state_put(w, pool->end, 4);
	vmoon_state_put(w, pool->next, 8);
	for (size_t i = 0; i < VMOON_COUNTOF(pool->freed); i++)
		vmoon_state_put(w, pool->freed[i], 8);
}

/* No bit at or above next. */
static bool is_possible(const struct vmoon_idpool *pool)
{
	uint64_t used;

	if (pool->next < pool->base || pool->next > (uint64_t)pool->end + 1)
		return false;
	used = pool->next - pool->base;
	for (uint64_t i = 0; i < VMOON_COUNTOF(pool->freed); i++) {
		uint64_t first = i * WORD_BITS, word = pool->freed[i];

		if (used <= first ? word != 0
				  : used - first < WORD_BITS &&
					    word >> (used - first) != 0)
			return false;
	}
	return true;
}

enum vmoon_status vmoon_idpool_load(struct vmoon_idpool *pool,
				    struct vmoon_state_reader *r,
				    struct vmoon_error *err)
{
	struct vmoon_idpool in;

	VMOON_IGNORE(!vmoon_state_expect(r, state_tag, STATE_VERSION));
	in.base = (uint32_t)vmoon_state_get(r, 4);
	in.end = (uint32_t)vmoon_state_get(r, 4);
	in.next = vmoon_state_get(r, 8);
	for (size_t i = 0; i < VMOON_COUNTOF(in.freed); i++)
		in.freed[i] = vmoon_state_get(r, 8);
	if (r->is_bad || in.base != pool->base || in.end != pool->end ||
	    !is_possible(&in))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "numbers %u..%u: a state that no such pool "
				  "has",
				  pool->base, pool->end);
	*pool = in;
	return VMOON_OK;
}
