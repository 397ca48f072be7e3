/* SPDX-License-Identifier: MIT */
/* backend.h - device kit: where a disk's bytes are. */
#ifndef VMOON_BACKEND_H
#define VMOON_BACKEND_H

#include "vmoon/base.h"
#include "vmoon/virtio.h"

#ifdef __cplusplus
extern "C" {
#endif

enum vmoon_block_op {
	VMOON_BLOCK_READ = 0,
	VMOON_BLOCK_WRITE = 1,
	VMOON_BLOCK_FLUSH = 2, /* what was acknowledged before survives */
	VMOON_BLOCK_DISCARD = 3,
	VMOON_BLOCK_ZEROES = 4
};

/*
 * One request, the caller's storage, the backend's from submit until complete
 * is called or drain has returned. offset and len are bytes, inside the disk
 * by the caller's check and again by the backend's own.
 */
struct vmoon_block_request {
	enum vmoon_block_op op;
	bool may_unmap; /* ZEROES: may give the space back */
	uint64_t offset, len;
	/* READ fills it, WRITE empties it: exactly len bytes are left in it. */
	struct vmoon_cursor data;
	/*
	 * What came of it: 0, or an errno. done is how many bytes of data were
	 * moved before that: len, when error is 0. A short transfer is carried
	 * on by the backend, or is an error.
	 */
	int error;
	uint64_t done;
	/* Called once, under the device's lock, never from inside submit. */
	void (*complete)(void *ctx, struct vmoon_block_request *request);
	void *ctx;                        /* borrowed */
	struct vmoon_block_request *next; /* the backend's while it has it */
};

struct vmoon_block;

/*
 * Static const. All of it is called under the device's lock. submit never
 * blocks and never fails: trouble is the request's error. drain forgets what
 * was submitted: complete is not called for it. True: none of it is under way
 * any more. False: the host is not done with some of it, which may go on to
 * touch guest memory; drained is called once when that is over, under the
 * device's lock, and nothing is submitted or drained until then. drain never
 * waits: a host that hangs would hold up whoever has the lock, and all who
 * want it. destroy waits, and calls nobody.
 */
struct vmoon_block_ops {
	void (*submit)(struct vmoon_block *b,
		       struct vmoon_block_request *request);
	bool (*drain)(struct vmoon_block *b);
	void (*destroy)(struct vmoon_block *b); /* frees b itself */
};

/* Embed as a member. */
struct vmoon_block {
	const struct vmoon_block_ops *ops;
	uint64_t size_bytes; /* changes only under the device's lock */
	bool is_readonly;
	bool can_discard;     /* DISCARD and may_unmap give space back */
	bool has_write_cache; /* what is not flushed may be lost */
	/* The device's, which sets them at its creation. */
	void (*drained)(void *ctx);
	void *drained_ctx; /* borrowed */
};

#ifdef __cplusplus
}
#endif

#endif
