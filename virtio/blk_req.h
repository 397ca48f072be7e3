/* SPDX-License-Identifier: MIT */
/* blk_req.h - what a disk's driver asks for (VIRTIO 1.2, 5.2.6). Pure. */
#ifndef VMOON_VIRTIO_BLK_REQ_H
#define VMOON_VIRTIO_BLK_REQ_H

#include "vmoon/virtio.h"

/* What goes into the status byte. NONE: there is no place for one. */
enum vmoon_blk_status {
	VMOON_BLK_OK = 0,
	VMOON_BLK_IOERR = 1,
	VMOON_BLK_UNSUPP = 2,
	VMOON_BLK_NONE = 3
};

enum vmoon_blk_type {
	VMOON_BLK_IN = 0,
	VMOON_BLK_OUT = 1,
	VMOON_BLK_FLUSH = 4,
	VMOON_BLK_GET_ID = 8,
	VMOON_BLK_DISCARD = 11,
	VMOON_BLK_ZEROES = 13
};

/*
 * Each range costs the host work: zeroes are written where they cannot be
 * punched, so one request is at most 128 MiB of that, or 32 GiB of holes.
 */
enum {
	VMOON_BLK_RANGES_MAX = 16,
	VMOON_BLK_DISCARD_SECTORS_MAX = 1 << 22,
	VMOON_BLK_ZEROES_SECTORS_MAX = 1 << 14
};

struct vmoon_blk_range {
	uint64_t offset; /* bytes, inside the disk */
	uint32_t len;
	bool may_unmap;
};

/* What the disk is at the moment, and what its driver has negotiated. */
struct vmoon_blk_facts {
	uint64_t bytes; /* whole sectors */
	bool is_readonly, has_flush, has_discard, has_zeroes, has_id;
};

/* A request that can be carried out as it is: nothing need be looked at. */
struct vmoon_blk_req {
	enum vmoon_blk_type type;
	uint64_t offset, len;     /* IN, OUT: bytes, inside the disk */
	struct vmoon_cursor data; /* IN, OUT: of len bytes; GET_ID: of 20 */
	unsigned range_count;     /* DISCARD, ZEROES */
	struct vmoon_blk_range ranges[VMOON_BLK_RANGES_MAX];
};

/*
 * VMOON_BLK_OK when it can be done, else what the driver is told; out is not
 * to be used then. Fetches header and ranges once, writes nothing.
 */
enum vmoon_blk_status vmoon_blk_parse(struct vmoon_chain *chain,
				      const struct vmoon_blk_facts *facts,
				      struct vmoon_blk_req *out) VMOON_MUST_USE
	VMOON_NONNULL(1, 2, 3);

/*
 * The last byte of the writable part, wherever the buffers end (5.2.6.4), by
 * its address: data that is no RAM is no reason not to say so. False, and
 * nothing written: there is none, or it is no RAM.
 */
bool vmoon_blk_answer(struct vmoon_chain *chain,
		      enum vmoon_blk_status status) VMOON_MUST_USE
	VMOON_NONNULL(1);

#endif
