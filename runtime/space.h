/* SPDX-License-Identifier: MIT */
/* space.h - hands out ranges of an address space: ports, MMIO, lines. */
#ifndef VMOON_RUNTIME_SPACE_H
#define VMOON_RUNTIME_SPACE_H

#include "vmoon/base.h"
#include "vmoon/error.h"

/* More than a machine has windows; a full space refuses, it never grows. */
enum { VMOON_SPACE_BLOCKS_MAX = 160 };

struct vmoon_space_block {
	uint64_t first, last; /* inclusive: a block may end at the top */
	const char *owner;    /* borrowed: outlives the block; for messages */
};

/*
 * A plain value without memory of its own. What is free is what lies between
 * the blocks, so freed neighbours are one range at once. One thread at a time.
 */
struct vmoon_space {
	uint64_t first, last;
	struct vmoon_space_block blocks[VMOON_SPACE_BLOCKS_MAX]; /* sorted */
	size_t count;
};

enum vmoon_space_policy {
	VMOON_SPACE_FIRST, /* the lowest aligned address that fits */
	VMOON_SPACE_LAST,  /* the highest one */
	VMOON_SPACE_EXACT  /* `at` or nothing */
};

struct vmoon_space_request {
	const char *owner; /* borrowed until the block is freed */
	uint64_t size;
	uint64_t align; /* a power of two */
	enum vmoon_space_policy policy;
	uint64_t at;        /* EXACT */
	uint64_t low, high; /* bounds of FIRST and LAST, inclusive; high 0: none
			     */
};

/* E_INVAL for an empty space and for one that ends beyond 2^64 - 1. */
VMOON_STATUS vmoon_space_init(struct vmoon_space *space, uint64_t base,
			      uint64_t size, struct vmoon_error *err)
	VMOON_NONNULL(1);

/*
 * E_INVAL for a size of 0, an alignment that is no power of two and an address
 * that does not have it; E_CONFIG when there is no such room, naming who is in
 * the way of an EXACT one. Nothing changed then.
 */
VMOON_STATUS vmoon_space_allocate(struct vmoon_space *space,
				  const struct vmoon_space_request *req,
				  uint64_t *out_base, struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 3);

/* E_INVAL, and nothing changed, for all but a block exactly as allocated. */
VMOON_STATUS vmoon_space_release(struct vmoon_space *space, uint64_t base,
				 uint64_t size, struct vmoon_error *err)
	VMOON_NONNULL(1);

#endif
