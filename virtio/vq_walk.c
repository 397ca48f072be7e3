/* SPDX-License-Identifier: MIT */
/*
 * vq_walk.c - takes chains from a queue: a head, then its descriptors.
 *
 * The guest may change a table while it is walked. Each descriptor is copied
 * once and judged by its copy; no more are looked at than the table has.
 *
 * Spec: VIRTIO 1.2, 2.7.4 to 2.7.6.
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

/* A chain while its descriptors are added. */
struct walk {
	struct vmoon_seg *at, *end; /* where the next one goes, and none more */
	uint32_t total;             /* bytes */
	uint32_t part;              /* now: 0, or VMOON_VQ_DESC_F_WRITE */
	uint32_t next;              /* entry of the table */
	struct vmoon_seg indirect;  /* the table that has the rest */
};

static inline void end_readable(struct vmoon_chain *chain, const struct walk *w)
{
	chain->readable_count = (uint32_t)(w->at - chain->segs);
	chain->readable = w->total;
}

static inline void keep(struct vmoon_chain *chain, const struct walk *w)
{
	if (w->part == 0)
		end_readable(chain, w);
	chain->count = (uint32_t)(w->at - chain->segs);
	chain->writable = w->total - chain->readable;
}

/* Nobody may take what there is for a chain. */
static NOINLINE enum vmoon_vq_outcome drop(struct vmoon_chain *chain)
{
	chain->count = chain->readable_count = 0;
	chain->readable = chain->writable = 0;
	return VMOON_VQ_MALFORMED;
}

/* 2.7.4.2: the readable ones first. Empty ones begin nothing. */
static inline bool change_part(struct vmoon_chain *chain, struct walk *w,
			       uint32_t part, uint32_t len)
{
	if (part == 0)
		return false;
	if (len != 0) {
		end_readable(chain, w);
		w->part = part;
	}
	return true;
}

/* Empty ones are left out. 2.7.5.2: 2^32 bytes are too many. */
static inline ALWAYS_INLINE bool add_segment(struct vmoon_chain *chain,
					     struct walk *w,
					     struct vmoon_seg seg,
					     uint32_t part)
{
	vmoon_gpa end;

	if (part != w->part && !change_part(chain, w, part, seg.len))
		return false;
	if (seg.len == 0)
		return true;
	if (w->at == w->end || ckd_add(&end, seg.gpa, seg.len) ||
	    ckd_add(&w->total, w->total, seg.len))
		return false;
	*w->at++ = seg;
	return true;
}

/*
 * Adds the descriptors from w->next on, as many as the table has at most.
 * NONE: there is an indirect one, and what came before it is added.
 */
static inline ALWAYS_INLINE enum vmoon_vq_outcome follow(
	const struct vmoon_gmem_window *table, bool is_plain,
	struct vmoon_chain *chain, struct walk *w)
{
	const struct vmoon_gmem_window t = *table; /* in registers */
	const uint32_t entries = (uint32_t)(t.len / VMOON_VQ_DESC_BYTES);

	for (uint32_t left = entries; left > 0; left--) {
		const uint32_t off = w->next * VMOON_VQ_DESC_BYTES;
		struct vmoon_seg seg;
		uint64_t raw[2];
		uint32_t flags;

		/* An index beyond the table is beyond the window. */
		if (is_plain ? !vmoon_gmem_window_try_get_le64x2(&t, off, raw)
			     : !vmoon_gmem_window_get_le64x2(&t, off, raw))
			break;
		seg.gpa = raw[0];
		seg.len = (uint32_t)(raw[1] & UINT32_MAX);
		flags = (uint32_t)(raw[1] >> 32);
		w->next = flags >> 16;
		if ((flags & VMOON_VQ_DESC_F_INDIRECT) != 0) {
			w->indirect = seg;
			return VMOON_VQ_NONE;
		}
		if (!add_segment(chain, w, seg, flags & VMOON_VQ_DESC_F_WRITE))
			break;
		if ((flags & VMOON_VQ_DESC_F_NEXT) == 0)
			return VMOON_VQ_CHAIN;
	}
	return VMOON_VQ_MALFORMED;
}

/* The rest of a chain is all that the table has. */
static inline ALWAYS_INLINE enum vmoon_vq_outcome follow_rest(
	const struct vmoon_gmem_window *table, bool is_plain,
	struct vmoon_chain *chain)
{
	struct walk w = {.at = chain->segs + chain->count,
			 .end = chain->segs + chain->cap,
			 .total = chain->readable + chain->writable,
			 .part = chain->writable != 0 ? VMOON_VQ_DESC_F_WRITE
						      : 0};

	if (follow(table, is_plain, chain, &w) != VMOON_VQ_CHAIN)
		return drop(chain);
	keep(chain, &w);
	return VMOON_VQ_CHAIN;
}

static NOINLINE enum vmoon_vq_outcome follow_rest_anywhere(
	const struct vmoon_gmem_window *table, struct vmoon_chain *chain)
{
	return follow_rest(table, false, chain);
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
	return vmoon_gmem_window_is_plain(&table)
		       ? follow_rest(&table, true, chain)
		       : follow_rest_anywhere(&table, chain);
}

/* CHAIN or MALFORMED. */
static inline ALWAYS_INLINE enum vmoon_vq_outcome walk(
	const struct vmoon_vq *vq, bool is_plain, uint16_t head,
	struct vmoon_chain *chain)
{
	struct walk w = {.at = chain->segs,
			 .end = chain->segs + chain->cap,
			 .next = head};
	enum vmoon_vq_outcome outcome;

	chain->written = 0;
	chain->head = head;
	chain->gm = vq->gm;
	outcome = follow(&vq->desc, is_plain, chain, &w);
	if (outcome == VMOON_VQ_MALFORMED)
		return drop(chain);
	keep(chain, &w);
	return outcome == VMOON_VQ_CHAIN
		       ? outcome
		       : follow_indirect(vq, w.indirect, chain);
}

static NOINLINE enum vmoon_vq_outcome walk_anywhere(const struct vmoon_vq *vq,
						    uint16_t head,
						    struct vmoon_chain *chain)
{
	return walk(vq, false, head, chain);
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

/* NO_HEAD: no RAM. */
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

	if (!vmoon_vq_is_live(vq) || vq->next_avail == vq->share_end)
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
	if (head >= vq->size || vmoon_vq_is_busy(vq, head))
		return vmoon_vq_give_up(vq, vq->next_avail);
	vmoon_vq_flip_busy(vq, head);
	vq->next_avail++;
	outcome = vmoon_gmem_window_is_plain(&vq->desc)
			  ? walk(vq, true, (uint16_t)head, chain)
			  : walk_anywhere(vq, (uint16_t)head, chain);
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
	return walk_anywhere(vq, head, chain);
}

bool vmoon_vq_pop_again(struct vmoon_vq *vq, uint16_t head,
			struct vmoon_chain *chain)
{
	const enum vmoon_vq_outcome outcome = vmoon_vq_refetch(vq, head, chain);

	if (outcome != VMOON_VQ_MALFORMED)
		return outcome == VMOON_VQ_CHAIN;
	vmoon_guest_fault(&vq->host.faults, VMOON_GUEST_FAULT_REQUEST, head);
	chain->written = 0;
	vmoon_vq_push(vq, chain);
	return false;
}

void vmoon_vq_unpop(struct vmoon_vq *vq, struct vmoon_chain *chain)
{
	if (!vmoon_vq_is_live(vq) || chain->head >= vq->size ||
	    !vmoon_vq_is_busy(vq, chain->head))
		return;
	vmoon_vq_flip_busy(vq, chain->head);
	vq->next_avail--;
	vq->counts.chains--;
	vq->is_drained = false;
}
