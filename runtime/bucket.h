/* SPDX-License-Identifier: MIT */
/* bucket.h (runtime) - token buckets that several outputs share. */
#ifndef VMOON_RUNTIME_BUCKET_H
#define VMOON_RUNTIME_BUCKET_H

#include "lock.h"
#include "vmoon/bucket.h"
#include "vmoon/output.h"

/* A guest that waits longer for its console may take itself for hung. */
#define VMOON_STALL_SAFE_NS UINT64_C(10000000000)

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
