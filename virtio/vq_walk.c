/* SPDX-License-Identifier: MIT */
/*
 * vq_walk.c - takes chains from a queue: a head, then its descriptors.
 *
 * The guest may change a table while it is walked. Each descriptor is copied
 * once and judged by its copy; no more are looked at than the table has.
 *
 * Spec: VIRTIO 1.2, 2.7.5, 2.7.6.
 */
#include "vq_ring.h"

#include "defs.h"

#include "vmoon/ckd.h"

/*
 * What nearly always happens is one function without a call, its counts in
 * registers; what is seldom is elsewhere, so that it costs that one nothing.
 */
#define ALWAYS_INLINE __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))

enum {
	TABLE_MAX = 65535, /* entries: what next can reach, and one less */
	NO_HEAD = 65536    /* beyond every ring */
};

/* ---- descriptors ---- */

/*
 * What a chain is made of, while it is counted. No table has so many entries
 * that the sums could wrap.
 */
struct parts {
	struct vmoon_seg *segs;
	uint32_t cap, count, readable_count;
	uint64_t readable, total; /* bytes */
};

/* 2.7.4.2: the readable ones first. Empty ones are left out. */
static inline ALWAYS_INLINE bool add_segment(struct parts *p,
					     struct vmoon_seg seg,
					     bool is_write)
{
	vmoon_gpa end;

	if (!is_write && p->total != p->readable)
		return false;
	if (seg.len == 0)
		return true;
	if (p->count == p->cap || ckd_add(&end, seg.gpa, seg.len))
		return false;
	p->segs[p->count++] = seg;
	p->total += seg.len;
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
	const struct vmoon_gmem_window *table, bool is_plain, uint32_t next,
	struct parts *p, struct vmoon_seg *out_indirect)
{
	const struct vmoon_gmem_window w = *table;
	const uint32_t entries = (uint32_t)(w.len / VMOON_VQ_DESC_BYTES);

	for (uint32_t left = entries; left > 0; left--) {
		const uint32_t off = next * VMOON_VQ_DESC_BYTES;
		struct vmoon_seg seg;
		uint64_t raw[2];
		uint32_t flags;

		/* An index beyond the table is beyond the window. */
		if (is_plain ? !vmoon_gmem_window_try_get_le64x2(&w, off, raw)
			     : !vmoon_gmem_window_get_le64x2(&w, off, raw))
			break;
		seg.gpa = raw[0];
		seg.len = (uint32_t)(raw[1] & UINT32_MAX);
		flags = (uint32_t)(raw[1] >> 32);
		next = flags >> 16;
		if ((flags & VMOON_VQ_DESC_F_INDIRECT) != 0) {
			*out_indirect = seg;
			return VMOON_VQ_NONE;
		}
		if (!add_segment(p, seg, (flags & VMOON_VQ_DESC_F_WRITE) != 0))
			break;
		if ((flags & VMOON_VQ_DESC_F_NEXT) == 0)
			return VMOON_VQ_CHAIN;
	}
	return VMOON_VQ_MALFORMED;
}

static inline struct parts parts_of(const struct vmoon_chain *chain)
{
	return (struct parts){.segs = chain->segs,
			      .cap = chain->cap,
			      .count = chain->count,
			      .readable_count = chain->readable_count,
			      .readable = chain->readable,
			      .total = (uint64_t)chain->readable +
				       chain->writable};
}

/* 2.7.5.2: 2^32 bytes are too many. */
static inline ALWAYS_INLINE bool keep(struct vmoon_chain *chain,
				      const struct parts *p)
{
	if (p->total > UINT32_MAX)
		return false;
	chain->count = p->count;
	chain->readable_count = p->readable_count;
	chain->readable = (uint32_t)p->readable;
	chain->writable = (uint32_t)(p->total - p->readable);
	return true;
}

/* Nobody may take what there is for a chain. */
static NOINLINE enum vmoon_vq_outcome drop(struct vmoon_chain *chain)
{
	chain->count = chain->readable_count = 0;
	chain->readable = chain->writable = 0;
	return VMOON_VQ_MALFORMED;
}

/* Whatever the table lies in. The chain has what came before. */
static NOINLINE enum vmoon_vq_outcome follow_anywhere(
	const struct vmoon_gmem_window *table, uint32_t next,
	struct vmoon_chain *chain, struct vmoon_seg *out_indirect)
{
	struct parts p = parts_of(chain);
	const enum vmoon_vq_outcome outcome =
		follow(table, false, next, &p, out_indirect);

	return outcome != VMOON_VQ_MALFORMED && keep(chain, &p)
		       ? outcome
		       : VMOON_VQ_MALFORMED;
}

static inline ALWAYS_INLINE enum vmoon_vq_outcome follow_table(
	const struct vmoon_gmem_window *table, struct vmoon_chain *chain)
{
	struct parts p = parts_of(chain);
	struct vmoon_seg nested;

	return follow(table, true, 0, &p, &nested) == VMOON_VQ_CHAIN &&
			       keep(chain, &p)
		       ? VMOON_VQ_CHAIN
		       : drop(chain);
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
	    !vmoon_gmem_window_open(vq->gm, at.gpa, at.len, &table))
		return drop(chain);
	if (vmoon_gmem_window_is_plain(&table))
		return follow_table(&table, chain);
	return follow_anywhere(&table, 0, chain, &at) == VMOON_VQ_CHAIN
		       ? VMOON_VQ_CHAIN
		       : drop(chain);
}

static NOINLINE enum vmoon_vq_outcome walk_anywhere(const struct vmoon_vq *vq,
						    struct vmoon_chain *chain)
{
	enum vmoon_vq_outcome outcome;
	struct vmoon_seg indirect;

	VMOON_IGNORE(drop(chain));
	outcome = follow_anywhere(&vq->desc, chain->head, chain, &indirect);
	if (outcome == VMOON_VQ_NONE)
		return follow_indirect(vq, indirect, chain);
	return outcome == VMOON_VQ_CHAIN ? outcome : drop(chain);
}

/* CHAIN or MALFORMED. */
static inline ALWAYS_INLINE enum vmoon_vq_outcome walk(
	const struct vmoon_vq *vq, uint16_t head, struct vmoon_chain *chain)
{
	struct parts p = {.segs = chain->segs, .cap = chain->cap};
	enum vmoon_vq_outcome outcome;
	struct vmoon_seg indirect;

	chain->written = 0;
	chain->head = head;
	chain->gm = vq->gm;
	if (!vmoon_gmem_window_is_plain(&vq->desc))
		return walk_anywhere(vq, chain);
	outcome = follow(&vq->desc, true, head, &p, &indirect);
	if (outcome == VMOON_VQ_MALFORMED || !keep(chain, &p))
		return drop(chain);
	return outcome == VMOON_VQ_CHAIN ? VMOON_VQ_CHAIN
					 : follow_indirect(vq, indirect, chain);
}

/* ---- heads ---- */

/* CHAIN: the driver has added one, at least, that was not taken. */
static NOINLINE enum vmoon_vq_outcome look(struct vmoon_vq *vq)
{
	if (!vmoon_vq_load_idx(vq))
		return vmoon_vq_give_up(vq, vq->seen);
	if (vq->seen != vq->next_avail)
		return VMOON_VQ_CHAIN;
	vq->is_drained = true;
	return VMOON_VQ_NONE;
}

static NOINLINE uint32_t head_anywhere(const struct vmoon_vq *vq, uint32_t off)
{
	uint16_t head;

	return vmoon_gmem_window_get_le16(&vq->avail, off, &head) ? head
								  : NO_HEAD;
}

/* The next one, or what is none: NO_HEAD, or what the driver has there. */
static inline uint32_t fetch_head(const struct vmoon_vq *vq)
{
	const uint32_t off =
		VMOON_VQ_AVAIL_RING + 2u * vmoon_vq_slot(vq, vq->next_avail);
	uint16_t head;

	return vmoon_gmem_window_try_get_le16(&vq->avail, off, &head)
		       ? head
		       : head_anywhere(vq, off);
}

static inline ALWAYS_INLINE enum vmoon_vq_outcome take(
	struct vmoon_vq *vq, struct vmoon_chain *chain)
{
	enum vmoon_vq_outcome outcome = VMOON_VQ_CHAIN;
	uint32_t head;

	if (!vmoon_vq_is_live(vq) || vq->share == 0)
		return VMOON_VQ_NONE;
	if (vq->seen == vq->next_avail)
		outcome = look(vq);
	if (outcome != VMOON_VQ_CHAIN)
		return outcome;
	/*
	 * A head that is in flight cannot be offered again: to give the second
	 * one back would end the first, whose buffers are in use.
	 */
	head = fetch_head(vq);
	if (head >= vq->size || vmoon_vq_is_busy(vq, (uint16_t)head))
		return vmoon_vq_give_up(vq, vq->next_avail);
	vmoon_vq_flip_busy(vq, (uint16_t)head);
	vq->next_avail++;
	vq->in_flight++;
	vq->share--;
	outcome = walk(vq, (uint16_t)head, chain);
	if (outcome == VMOON_VQ_CHAIN)
		vq->counts.chains++;
	else
		vq->counts.malformed++;
	return outcome;
}

enum vmoon_vq_outcome vmoon_vq_next(struct vmoon_vq *vq,
				    struct vmoon_chain *chain)
{
	return take(vq, chain);
}

static NOINLINE void refuse(struct vmoon_vq *vq, struct vmoon_chain *chain)
{
	vmoon_guest_fault(&vq->host.faults, VMOON_GUEST_FAULT_REQUEST,
			  chain->head);
	chain->written = 0;
	vmoon_vq_push(vq, chain);
}

bool vmoon_vq_pop(struct vmoon_vq *vq, struct vmoon_chain *chain)
{
	enum vmoon_vq_outcome outcome;

	/* Each turn uses up some of the share. */
	while ((outcome = take(vq, chain)) == VMOON_VQ_MALFORMED)
		refuse(vq, chain);
	return outcome == VMOON_VQ_CHAIN;
}

enum vmoon_vq_outcome vmoon_vq_refetch(struct vmoon_vq *vq, uint16_t head,
				       struct vmoon_chain *chain)
{
	if (!vmoon_vq_is_live(vq) || head >= vq->size ||
	    !vmoon_vq_is_busy(vq, head))
		return VMOON_VQ_NONE;
	return walk(vq, head, chain);
}

void vmoon_vq_unpop(struct vmoon_vq *vq, struct vmoon_chain *chain)
{
	if (!vmoon_vq_is_live(vq) || chain->head >= vq->size ||
	    !vmoon_vq_is_busy(vq, chain->head))
		return;
	vmoon_vq_flip_busy(vq, chain->head);
	vq->next_avail--;
	vq->counts.chains--;
	vq->in_flight--;
	vq->share++;
	vq->is_drained = false;
}
