/* SPDX-License-Identifier: MIT */
/*
 * vq_walk.c - fetches a chain of descriptors (VIRTIO 1.2, 2.7.5).
 *
 * The guest may change a table while it is walked. Each descriptor is copied
 * once and judged by its copy; no more are looked at than the table has.
 */
#include "vq_ring.h"

#include "defs.h"

#include "vmoon/ckd.h"

/*
 * The walk through the queue's own table keeps its counts in registers: a
 * quarter of what a short chain costs. Of indirect ones there is a second copy.
 */
#define ALWAYS_INLINE __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))

enum { TABLE_MAX = 65535 }; /* entries: what next can reach, and one less */

/* What a chain is made of, while it is counted. */
struct parts {
	uint32_t count, readable_count, readable, total;
};

/*
 * 2.7.4.2: the readable ones first; 2.7.5.2: 2^32 bytes are too many. Empty
 * ones are left out.
 */
static inline bool add_segment(const struct vmoon_chain *chain,
			       struct vmoon_seg seg, bool is_write,
			       struct parts *p)
{
	uint64_t end;

	if (!is_write && p->total != p->readable)
		return false;
	if (seg.len == 0)
		return true;
	if (p->count == chain->cap || ckd_add(&end, seg.gpa, seg.len) ||
	    ckd_add(&p->total, p->total, seg.len))
		return false;
	chain->segs[p->count++] = seg;
	if (!is_write) {
		p->readable = p->total;
		p->readable_count = p->count;
	}
	return true;
}

/*
 * Adds the descriptors from next on, as many as the table has at most. NONE:
 * there is an indirect one, *out_indirect, and what came before it is added.
 */
static inline ALWAYS_INLINE enum vmoon_vq_outcome follow(
	const struct vmoon_gmem_window *table, uint32_t next,
	struct vmoon_chain *chain, struct vmoon_seg *out_indirect)
{
	struct parts p = {chain->count, chain->readable_count, chain->readable,
			  chain->readable + chain->writable};
	enum vmoon_vq_outcome outcome = VMOON_VQ_MALFORMED;
	const uint32_t entries = (uint32_t)(table->len / VMOON_VQ_DESC_BYTES);

	for (uint32_t left = entries; left > 0; left--) {
		struct vmoon_seg seg;
		uint64_t raw[2];
		uint32_t flags;

		/* An index beyond the table is beyond the window. */
		if (!vmoon_gmem_window_get_le64x2(
			    table, next * VMOON_VQ_DESC_BYTES, raw))
			break;
		seg.gpa = raw[0];
		seg.len = (uint32_t)(raw[1] & UINT32_MAX);
		flags = (uint32_t)(raw[1] >> 32);
		next = flags >> 16;
		if ((flags & VMOON_VQ_DESC_F_INDIRECT) != 0) {
			*out_indirect = seg;
			outcome = VMOON_VQ_NONE;
			break;
		}
		if (!add_segment(chain, seg,
				 (flags & VMOON_VQ_DESC_F_WRITE) != 0, &p))
			break;
		if ((flags & VMOON_VQ_DESC_F_NEXT) == 0) {
			outcome = VMOON_VQ_CHAIN;
			break;
		}
	}
	chain->count = p.count;
	chain->readable_count = p.readable_count;
	chain->readable = p.readable;
	chain->writable = p.total - p.readable;
	return outcome;
}

/*
 * 2.7.5.3: whole descriptors, none of them indirect. The table is the rest of
 * the chain: where the descriptor says NEXT, that is void.
 */
static NOINLINE enum vmoon_vq_outcome follow_indirect(const struct vmoon_vq *vq,
						      struct vmoon_seg at,
						      struct vmoon_chain *chain)
{
	struct vmoon_gmem_window table;

	if (!vq->has_indirect || at.len == 0 ||
	    at.len % VMOON_VQ_DESC_BYTES != 0 ||
	    at.len / VMOON_VQ_DESC_BYTES > TABLE_MAX ||
	    !vmoon_gmem_window_open(vq->gm, at.gpa, at.len, &table) ||
	    follow(&table, 0, chain, &at) != VMOON_VQ_CHAIN)
		return VMOON_VQ_MALFORMED;
	return VMOON_VQ_CHAIN;
}

enum vmoon_vq_outcome vmoon_vq_walk(struct vmoon_vq *vq, uint16_t head,
				    struct vmoon_chain *chain)
{
	enum vmoon_vq_outcome outcome;
	struct vmoon_seg indirect;

	vmoon_chain_init(chain, chain->segs, chain->cap);
	chain->head = head;
	chain->gm = vq->gm;
	outcome = follow(&vq->desc, head, chain, &indirect);
	if (outcome == VMOON_VQ_NONE)
		outcome = follow_indirect(vq, indirect, chain);
	if (outcome != VMOON_VQ_CHAIN) { /* nobody may take it for one */
		chain->count = chain->readable_count = 0;
		chain->readable = chain->writable = 0;
	}
	return outcome;
}
