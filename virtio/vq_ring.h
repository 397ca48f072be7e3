/* SPDX-License-Identifier: MIT */
/* vq_ring.h - inside a split queue: shared by vq.c, vq_walk.c, vq_state.c. */
#ifndef VMOON_VIRTIO_VQ_RING_H
#define VMOON_VIRTIO_VQ_RING_H

#include "vq.h"

#include "vmoon/gmem_window.h"

enum { VMOON_VQ_BITS = 64 }; /* heads in a word of busy */

/* Everything but the first members is of the current start. */
struct vmoon_vq {
	struct vmoon_mem *mem; /* borrowed */
	struct vmoon_vq_host host;
	uint16_t max_size;
	struct vmoon_vq_counts counts;

	const struct vmoon_gmem *gm; /* borrowed; NULL: not live, or broken */
	struct vmoon_gmem_window desc, avail, used;
	uint16_t size;
	bool has_event_idx, has_indirect;
	bool is_broken;
	bool is_drained;    /* the last look found nothing */
	bool must_tell;     /* after load: what was told is not known */
	uint16_t seen;      /* avail.idx as it was last loaded */
	uint16_t share_end; /* next_avail when this drain's pops are used up */
	uint16_t next_avail, next_used;
	uint16_t told;   /* next_used when the driver was last told */
	uint64_t busy[]; /* a bit a head: popped and not pushed */
};

/* The ring is impossible: host.broken is called, once. VMOON_VQ_BROKEN. */
enum vmoon_vq_outcome vmoon_vq_give_up(struct vmoon_vq *vq, uint64_t where)
	VMOON_NONNULL(1);
/*
 * Into seen. False: no RAM, or an index that is impossible. The driver cannot
 * have added more than there are entries, and would keep us busy.
 */
bool vmoon_vq_load_idx(struct vmoon_vq *vq) VMOON_MUST_USE VMOON_NONNULL(1);

static inline bool vmoon_vq_is_live(const struct vmoon_vq *vq)
{
	return vq->gm != NULL;
}

static inline uint16_t vmoon_vq_slot(const struct vmoon_vq *vq, uint16_t index)
{
	return (uint16_t)(index & (vq->size - 1)); /* a power of two */
}

static inline size_t vmoon_vq_words(uint16_t max_size)
{
	return ((size_t)max_size + VMOON_VQ_BITS - 1) / VMOON_VQ_BITS;
}

static inline unsigned vmoon_vq_bits_of(uint64_t word)
{
	return (unsigned)__builtin_popcountll(word);
}

static inline bool vmoon_vq_is_busy(const struct vmoon_vq *vq, uint32_t head)
{
	return (vq->busy[head / VMOON_VQ_BITS] >> head % VMOON_VQ_BITS & 1) !=
	       0;
}

static inline void vmoon_vq_flip_busy(struct vmoon_vq *vq, uint32_t head)
{
	vq->busy[head / VMOON_VQ_BITS] ^= UINT64_C(1) << head % VMOON_VQ_BITS;
}

#endif
