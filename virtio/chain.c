/* SPDX-License-Identifier: MIT */
/* chain.c - the bytes of a chain: cursors over its two parts. */
#include "vmoon/virtio.h"

enum vmoon_status vmoon_chain_reader(struct vmoon_chain *chain,
				     struct vmoon_cursor *out)
{
	if (!vmoon_gmem_segs_ok(chain->gm, chain->segs, chain->readable_count))
		return VMOON_E_FAULT;
	*out = (struct vmoon_cursor){.chain = chain, .left = chain->readable};
	return VMOON_OK;
}

enum vmoon_status vmoon_chain_writer(struct vmoon_chain *chain,
				     struct vmoon_cursor *out)
{
	const uint32_t first = chain->readable_count;

	if (!vmoon_gmem_segs_ok(chain->gm, chain->segs + first,
				chain->count - first))
		return VMOON_E_FAULT;
	*out = (struct vmoon_cursor){
		.chain = chain, .seg = first, .left = chain->writable};
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

/* Nearly always one segment has all of it, which its copy checks. */

size_t vmoon_cursor_read(struct vmoon_cursor *c, void *dst, size_t len)
{
	const size_t want = len < c->left ? len : c->left;
	struct vmoon_seg s;

	if (want == 0)
		return 0;
	s = here(c, want);
	if (s.len != want)
		return read_several(c, dst, want);
	if (vmoon_gmem_read(c->chain->gm, s.gpa, dst, want) != VMOON_OK)
		return 0;
	advance(c, s.len);
	return want;
}

size_t vmoon_cursor_write(struct vmoon_cursor *c, const void *src, size_t len)
{
	size_t want = len < c->left ? len : c->left;
	struct vmoon_seg s;

	if (want == 0)
		return 0;
	s = here(c, want);
	if (s.len != want)
		want = write_several(c, src, want);
	else if (vmoon_gmem_write(c->chain->gm, s.gpa, src, want) == VMOON_OK)
		advance(c, s.len);
	else
		return 0;
	c->chain->written += (uint32_t)want;
	return want;
}

enum vmoon_status vmoon_cursor_read_exact(struct vmoon_cursor *c, void *dst,
					  size_t len)
{
	return len <= c->left && vmoon_cursor_read(c, dst, len) == len
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
