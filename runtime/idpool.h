/* SPDX-License-Identifier: MIT */
/* idpool.h - hands out small numbers, the lowest one that came back first. */
#ifndef VMOON_RUNTIME_IDPOOL_H
#define VMOON_RUNTIME_IDPOOL_H

#include "vmoon/error.h"
#include "vmoon/state.h"

/* Numbers in one pool: a bit each, so that taking one back cannot fail. */
enum { VMOON_IDPOOL_MAX = 1024 };

/* A plain value. One thread at a time. */
struct vmoon_idpool {
	uint32_t base, end; /* inclusive */
	uint64_t next;      /* never handed out, nor what follows; <= end + 1 */
	uint64_t freed[VMOON_IDPOOL_MAX / 64]; /* bit: id - base, below next */
};

/* E_INVAL when end is below base or the pool has more than MAX numbers. */
VMOON_STATUS vmoon_idpool_init(struct vmoon_idpool *pool, uint32_t base,
			       uint32_t end, struct vmoon_error *err)
	VMOON_NONNULL(1);

/*
 * The lowest freed number, else the next new one. E_CONFIG when all are taken,
 * E_INVAL when the next would be beyond 2^32 - 1; nothing changed then.
 */
VMOON_STATUS vmoon_idpool_allocate(struct vmoon_idpool *pool, uint32_t *out_id,
				   struct vmoon_error *err) VMOON_NONNULL(1, 2);

/*
 * E_INVAL when the number is not the pool's, E_STATE when it was never handed
 * out, E_CONFIG when it is free already; nothing changed then.
 */
VMOON_STATUS vmoon_idpool_release(struct vmoon_idpool *pool, uint32_t id,
				  struct vmoon_error *err) VMOON_NONNULL(1);

bool vmoon_idpool_is_allocated(const struct vmoon_idpool *pool, uint32_t id)
	VMOON_NONNULL(1);

/*
 * load wants a pool of the same range and trusts no byte: E_IMAGE, and
 * nothing changed, for a state that no such pool can be in.
 */
void vmoon_idpool_save(const struct vmoon_idpool *pool,
		       struct vmoon_state_writer *w) VMOON_NONNULL(1, 2);
VMOON_STATUS vmoon_idpool_load(struct vmoon_idpool *pool,
			       struct vmoon_state_reader *r,
			       struct vmoon_error *err) VMOON_NONNULL(1, 2);

#endif
