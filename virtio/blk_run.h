/* SPDX-License-Identifier: MIT */
/* blk_run.h - a disk's requests: where they are kept and how they go on. */
#ifndef VMOON_VIRTIO_BLK_RUN_H
#define VMOON_VIRTIO_BLK_RUN_H

#include "blk.h"
#include "blk_limit.h"
#include "blk_req.h"

/* Data, and header and status in as many pieces as they have bytes. */
enum {
	VMOON_BLK_DATA_SEGS = 126,
	VMOON_BLK_SEGS = VMOON_BLK_DATA_SEGS + 17,
	VMOON_BLK_QUEUE_SIZE = 256,
	VMOON_BLK_POOL = 256,
	VMOON_BLK_CONFIG_BYTES = 60
};

#define VMOON_BLK_F_RO (UINT64_C(1) << 5)
#define VMOON_BLK_F_FLUSH (UINT64_C(1) << 9)
#define VMOON_BLK_F_DISCARD (UINT64_C(1) << 13)
#define VMOON_BLK_F_WRITE_ZEROES (UINT64_C(1) << 14)

enum vmoon_blk_job_state {
	VMOON_BLK_FREE = 0,
	VMOON_BLK_BUSY,
	VMOON_BLK_LOADED /* in flight in a snapshot: fetched by activate */
};

struct vmoon_blk_job {
	struct vmoon_chain chain;
	struct vmoon_block_request io; /* the backend's while it works */
	struct vmoon_blk_req req;
	enum vmoon_blk_job_state state;
	bool is_stabilising;   /* io is the flush of what was written */
	unsigned queue, range; /* range: of those, the next one */
	uint16_t head;
	struct vmoon_blk_job *next_free;
	struct vmoon_seg segs[VMOON_BLK_SEGS];
};

struct vmoon_blk {
	struct vmoon_virtio vd;
	struct vmoon_mem *mem;    /* borrowed */
	struct vmoon_block *disk; /* owned */
	unsigned char config[VMOON_BLK_CONFIG_BYTES];
	char id[VMOON_BLK_ID_BYTES];                   /* padded with 0 */
	uint64_t features;                             /* negotiated */
	struct vmoon_vq *queues[VMOON_BLK_QUEUES_MAX]; /* borrowed */
	/* Owned: VMOON_BLK_POOL of them. The first touched ones were in use
	 * once; the host need not have memory for the others. */
	struct vmoon_blk_job *pool;
	struct vmoon_blk_job *free; /* of those touched */
	unsigned touched;
	unsigned starved, next_starved; /* queues, a bit each; whose turn */
	bool is_notifying;              /* the transport signals */
	bool has_lost_write;            /* since the last FLUSH */
	bool is_draining;               /* reset, but the backend is not done */
	struct vmoon_blk_limit limit;
	struct vmoon_disk_stats stats;
};

/* The end of the file that is no whole sector is not there. */
uint64_t vmoon_blk_disk_bytes(const struct vmoon_blk *b) VMOON_NONNULL(1);
/* Asks for the queues that wait for a limit. */
void vmoon_blk_kick_line(const struct vmoon_blk *b) VMOON_NONNULL(1);
/* Serves the queue until it is empty or no more can be begun. */
void vmoon_blk_serve(struct vmoon_blk *b, unsigned queue) VMOON_NONNULL(1);
/* NULL: all are in flight. */
struct vmoon_blk_job *vmoon_blk_take_job(struct vmoon_blk *b, unsigned queue,
					 enum vmoon_blk_job_state state)
	VMOON_NONNULL(1);
/* Carries out what was loaded; its queues are live. */
void vmoon_blk_begin_loaded(struct vmoon_blk *b) VMOON_NONNULL(1);
/* Nothing is in flight and nobody waits; the backend has nothing any more. */
void vmoon_blk_forget(struct vmoon_blk *b) VMOON_NONNULL(1);

#endif
