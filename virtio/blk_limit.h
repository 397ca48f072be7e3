/* SPDX-License-Identifier: MIT */
/* blk_limit.h - what a disk may do a second, and whose turn it is. Pure. */
#ifndef VMOON_VIRTIO_BLK_LIMIT_H
#define VMOON_VIRTIO_BLK_LIMIT_H

#include "blk.h"

enum { VMOON_BLK_BUCKETS = 6 };

/*
 * A request may go when each bucket that it draws from holds its price, or is
 * full where the price is more than it can hold; that debt is paid with time.
 * What may not go waits in line: until then no other queue draws from these
 * buckets. A queue has one place at most and takes a new one for each request,
 * so all queues that wait get one request after another.
 */
struct vmoon_blk_limit {
	struct vmoon_bucket buckets[VMOON_BLK_BUCKETS];
	uint64_t tickets; /* given so far */
	struct {
		uint64_t ticket; /* 0: not in line */
		uint64_t due_ns; /* UINT64_MAX: when those before it went */
		unsigned draws;  /* a bit a bucket */
	} line[VMOON_BLK_QUEUES_MAX];
};

struct vmoon_blk_price {
	uint32_t bytes, ops;
	bool is_write;
};

void vmoon_blk_limit_init(struct vmoon_blk_limit *l,
			  const struct vmoon_disk_limits *limits,
			  uint64_t now_ns) VMOON_NONNULL(1, 2);
/* From now on. Who is in line asks again. */
void vmoon_blk_limit_change(struct vmoon_blk_limit *l,
			    const struct vmoon_disk_limits *limits,
			    uint64_t now_ns) VMOON_NONNULL(1, 2);

/* True: it goes, is paid for and no longer in line. False: it is in line. */
bool vmoon_blk_limit_take(struct vmoon_blk_limit *l, unsigned queue,
			  const struct vmoon_blk_price *price,
			  uint64_t now_ns) VMOON_MUST_USE VMOON_NONNULL(1, 3);
void vmoon_blk_limit_leave(struct vmoon_blk_limit *l, unsigned queue)
	VMOON_NONNULL(1);
void vmoon_blk_limit_leave_all(struct vmoon_blk_limit *l) VMOON_NONNULL(1);
bool vmoon_blk_limit_is_waiting(const struct vmoon_blk_limit *l, unsigned queue)
	VMOON_NONNULL(1);
/* When the next of the line may go; UINT64_MAX: nobody waits. */
uint64_t vmoon_blk_limit_due(const struct vmoon_blk_limit *l) VMOON_NONNULL(1);

#endif
