/* SPDX-License-Identifier: MIT */
/* chain.c - the bytes of a chain: cursors over its two parts. */
#include "vmoon/virtio.h"

/* Member by member: a whole one would be made elsewhere and copied. */
static inline void begin(struct vmoon_cursor *c, struct vmoon_chain *chain,
			 uint32_t seg, uint32_t left)
{
	c->chain = chain;
	c->seg = seg;
	c->off = 0;
	c->left = left;
	c->done = 0;
}

enum vmoon_status vmoon_chain_reader(struct vmoon_chain *chain,
				     struct vmoon_cursor *out)
{
	if (!vmoon_gmem_segs_ok(chain->gm, chain->segs, chain->readable_count))
		return VMOON_E_FAULT;
	begin(out, chain, 0, chain->readable);
	return VMOON_OK;
}

enum vmoon_status vmoon_chain_writer(struct vmoon_chain *chain,
				     struct vmoon_cursor *out)
{
	const uint32_t first = chain->readable_count;

	if (!vmoon_gmem_segs_ok(chain->gm, chain->segs + first,
				chain->count - first))
		return VMOON_E_FAULT;
	begin(out, chain, first, chain->writable);
	return VMOON_OK;
}

/* The range at c, at most len bytes of one segment. c->left is not 0. */
static struct vmoon_seg here(const struct vmoon_cursor *c, size_t len)
{
	const struct vmoon_seg *s = &c->chain->segs[c->seg];
	const uint32_t rest = s->len - c->off;
	uint32_t n = rest < c->left ? rest : c->left;

	if (len < n)
		n = (uint32_t)len;
	return (struct vmoon_seg){s->gpa + c->off, n};
}

/* At most what here said. */
static void advance(struct vmoon_cursor *c, uint32_t len)
{
	c->off += len;
	c->left -= len;
	c->done += len;
	if (c->off == c->chain->segs[c->seg].len) {
		c->seg++;
		c->off = 0;
	}
}

bool vmoon_cursor_next(struct vmoon_cursor *c, struct vmoon_seg *out)
{
	if (c->left == 0)
		return false;
	*out = here(c, UINT32_MAX);
	advance(c, out->len);
	return true;
}

void vmoon_cursor_skip(struct vmoon_cursor *c, uint32_t len)
{
	if (len > c->left)
		len = c->left;
	while (len > 0) { /* a segment each */
		const struct vmoon_seg s = here(c, len);

		advance(c, s.len);
		len -= s.len;
	}
}

/* Whether the next len bytes are RAM; they are left. */
static bool is_ram(const struct vmoon_cursor *c, size_t len)
{
	struct vmoon_cursor at = *c;

	while (len > 0) { /* a segment each */
		const struct vmoon_seg s = here(&at, len);

		if (!vmoon_gmem_range_ok(c->chain->gm, s.gpa, s.len))
			return false;
		advance(&at, s.len);
		len -= s.len;
	}
	return true;
}

static size_t read_several(struct vmoon_cursor *c, unsigned char *to,
			   size_t want)
{
	struct vmoon_cursor at = *c;

	for (size_t done = 0; done < want;) {
		const struct vmoon_seg s = here(&at, want - done);

		if (vmoon_gmem_read(c->chain->gm, s.gpa, to + done, s.len) !=
		    VMOON_OK)
			return 0;
		advance(&at, s.len);
		done += s.len;
	}
	*c = at;
	return want;
}

static size_t write_several(struct vmoon_cursor *c, const unsigned char *from,
			    size_t want)
{
	if (!is_ram(c, want))
		return 0;
	for (size_t done = 0; done < want;) {
		const struct vmoon_seg s = here(c, want - done);

		if (vmoon_gmem_write(c->chain->gm, s.gpa, from + done, s.len) !=
		    VMOON_OK)
			return 0;
		advance(c, s.len);
		done += s.len;
	}
	return want;
}

/*
 * Nearly always one segment has all of it, which its copy checks. Where len is
 * 0 or too much it has not.
 */
static inline bool is_in_one(const struct vmoon_cursor *c, size_t len)
{
	return len - 1 < c->left && len <= c->chain->segs[c->seg].len - c->off;
}

static inline size_t read_one(struct vmoon_cursor *c, void *dst, size_t len)
{
	const struct vmoon_seg *s = &c->chain->segs[c->seg];

	if (vmoon_gmem_read(c->chain->gm, s->gpa + c->off, dst, len) !=
	    VMOON_OK)
		return 0;
	advance(c, (uint32_t)len);
	return len;
}

size_t vmoon_cursor_read(struct vmoon_cursor *c, void *dst, size_t len)
{
	return is_in_one(c, len)
		       ? read_one(c, dst, len)
		       : read_several(c, dst, len < c->left ? len : c->left);
}

static inline size_t write_one(struct vmoon_cursor *c, const void *src,
			       size_t len)
{
	const struct vmoon_seg *s = &c->chain->segs[c->seg];

	if (vmoon_gmem_write(c->chain->gm, s->gpa + c->off, src, len) !=
	    VMOON_OK)
		return 0;
	advance(c, (uint32_t)len);
	return len;
}

size_t vmoon_cursor_write(struct vmoon_cursor *c, const void *src, size_t len)
{
	const size_t done =
		is_in_one(c, len)
			? write_one(c, src, len)
			: write_several(c, src, len < c->left ? len : c->left);

	c->chain->written += (uint32_t)done;
	return done;
}

enum vmoon_status vmoon_cursor_read_exact(struct vmoon_cursor *c, void *dst,
					  size_t len)
{
	if (is_in_one(c, len))
		return read_one(c, dst, len) == len ? VMOON_OK : VMOON_E_FAULT;
	return len <= c->left && read_several(c, dst, len) == len
		       ? VMOON_OK
		       : VMOON_E_FAULT;
}

enum vmoon_status vmoon_cursor_write_exact(struct vmoon_cursor *c,
					   const void *src, size_t len)
{
	return len <= c->left && vmoon_cursor_write(c, src, len) == len
		       ? VMOON_OK
		       : VMOON_E_FAULT;
}

enum vmoon_status vmoon_cursor_split(struct vmoon_cursor *c, uint32_t off,
				     struct vmoon_cursor *out_tail)
{
	struct vmoon_cursor tail = *c;

	if (off > c->left)
		return VMOON_E_INVAL;
	vmoon_cursor_skip(&tail, off);
	tail.done = 0;
	c->left = off;
	*out_tail = tail;
	return VMOON_OK;
}

void vmoon_chain_add_written(struct vmoon_chain *chain, uint32_t len)
{
	chain->written += len;
}
