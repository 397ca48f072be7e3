/* SPDX-License-Identifier: MIT */
/* fake_dest.h - a destination that records, takes little, or fails on cue. */
#ifndef VMOON_TESTS_FAKE_DEST_H
#define VMOON_TESTS_FAKE_DEST_H

#include "runtime/output.h"

#include <string.h>

/* All zero but bytes and cap: takes everything. Storage is the test's. */
struct fake_dest {
	struct vmoon_dest dest;
	unsigned char *bytes; /* the first cap bytes that were taken; or NULL */
	size_t cap, len;
	uint64_t taken;  /* in all */
	size_t take_max; /* of one write; 0: all */
	int error;       /* what the next fail_count writes fail with */
	unsigned fail_count;
	unsigned calls, destroyed;
};

static inline ssize_t fake_dest_write(struct vmoon_dest *dest, const void *buf,
				      size_t len)
{
	struct fake_dest *d = (struct fake_dest *)(void *)dest; /* first */
	size_t n = d->take_max != 0 && len > d->take_max ? d->take_max : len;
	size_t kept;

	d->calls++;
	if (d->fail_count > 0) {
		d->fail_count--;
		return -d->error;
	}
	kept = n < d->cap - d->len ? n : d->cap - d->len;
	if (kept > 0)
		memcpy(d->bytes + d->len, buf, kept);
	d->len += kept;
	d->taken += n;
	return (ssize_t)n;
}

static inline void fake_dest_destroy(struct vmoon_dest *dest)
{
	((struct fake_dest *)(void *)dest)->destroyed++;
}

static inline struct vmoon_dest *fake_dest_init(struct fake_dest *d,
						unsigned char *bytes,
						size_t cap)
{
	static const struct vmoon_dest_ops ops = {.write = fake_dest_write,
						  .destroy = fake_dest_destroy};

	*d = (struct fake_dest){
		.dest = {&ops}, .bytes = bytes, .cap = bytes == NULL ? 0 : cap};
	return &d->dest;
}

#endif
