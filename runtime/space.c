/* SPDX-License-Identifier: MIT */
/* space.c - hands out ranges of an address space: ports, MMIO, lines. */
#include "space.h"

#include "vmoon/ckd.h"

#include <string.h>

enum vmoon_status vmoon_space_init(struct vmoon_space *space, uint64_t base,
				   uint64_t size, struct vmoon_error *err)
{
	uint64_t last;

	if (size == 0 || ckd_add(&last, base, size - 1))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "space 0x%llx+0x%llx is empty or too long",
				  (unsigned long long)base,
				  (unsigned long long)size);
	memset(space, 0, sizeof(*space));
	space->first = base;
	space->last = last;
	return VMOON_OK;
}

/* Index of the first block that ends at or above addr. */
static size_t first_at_or_above(const struct vmoon_space *s, uint64_t addr)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->blocks[mid].last < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The free range before block i (or behind the last), cut to the bounds. */
static bool gap_before(const struct vmoon_space *s, size_t i,
		       const struct vmoon_space_request *req, uint64_t *first,
		       uint64_t *last)
{
	*first = s->first;
	*last = s->last;
	if (i > 0) {
		if (s->blocks[i - 1].last == s->last)
			return false;
		*first = s->blocks[i - 1].last + 1;
	}
	if (i < s->count) {
		if (s->blocks[i].first == s->first)
			return false;
		*last = s->blocks[i].first - 1;
	}
	if (*first < req->low)
		*first = req->low;
	if (req->high != 0 && *last > req->high)
		*last = req->high;
	return *first <= *last && req->size - 1 <= *last - *first;
}

/* In a gap that is long enough but perhaps not where it is aligned. */
static bool place(const struct vmoon_space_request *req, uint64_t first,
		  uint64_t last, uint64_t *out)
{
	uint64_t at = last - (req->size - 1);

	if (req->policy == VMOON_SPACE_LAST) {
		*out = at & ~(req->align - 1);
		return *out >= first;
	}
	if (ckd_add(out, first, req->align - 1))
		return false;
	*out &= ~(req->align - 1);
	return *out <= at;
}

static bool find_room(const struct vmoon_space *s,
		      const struct vmoon_space_request *req, size_t *out_index,
		      uint64_t *out_base)
{
	uint64_t first, last;

	for (size_t n = 0; n <= s->count; n++) {
		size_t i = req->policy == VMOON_SPACE_LAST ? s->count - n : n;

		if (gap_before(s, i, req, &first, &last) &&
		    place(req, first, last, out_base)) {
			*out_index = i;
			return true;
		}
	}
	return false;
}

static enum vmoon_status find_exact(const struct vmoon_space *s,
				    const struct vmoon_space_request *req,
				    size_t *out_index, struct vmoon_error *err)
{
	const struct vmoon_space_block *b;
	uint64_t last;

	if (ckd_add(&last, req->at, req->size - 1) || req->at < s->first ||
	    last > s->last)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s: 0x%llx+0x%llx is not within "
				  "0x%llx..0x%llx",
				  req->owner, (unsigned long long)req->at,
				  (unsigned long long)req->size,
				  (unsigned long long)s->first,
				  (unsigned long long)s->last);
	*out_index = first_at_or_above(s, req->at);
	b = &s->blocks[*out_index];
	if (*out_index == s->count || b->first > last)
		return VMOON_OK;
	return vmoon_fail(
		err, VMOON_E_CONFIG, 0,
		"%s: 0x%llx..0x%llx overlaps %s at 0x%llx..0x%llx", req->owner,
		(unsigned long long)req->at, (unsigned long long)last, b->owner,
		(unsigned long long)b->first, (unsigned long long)b->last);
}

static enum vmoon_status check(const struct vmoon_space *s,
			       const struct vmoon_space_request *req,
			       struct vmoon_error *err)
{
	if (req->size == 0)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "%s: a size of 0",
				  req->owner);
	if (req->align == 0 || (req->align & (req->align - 1)) != 0)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: alignment 0x%llx is no power of two",
				  req->owner, (unsigned long long)req->align);
	if (req->policy == VMOON_SPACE_EXACT &&
	    (req->at & (req->align - 1)) != 0)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: 0x%llx is not aligned to 0x%llx",
				  req->owner, (unsigned long long)req->at,
				  (unsigned long long)req->align);
	if (s->count == VMOON_SPACE_BLOCKS_MAX)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s: no more than %d ranges", req->owner,
				  VMOON_SPACE_BLOCKS_MAX);
	return VMOON_OK;
}

enum vmoon_status vmoon_space_allocate(struct vmoon_space *space,
				       const struct vmoon_space_request *req,
				       uint64_t *out_base,
				       struct vmoon_error *err)
{
	enum vmoon_status st = check(space, req, err);
	uint64_t base = req->at;
	size_t i = 0;

	if (st == VMOON_OK && req->policy == VMOON_SPACE_EXACT)
		st = find_exact(space, req, &i, err);
	else if (st == VMOON_OK && !find_room(space, req, &i, &base))
		st = vmoon_fail(err, VMOON_E_CONFIG, 0,
				"%s: no room for 0x%llx aligned to 0x%llx",
				req->owner, (unsigned long long)req->size,
				(unsigned long long)req->align);
	if (st != VMOON_OK)
		return st;
	memmove(&space->blocks[i + 1], &space->blocks[i],
		(space->count - i) * sizeof(space->blocks[0]));
	space->blocks[i] = (struct vmoon_space_block){
		base, base + (req->size - 1), req->owner};
	space->count++;
	*out_base = base;
	return VMOON_OK;
}

enum vmoon_status vmoon_space_release(struct vmoon_space *space, uint64_t base,
				      uint64_t size, struct vmoon_error *err)
{
	size_t i = first_at_or_above(space, base);
	const struct vmoon_space_block *b = &space->blocks[i];

	if (i == space->count || b->first != base || size == 0 ||
	    b->last - b->first != size - 1)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "0x%llx+0x%llx was not allocated",
				  (unsigned long long)base,
				  (unsigned long long)size);
	space->count--;
	memmove(&space->blocks[i], &space->blocks[i + 1],
		(space->count - i) * sizeof(space->blocks[0]));
	return VMOON_OK;
}
