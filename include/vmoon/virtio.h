/* SPDX-License-Identifier: MIT */
/* virtio.h - device kit: a virtio device, its queues, its requests. */
#ifndef VMOON_VIRTIO_H
#define VMOON_VIRTIO_H

#include "vmoon/base.h"
#include "vmoon/device.h"
#include "vmoon/error.h"
#include "vmoon/gmem.h"
#include "vmoon/state.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Virtual I/O Device (VIRTIO) 1.2. A device knows no transport: whoever
 * carries it (virtio/mmio.h) owns status, feature negotiation, queue set-up
 * and interrupts; the device owns what requests mean. How a ring lies in
 * memory is hidden: a device sees chains of buffers and nothing else.
 *
 * All calls into a device, and all it makes from here, come one at a time
 * under its lock (see device.h). None may block.
 */

struct vmoon_vq; /* one queue, the device's side; owned by the transport */
struct vmoon_virtio;

/* ---- a request ---- */

/*
 * A chain of buffers, popped from a queue: first those the device reads, then
 * those it writes. Each descriptor was fetched once, by vmoon_vq_pop; the sum
 * of all lengths fits 32 bits and no buffer wraps, but whether it is RAM is
 * judged by each access. The storage is the device's and may outlive the call:
 * a chain that is not pushed yet is a request in flight.
 */
struct vmoon_chain {
	/* Borrowed from the device; none is empty: those are left out. */
	struct vmoon_seg *segs;
	uint32_t cap; /* of these: longer chains are malformed */
	/* What pop fills in: */
	uint32_t count, readable_count; /* segs, and how many come first */
	uint32_t readable, writable;    /* bytes */
	uint32_t written;               /* so far: what used.len will be */
	uint16_t head;
	const struct vmoon_gmem *gm; /* borrowed while the chain is in flight */
};

static inline void vmoon_chain_init(struct vmoon_chain *chain,
				    struct vmoon_seg *segs, uint32_t cap)
{
	chain->segs = segs;
	chain->cap = cap;
	chain->count = chain->readable_count = 0;
	chain->readable = chain->writable = chain->written = 0;
	chain->head = 0;
	chain->gm = NULL;
}

/*
 * The next chain, false when there is none to be had now. What the guest made
 * malformed is returned to it with length 0, counted, and never seen here.
 * From a ring that is impossible nothing comes any more until the device is
 * reset. A call of notify gets at most as many chains as the queue has
 * entries; then it is called again after others had their turn.
 */
VMOON_API bool vmoon_vq_pop(struct vmoon_vq *vq,
			    struct vmoon_chain *chain) VMOON_MUST_USE
	VMOON_NONNULL(1, 2);
/*
 * Gives a chain back to the driver with chain->written as its length. Chains
 * may come back in any order. The driver is told by vmoon_vq_signal, which is
 * done after each notify as well.
 */
VMOON_API void vmoon_vq_push(struct vmoon_vq *vq, struct vmoon_chain *chain)
	VMOON_NONNULL(1, 2);
/* Interrupts the guest if it wants to know of what was pushed. */
VMOON_API void vmoon_vq_signal(struct vmoon_vq *vq) VMOON_NONNULL(1);
/*
 * The pop before it is undone: the chain comes again. Nothing was written, and
 * nothing was popped or pushed since.
 */
VMOON_API void vmoon_vq_unpop(struct vmoon_vq *vq, struct vmoon_chain *chain)
	VMOON_NONNULL(1, 2);
/*
 * After a snapshot was loaded: the chain of a head that was popped before it
 * was saved, and not pushed. False: it is not in flight, or the driver has made
 * it malformed since, and it went back.
 */
VMOON_API bool vmoon_vq_pop_again(struct vmoon_vq *vq, uint16_t head,
				  struct vmoon_chain *chain) VMOON_MUST_USE
	VMOON_NONNULL(1, 3);
/* Entries of the ring as the driver set it up; 0 while it is not live. */
VMOON_API uint16_t vmoon_vq_size(const struct vmoon_vq *vq) VMOON_NONNULL(1);
/* Chains that were popped and not pushed. */
VMOON_API uint16_t vmoon_vq_in_flight(const struct vmoon_vq *vq)
	VMOON_NONNULL(1);

/* ---- its bytes ---- */

/*
 * A place in the readable or in the writable part of a chain, which outlives
 * it. Copies are independent; each fetches what it reads.
 */
struct vmoon_cursor {
	struct vmoon_chain *chain; /* borrowed */
	uint32_t seg, off;         /* the next byte */
	uint32_t left, done;       /* bytes */
};

/* VMOON_E_FAULT when a buffer of the part is not RAM from end to end. */
VMOON_API VMOON_STATUS vmoon_chain_reader(struct vmoon_chain *chain,
					  struct vmoon_cursor *out)
	VMOON_NONNULL(1, 2);
VMOON_API VMOON_STATUS vmoon_chain_writer(struct vmoon_chain *chain,
					  struct vmoon_cursor *out)
	VMOON_NONNULL(1, 2);
/*
 * Copies up to len bytes and moves on: fewer only at the end of the part. 0,
 * and nothing copied or moved, when a buffer is no RAM any more. What is
 * written counts in chain->written.
 */
VMOON_API size_t vmoon_cursor_read(struct vmoon_cursor *c, void *dst,
				   size_t len) VMOON_NONNULL(1, 2);
VMOON_API size_t vmoon_cursor_write(struct vmoon_cursor *c, const void *src,
				    size_t len) VMOON_NONNULL(1, 2);
/* All of it, or VMOON_E_FAULT and nothing copied, moved or counted. */
VMOON_API VMOON_STATUS vmoon_cursor_read_exact(struct vmoon_cursor *c,
					       void *dst, size_t len)
	VMOON_NONNULL(1, 2);
VMOON_API VMOON_STATUS vmoon_cursor_write_exact(struct vmoon_cursor *c,
						const void *src, size_t len)
	VMOON_NONNULL(1, 2);
/*
 * Cuts c after off more bytes; *out_tail begins there. VMOON_E_INVAL, and
 * nothing is cut, when there are fewer.
 */
VMOON_API VMOON_STATUS vmoon_cursor_split(struct vmoon_cursor *c, uint32_t off,
					  struct vmoon_cursor *out_tail)
	VMOON_NONNULL(1, 3);
/* Passes by bytes that are not looked at: at most what is left. */
VMOON_API void vmoon_cursor_skip(struct vmoon_cursor *c, uint32_t len)
	VMOON_NONNULL(1);
/*
 * The guest range at c, at most c->left bytes and one buffer, for a backend
 * that moves payload without a copy (backend.h); c moves past it. False at the
 * end. Nothing is counted as written: see vmoon_chain_add_written.
 */
VMOON_API bool vmoon_cursor_next(struct vmoon_cursor *c,
				 struct vmoon_seg *out) VMOON_MUST_USE
	VMOON_NONNULL(1, 2);
/* A backend has written so many bytes of the writable part. */
VMOON_API void vmoon_chain_add_written(struct vmoon_chain *chain, uint32_t len)
	VMOON_NONNULL(1);

/* ---- a device ---- */

/* Bits that the transport offers by itself and answers for. */
#define VMOON_VIRTIO_F_INDIRECT_DESC (UINT64_C(1) << 28)
#define VMOON_VIRTIO_F_EVENT_IDX (UINT64_C(1) << 29)
#define VMOON_VIRTIO_F_VERSION_1 (UINT64_C(1) << 32)

enum {
	VMOON_VIRTIO_QUEUES_MAX = 64,
	VMOON_VIRTIO_QUEUE_SIZE_MAX = 1024,
	VMOON_VIRTIO_CONFIG_MAX = 256 /* bytes */
};

/*
 * What the transport lends to a device, from attach on. kick has notify called
 * for a queue as if the driver had kicked, after the caller has returned.
 * config_changed tells the driver to read the configuration again.
 * needs_reset gives up: the driver is told, and nothing is popped until it has
 * reset the device. reset_waits and reset_done: see reset, below. Without a
 * timer (set NULL) tick is never called.
 */
struct vmoon_virtio_host {
	struct vmoon_mem *mem;
	struct vmoon_clock clock;
	struct vmoon_timer timer; /* calls tick */
	struct vmoon_guest_faults faults;
	void (*kick)(void *ctx, unsigned queue);
	void (*config_changed)(void *ctx);
	void (*needs_reset)(void *ctx);
	void (*reset_waits)(void *ctx);
	void (*reset_done)(void *ctx);
	void *ctx; /* borrowed: of those above */
};

/*
 * Static const, shared by all instances. Members marked optional may be NULL.
 *
 * activate: the driver is ready (DRIVER_OK). queues[i] is NULL where it set up
 * none. What fails leaves the device as it was, and the transport tells the
 * driver that it needs a reset.
 *
 * notify: the driver has kicked queue, or kick was called. Pop until false or
 * until no more can be taken now; in the second case call host.kick when that
 * is over. The transport keeps kicks away meanwhile.
 *
 * reset: the driver is gone. On return nothing is pushed any more, and nothing
 * that was in flight touches guest memory. A device whose host is not done with
 * that does not wait for it: it calls host.reset_waits before it returns, and
 * host.reset_done later, when all of this is so. Meanwhile the driver sees a
 * reset that is not complete, and nothing is called but save. Statistics and
 * the host's settings stay.
 *
 * save, load: as in device.h, what is in flight included (see
 * vmoon_vq_unpop and blk.c); queues and configuration are the transport's. A
 * reset that is not complete is saved as if it were: nothing of it is in flight
 * where the snapshot is loaded.
 * load runs before activate, which follows if the device was live.
 */
struct vmoon_virtio_ops {
	const char *type; /* "virtio-rng"; also the snapshot tag */
	uint32_t device_id;
	enum vmoon_status (*activate)(struct vmoon_virtio *vd,
				      uint64_t features,
				      struct vmoon_vq *const *queues);
	void (*notify)(struct vmoon_virtio *vd, unsigned queue);
	void (*reset)(struct vmoon_virtio *vd);
	/*
	 * The driver wrote len bytes of the configuration at off, inside it and
	 * not yet taken over. The device takes over what is writable. Optional.
	 */
	void (*config_write)(struct vmoon_virtio *vd, uint32_t off,
			     const void *src, uint32_t len);
	void (*tick)(struct vmoon_virtio *vd); /* optional */
	void (*save)(const struct vmoon_virtio *vd,
		     struct vmoon_state_writer *w);
	enum vmoon_status (*load)(struct vmoon_virtio *vd,
				  struct vmoon_state_reader *r,
				  struct vmoon_error *err);
	void (*destroy)(struct vmoon_virtio *vd); /* frees vd itself */
};

/* Embed as a member. What is not host is set once, at creation. */
struct vmoon_virtio {
	const struct vmoon_virtio_ops *ops;
	uint64_t features;     /* the device's own bits: 0 to 23, 50 to 63 */
	unsigned char *config; /* config_len bytes, little-endian, in vd */
	uint32_t config_len;   /* at most VMOON_VIRTIO_CONFIG_MAX */
	bool has_early_config; /* writes to it count before DRIVER is set */
	uint16_t queue_count;  /* at most VMOON_VIRTIO_QUEUES_MAX */
	uint16_t queue_size;   /* of each, at most; a power of two */
	struct vmoon_virtio_host host; /* the transport's, from attach on */
};

#ifdef __cplusplus
}
#endif

#endif
