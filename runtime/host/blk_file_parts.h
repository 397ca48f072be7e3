/* SPDX-License-Identifier: MIT */
/* blk_file_parts.h - inside a disk in a file: what its files share. */
#ifndef VMOON_RUNTIME_HOST_BLK_FILE_PARTS_H
#define VMOON_RUNTIME_HOST_BLK_FILE_PARTS_H

#include "host/blk_file.h"
#include "host/uring.h"
#include "lock.h"

#include <pthread.h>
#include <sys/uio.h>

enum {
	VMOON_BLK_IOVECS = 64,
	VMOON_BLK_BOUNCE = 64 * 1024,
	VMOON_BLK_ALIGN = 4096,
	/* EINTR and EAGAIN make no progress and are not endless. */
	VMOON_BLK_RETRIES = 1000
};

/* What one call transfers: some buffers of a request. */
struct vmoon_blk_piece {
	struct iovec iov[VMOON_BLK_IOVECS]; /* bases are borrowed */
	size_t first, count;                /* those that are left */
	uint64_t bytes;                     /* of all */
};

/*
 * The next buffers of the cursor, as many as one call takes; the cursor moves
 * past them. 0 or an errno. pass moves on by what was transferred.
 */
int vmoon_blk_piece_fill(struct vmoon_blk_piece *p, struct vmoon_cursor *at,
			 bool is_read) VMOON_NONNULL(1, 2);
void vmoon_blk_piece_pass(struct vmoon_blk_piece *p, size_t done)
	VMOON_NONNULL(1);
/* O_DIRECT takes it as it is. */
bool vmoon_blk_piece_is_aligned(const struct vmoon_blk_piece *p)
	VMOON_NONNULL(1);

struct vmoon_request_list {
	struct vmoon_block_request *first, *last; /* borrowed */
};

/*
 * A request is in one place at a time: submitted (any thread), under way (the
 * loop's thread, without a lock), finished (until it is told under the
 * device's lock). Lock order: the device's, then state_lock. What is under way
 * may never end: who has the device's lock waits a second at most (resize).
 */
struct vmoon_blk_file {
	struct vmoon_block block;
	struct vmoon_mem *mem; /* borrowed */
	int fd;                /* owned */
	bool is_regular, is_direct;
	bool is_unsafe; /* a flush is not needed to be one */
	bool may_uring; /* no test forbids it, and the file has use for it */

	struct vmoon_loop *loop;        /* borrowed; NULL: not attached */
	struct vmoon_lock *device_lock; /* borrowed */
	struct vmoon_loop_event submitted_event;

	struct vmoon_lock state_lock; /* guards what follows; a leaf */
	pthread_cond_t idle;          /* under_way became 0 */
	struct vmoon_request_list submitted, finished;
	unsigned under_way;
	bool is_draining;    /* the device is told when under_way is 0 */
	uint64_t epoch;      /* goes on with each drain */
	uint64_t size_bytes; /* of the file: block.size_bytes for the loop */

	/* The loop's thread's own. */
	bool has_failed_write;     /* the next flush is none */
	bool has_failed_flush;     /* no later one is: see flush */
	unsigned char *bounce_mem; /* owned, for O_DIRECT; or NULL */
	unsigned char *bounce;     /* the aligned part of it */
	struct vmoon_uring *uring; /* owned; NULL: all is done by the thread */
	struct vmoon_loop_fd uring_fd;
};

/* blk_file_io.c: one request to its end, on the calling thread. */
void vmoon_blk_file_transfer(struct vmoon_blk_file *f,
			     struct vmoon_block_request *request)
	VMOON_NONNULL(1, 2);
/*
 * A READ that is in the page cache, in one call. False: nothing is known of
 * it, and it is to be begun as if it had not been tried.
 */
bool vmoon_blk_file_read_now(const struct vmoon_blk_file *f,
			     struct vmoon_block_request *request)
	VMOON_NONNULL(1, 2);
/* What has to be so before it is begun; else its error is set. */
bool vmoon_blk_file_may_begin(struct vmoon_blk_file *f,
			      struct vmoon_block_request *request)
	VMOON_NONNULL(1, 2);
/* Whether a flush asks the host for anything. */
bool vmoon_blk_file_must_flush(const struct vmoon_blk_file *f) VMOON_NONNULL(1);
/* Notes an error that later flushes have to tell, and gives it back. */
int vmoon_blk_file_note(struct vmoon_blk_file *f, enum vmoon_block_op op,
			int error) VMOON_NONNULL(1);

#endif
