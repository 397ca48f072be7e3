/* SPDX-License-Identifier: MIT */
/*
 * array_disk.h - a disk in memory that logs, and fails on cue.
 *
 * It ships: a bench (vmoon/bench.h) has disks of this kind. Nothing happens
 * before vmoon_array_disk_work or _release says so; then a request moves its
 * bytes and is completed. What is drained has moved none.
 */
#ifndef VMOON_TESTS_ARRAY_DISK_H
#define VMOON_TESTS_ARRAY_DISK_H

#include "vmoon/backend.h"
#include "vmoon/mem.h"

enum {
	VMOON_ARRAY_DISK_FAULTS = 16, /* that wait at once */
	VMOON_ARRAY_DISK_LOG = 256,   /* entries that are kept: the newest */
	VMOON_ARRAY_DISK_ANY = -1     /* op of a fault: whichever */
};

struct vmoon_array_disk_config {
	struct vmoon_mem *mem;
	uint64_t size_bytes; /* not 0; all of it is taken from mem */
	bool is_readonly, can_discard, has_write_cache;
};

VMOON_STATUS vmoon_array_disk_create(const struct vmoon_array_disk_config *cfg,
				     struct vmoon_block **out_block,
				     struct vmoon_error *err)
	VMOON_NONNULL(1, 2);

/*
 * What happens to the nth request of op that is submitted from now on (the
 * first is 1) and, if is_sticky, to all after it. After at most moved bytes of
 * its data it ends with error; with error 0 it is carried on from there. A
 * held one waits for release.
 */
struct vmoon_array_disk_fault {
	int op; /* enum vmoon_block_op or ANY */
	uint64_t nth;
	bool is_sticky, is_held;
	int error;
	uint64_t moved;
};

/* False: too many wait, or nth is 0. */
bool vmoon_array_disk_fault(struct vmoon_block *b,
			    const struct vmoon_array_disk_fault *fault)
	VMOON_MUST_USE VMOON_NONNULL(1, 2);
/* Forgets all of them; what is held stays so. */
void vmoon_array_disk_clear_faults(struct vmoon_block *b) VMOON_NONNULL(1);

/* Completes the oldest that is not held; false: there is none. b as ctx. */
bool vmoon_array_disk_work(void *b) VMOON_NONNULL(1);
size_t vmoon_array_disk_held(const struct vmoon_block *b) VMOON_NONNULL(1);
/* Completes the i-th of those held, the oldest is 0; false: no such. */
bool vmoon_array_disk_release(struct vmoon_block *b, size_t i) VMOON_NONNULL(1);

/* What was done, as it was completed. */
struct vmoon_array_disk_entry {
	enum vmoon_block_op op;
	bool may_unmap;
	uint64_t offset, len;
	int error;
	uint64_t done;
};

/* Ever logged; drained requests are not. */
uint64_t vmoon_array_disk_logged(const struct vmoon_block *b) VMOON_NONNULL(1);
/* The i-th, from 0 on; false: not yet, or not any more. */
bool vmoon_array_disk_entry(const struct vmoon_block *b, uint64_t i,
			    struct vmoon_array_disk_entry *out)
	VMOON_NONNULL(1, 3);

/* Borrowed until the next resize: the content. */
unsigned char *vmoon_array_disk_bytes(struct vmoon_block *b) VMOON_NONNULL(1);
/* New bytes are 0. Tell the device (vmoon_blk_resized). E_INVAL for 0. */
VMOON_STATUS vmoon_array_disk_resize(struct vmoon_block *b, uint64_t bytes,
				     struct vmoon_error *err) VMOON_NONNULL(1);

#endif
