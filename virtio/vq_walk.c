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

enum { TABLE_MAX = 65535 }; /* entries: what next can reach, and one less */

struct descriptor {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

/* What a chain is made of, while it is counted. */
struct parts {
	uint32_t count, readable_count, readable, total;
};

static bool fetch(const struct vmoon_gmem_window *table, uint32_t index,
		  struct descriptor *out)
{
	uint64_t raw[2];

	/* An index beyond the table is beyond the window. */
	if (!vmoon_gmem_window_get_le64x2(table, index * VMOON_VQ_DESC_BYTES,
					  raw))
		return false;
	out->addr = raw[0];
	out->len = (uint32_t)(raw[1] & UINT32_MAX);
	out->flags = (uint16_t)(raw[1] >> 32 & UINT16_MAX);
	out->next = (uint16_t)(raw[1] >> 48);
	return true;
}

/* 2.7.5.3: whole descriptors. */
static bool open_indirect(const struct vmoon_vq *vq, const struct descriptor *d,
			  struct vmoon_gmem_window *out)
{
	const uint32_t entries = d->len / VMOON_VQ_DESC_BYTES;

	return vq->has_indirect && entries > 0 && entries <= TABLE_MAX &&
	       d->len % VMOON_VQ_DESC_BYTES == 0 &&
	       vmoon_gmem_window_open(vq->gm, d->addr, d->len, out);
}

/* 2.7.4.2: the readable ones first; 2.7.5.2: 2^32 bytes are too many. */
static bool add_segment(struct vmoon_chain *chain, const struct descriptor *d,
			struct parts *p)
{
	const bool is_write = (d->flags & VMOON_VQ_DESC_F_WRITE) != 0;
	uint64_t end;

	if (!is_write && p->total != p->readable)
		return false;
	if (d->len == 0)
		return true;
	if (p->count == chain->cap || ckd_add(&end, d->addr, d->len) ||
	    ckd_add(&p->total, p->total, d->len))
		return false;
	chain->segs[p->count++] = (struct vmoon_seg){d->addr, d->len};
	if (!is_write) {
		p->readable = p->total;
		p->readable_count = p->count;
	}
	return true;
}

static enum vmoon_vq_outcome walk(const struct vmoon_vq *vq, uint16_t head,
				  struct vmoon_chain *chain, struct parts *p)
{
	const struct vmoon_gmem_window *table = &vq->desc;
	uint32_t entries = vq->size, steps = 0;
	struct vmoon_gmem_window indirect;
	struct descriptor d = {.next = head};

	do {
		if (steps++ == entries || !fetch(table, d.next, &d))
			return VMOON_VQ_MALFORMED;
		if ((d.flags & VMOON_VQ_DESC_F_INDIRECT) == 0) {
			if (!add_segment(chain, &d, p))
				return VMOON_VQ_MALFORMED;
			continue;
		}
		/* Its table is the rest of the chain: NEXT is void. */
		if (table != &vq->desc || !open_indirect(vq, &d, &indirect))
			return VMOON_VQ_MALFORMED;
		table = &indirect;
		entries = d.len / VMOON_VQ_DESC_BYTES;
		steps = 0;
		d = (struct descriptor){.flags = VMOON_VQ_DESC_F_NEXT};
	} while ((d.flags & VMOON_VQ_DESC_F_NEXT) != 0);
	return VMOON_VQ_CHAIN;
}

enum vmoon_vq_outcome vmoon_vq_walk(struct vmoon_vq *vq, uint16_t head,
				    struct vmoon_chain *chain)
{
	struct parts p = {0};
	const enum vmoon_vq_outcome outcome = walk(vq, head, chain, &p);

	chain->count = p.count;
	chain->readable_count = p.readable_count;
	chain->readable = p.readable;
	chain->writable = p.total - p.readable;
	chain->written = 0;
	chain->head = head;
	chain->gm = vq->gm;
	return outcome;
}
