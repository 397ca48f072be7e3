/* SPDX-License-Identifier: MIT */
/* late_disk.h - a block backend in memory that completes when it is told. */
#ifndef VMOON_TESTS_LATE_DISK_H
#define VMOON_TESTS_LATE_DISK_H

#include "vmoon/backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LATE_DISK_MAX = 512, LATE_DISK_OPS = 5 };

struct late_disk {
	struct vmoon_block block;
	unsigned char *bytes; /* owned */
	struct vmoon_block_request *queue[LATE_DISK_MAX];
	unsigned count;
	unsigned done[LATE_DISK_OPS]; /* by op */
	unsigned submits, drains, destroys;
	/* The fail_at-th from now on (0: none) has moved fail_done bytes. */
	unsigned fail_at;
	int fail_errno;
	uint64_t fail_done;
};

static inline void late_disk_submit(struct vmoon_block *b,
				    struct vmoon_block_request *request)
{
	struct late_disk *d = VMOON_CONTAINER_OF(b, struct late_disk, block);

	if (d->count == LATE_DISK_MAX)
		abort();
	d->queue[d->count++] = request;
	d->submits++;
}

static inline void late_disk_drain(struct vmoon_block *b)
{
	struct late_disk *d = VMOON_CONTAINER_OF(b, struct late_disk, block);

	d->count = 0;
	d->drains++;
}

static inline void late_disk_destroy(struct vmoon_block *b)
{
	struct late_disk *d = VMOON_CONTAINER_OF(b, struct late_disk, block);

	d->count = 0;
	d->destroys++;
}

static const struct vmoon_block_ops late_disk_ops = {
	.submit = late_disk_submit,
	.drain = late_disk_drain,
	.destroy = late_disk_destroy,
};

/* Sector n is full of n + 1. */
static inline void late_disk_init(struct late_disk *d, uint64_t size)
{
	memset(d, 0, sizeof(*d));
	d->block.ops = &late_disk_ops;
	d->block.size_bytes = size;
	d->block.can_discard = true;
	d->bytes = malloc((size_t)size + 1);
	for (size_t i = 0; d->bytes != NULL && i < size; i++)
		d->bytes[i] = (unsigned char)(i / 512 + 1);
}

static inline void late_disk_fini(struct late_disk *d)
{
	free(d->bytes);
}

/* Up to max bytes of data; how many went. */
static inline uint64_t late_disk_move(struct late_disk *d,
				      struct vmoon_block_request *q,
				      uint64_t max)
{
	const bool is_read = q->op == VMOON_BLOCK_READ;
	const struct vmoon_gmem *gm = q->data.chain->gm;
	uint64_t done = 0;
	struct vmoon_seg seg;

	while (done < max && vmoon_cursor_next(&q->data, &seg)) {
		const uint64_t left = max - done;
		const size_t n = seg.len < left ? seg.len : (size_t)left;
		unsigned char *at = d->bytes + q->offset + done;

		if ((is_read ? vmoon_gmem_write(gm, seg.gpa, at, n)
			     : vmoon_gmem_read(gm, seg.gpa, at, n)) != VMOON_OK)
			break;
		done += n;
	}
	return done;
}

static inline void late_disk_execute(struct late_disk *d,
				     struct vmoon_block_request *q)
{
	uint64_t max = q->len;
	int error = 0;

	if (d->fail_at > 0 && --d->fail_at == 0) {
		max = d->fail_done;
		error = d->fail_errno;
	} else if (!vmoon_range_ok(q->offset, q->len, d->block.size_bytes)) {
		max = 0;
		error = EIO;
	}
	q->error = error;
	q->done = 0;
	if (q->op == VMOON_BLOCK_READ || q->op == VMOON_BLOCK_WRITE)
		q->done = late_disk_move(d, q, max);
	else if (error == 0 && q->op != VMOON_BLOCK_FLUSH)
		memset(d->bytes + q->offset, 0, (size_t)q->len);
	d->done[q->op] += error == 0;
}

/* Carries the i-th of those waiting out and completes it. */
static inline void late_disk_complete(struct late_disk *d, unsigned i)
{
	struct vmoon_block_request *q = d->queue[i];

	memmove(&d->queue[i], &d->queue[i + 1],
		(--d->count - i) * sizeof(d->queue[0]));
	late_disk_execute(d, q);
	q->complete(q->ctx, q);
}

#endif
