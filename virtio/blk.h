/* SPDX-License-Identifier: MIT */
/* blk.h - a disk (VIRTIO 1.2, 5.2). */
#ifndef VMOON_VIRTIO_BLK_H
#define VMOON_VIRTIO_BLK_H

#include "vmoon/backend.h"
#include "vmoon/bucket.h"
#include "vmoon/devices.h"
#include "vmoon/virtio.h"

enum {
	VMOON_BLK_ID_BYTES = 20,
	VMOON_BLK_QUEUES_MAX = 8,
	VMOON_BLK_SECTOR = 512
};

struct vmoon_blk_config {
	struct vmoon_mem *mem;
	struct vmoon_block *take_backend; /* owned by the device from here on */
	const char *id;   /* at most 20 bytes, copied; NULL or "": none */
	unsigned queues;  /* 1..VMOON_BLK_QUEUES_MAX */
	bool is_readonly; /* or the backend is */
	bool has_flush;   /* offer FLUSH: cache is writeback */
	struct vmoon_disk_limits limits;
};

/* Takes cfg->take_backend, also on failure. */
VMOON_STATUS vmoon_blk_create(const struct vmoon_blk_config *cfg,
			      struct vmoon_virtio **out_vd,
			      struct vmoon_error *err) VMOON_NONNULL(1, 2);

/*
 * Rates and bursts are within the bounds of vmoon/bucket.h, and no burst is
 * less than 1/1024 of its rate, which could not be kept then. Burst 0: what
 * comes in a second, at most VMOON_BURST_MAX.
 */
bool vmoon_blk_limits_ok(const struct vmoon_disk_limits *limits)
	VMOON_NONNULL(1);

/* ---- the host's side, under the device's lock ---- */

/* The backend has another size: the driver is told of whole sectors. */
void vmoon_blk_resized(struct vmoon_virtio *vd) VMOON_NONNULL(1);
/* From now on, for what has not begun; limits are ok. */
void vmoon_blk_set_limits(struct vmoon_virtio *vd,
			  const struct vmoon_disk_limits *limits)
	VMOON_NONNULL(1, 2);
void vmoon_blk_stats(const struct vmoon_virtio *vd,
		     struct vmoon_disk_stats *out) VMOON_NONNULL(1, 2);
/* Borrowed: the backend it was given. */
struct vmoon_block *vmoon_blk_backend(struct vmoon_virtio *vd) VMOON_NONNULL(1);

#endif
