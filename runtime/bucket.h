/* SPDX-License-Identifier: MIT */
/* bucket.h - a token bucket in whole numbers: no drift, no overflow. */
#ifndef VMOON_RUNTIME_BUCKET_H
#define VMOON_RUNTIME_BUCKET_H

#include "lock.h"
#include "vmoon/base.h"
#include "vmoon/output.h"

#define VMOON_RATE_MAX (UINT64_C(1) << 40)
#define VMOON_BURST_MAX (UINT64_C(1) << 30)
/* A guest that waits longer for its console may take itself for hung. */
#define VMOON_STALL_SAFE_NS UINT64_C(10000000000)
/*
 * A burst is at least so much of a second's bytes, or a rate could not be kept
 * without a wake-up for every few of them.
 */
enum { VMOON_BURSTS_A_SECOND = 1024 };

/*
 * credit counts byte-nanoseconds a second: a byte costs 10^9, a nanosecond
 * brings rate. At most burst * 10^9 < 2^60 are kept.
 */
struct vmoon_bucket {
	uint64_t rate;  /* bytes a second; 0: no limit */
	uint64_t burst; /* bytes; not 0 when rate is not */
	uint64_t credit;
	uint64_t last_ns;
};

/* rate and burst are within their bounds. Full at the beginning. */
void vmoon_bucket_init(struct vmoon_bucket *b, uint64_t rate, uint64_t burst,
		       uint64_t now_ns) VMOON_NONNULL(1);
/* Another rate, from now on: what is in it stays, as far as burst goes. */
void vmoon_bucket_change(struct vmoon_bucket *b, uint64_t rate, uint64_t burst,
			 uint64_t now_ns) VMOON_NONNULL(1);
/* How many bytes may go now; UINT64_MAX without a limit. */
uint64_t vmoon_bucket_room(struct vmoon_bucket *b, uint64_t now_ns)
	VMOON_NONNULL(1);
/* At most what room said. */
void vmoon_bucket_spend(struct vmoon_bucket *b, uint64_t bytes)
	VMOON_NONNULL(1);
/* What was spent and not used. */
void vmoon_bucket_give_back(struct vmoon_bucket *b, uint64_t bytes)
	VMOON_NONNULL(1);
/*
 * How many bytes should go together: fewer cost a write each, more are no even
 * flow. UINT64_MAX without a limit.
 */
uint64_t vmoon_bucket_step(const struct vmoon_bucket *b) VMOON_NONNULL(1);
/* When bytes, or a burst if that is less, may go, if nothing is spent until
 * then. */
uint64_t vmoon_bucket_due(const struct vmoon_bucket *b, uint64_t bytes)
	VMOON_NONNULL(1);

/* ---- shared ones (vmoon_group_*): the same, of it and all its parents ---- */

struct vmoon_group {
	struct vmoon_mem *mem; /* borrowed */
	struct vmoon_group *parent;
	struct vmoon_lock lock; /* guards bucket; a leaf, held for a moment */
	struct vmoon_bucket bucket;
	const void *last, *next; /* who took, whose turn it is; or NULL */
	uint64_t next_until_ns;  /* and no longer than that */
};

/*
 * As many of bytes as may go now, which are spent, or 0 where that is less than
 * least. who is any address of the one that asks: whoever got none is the next
 * one, so that the first to ask each time does not get it all. group may be
 * NULL.
 */
uint64_t vmoon_group_take(struct vmoon_group *group, const void *who,
			  uint64_t least, uint64_t bytes, uint64_t now_ns);
/* Not used after all. */
void vmoon_group_give_back(struct vmoon_group *group, uint64_t bytes);
/* who is gone, or goes elsewhere: nobody waits for it to have its turn. */
void vmoon_group_forget(struct vmoon_group *group, const void *who);
/* The smallest step of them. */
uint64_t vmoon_group_step(struct vmoon_group *group);
/* When bytes, or a burst if that is less, may go at the earliest. */
uint64_t vmoon_group_due(struct vmoon_group *group, const void *who,
			 uint64_t bytes, uint64_t now_ns);

#endif
