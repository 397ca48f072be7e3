/* SPDX-License-Identifier: MIT */
/* vq.h - split virtqueues: what the transport does with them. */
#ifndef VMOON_VIRTIO_VQ_H
#define VMOON_VIRTIO_VQ_H

#include "vmoon/mem.h"
#include "vmoon/virtio.h"

/* ---- set-up: what the driver says while the device is not live ---- */

enum { VMOON_VQ_SIZE_LIMIT = 32768 }; /* VIRTIO 1.2, 2.7 */

enum vmoon_vq_part { VMOON_VQ_DESC, VMOON_VQ_AVAIL, VMOON_VQ_USED };

/* A plain value; where the three parts lie is not judged before start. */
struct vmoon_vq_setup {
	uint16_t max_size, size; /* entries: powers of two */
	bool is_ready;
	vmoon_gpa part[3]; /* by enum vmoon_vq_part; 0: not given */
};

/* E_INVAL unless max_size is a power of two up to VMOON_VQ_SIZE_LIMIT. */
VMOON_STATUS vmoon_vq_setup_init(struct vmoon_vq_setup *s, uint32_t max_size,
				 struct vmoon_error *err) VMOON_NONNULL(1);
void vmoon_vq_setup_reset(struct vmoon_vq_setup *s) VMOON_NONNULL(1);
/* False, and nothing changed: 0, no power of two, more than max_size. */
bool vmoon_vq_setup_set_size(struct vmoon_vq_setup *s,
			     uint32_t size) VMOON_MUST_USE VMOON_NONNULL(1);
/* False, and nothing changed: not aligned to 16, 2 or 4 (2.7). */
bool vmoon_vq_setup_set_part(struct vmoon_vq_setup *s, enum vmoon_vq_part part,
			     vmoon_gpa gpa) VMOON_MUST_USE VMOON_NONNULL(1);
/* Ready, and all three parts are RAM from end to end. */
bool vmoon_vq_setup_is_valid(const struct vmoon_vq_setup *s,
			     const struct vmoon_gmem *gm) VMOON_NONNULL(1, 2);

/* ---- a queue ---- */

/* Each may be called from inside pop, push and signal; not NULL. */
struct vmoon_vq_host {
	void (*interrupt)(void *ctx); /* used buffers: tell the driver */
	/* The ring is impossible. Once, until the next start. */
	void (*broken)(void *ctx);
	void *ctx; /* borrowed */
	struct vmoon_guest_faults faults;
};

/* What the next entry of the available ring turned out to be. */
enum vmoon_vq_outcome {
	VMOON_VQ_NONE,      /* nothing there, not live, or the drain is over */
	VMOON_VQ_CHAIN,     /* chain is filled in */
	VMOON_VQ_MALFORMED, /* no request: head goes back with length 0 */
	VMOON_VQ_BROKEN     /* the ring is impossible; broken was called */
};

/* Everything that needs memory is taken here; max_size as in a set-up. */
VMOON_STATUS vmoon_vq_create(struct vmoon_mem *mem, uint32_t max_size,
			     const struct vmoon_vq_host *host,
			     struct vmoon_vq **out_vq, struct vmoon_error *err)
	VMOON_NONNULL(3, 4);
void vmoon_vq_destroy(struct vmoon_vq *vq);

/*
 * Live from now on, at the beginning of its rings, by a private copy of setup
 * that no register write can reach. features are those negotiated. gm is
 * borrowed until stop. False, and not live, when the set-up is not valid.
 */
bool vmoon_vq_start(struct vmoon_vq *vq, const struct vmoon_vq_setup *setup,
		    const struct vmoon_gmem *gm,
		    uint64_t features) VMOON_MUST_USE VMOON_NONNULL(1, 2, 3);
/* Not live: pops give nothing, pushes are dropped. Any number of times. */
void vmoon_vq_stop(struct vmoon_vq *vq) VMOON_NONNULL(1);
bool vmoon_vq_is_broken(const struct vmoon_vq *vq) VMOON_NONNULL(1);

/* Popped since create, well-formed and not. */
struct vmoon_vq_counts {
	uint64_t chains, malformed;
};
struct vmoon_vq_counts vmoon_vq_counts(const struct vmoon_vq *vq)
	VMOON_NONNULL(1);

/* vmoon_vq_pop is this until VMOON_VQ_CHAIN or nothing, pushes included. */
enum vmoon_vq_outcome vmoon_vq_next(struct vmoon_vq *vq,
				    struct vmoon_chain *chain) VMOON_MUST_USE
	VMOON_NONNULL(1, 2);
/* False, and nothing written or counted: head is no entry, or no RAM. */
bool vmoon_vq_add_used(struct vmoon_vq *vq, uint16_t head,
		       uint32_t len) VMOON_MUST_USE VMOON_NONNULL(1);

/* ---- draining: the transport's loop around notify ---- */

enum vmoon_vq_rest {
	VMOON_VQ_EMPTY, /* to the last chain; kicks come again */
	VMOON_VQ_MORE,  /* the drain's share is used up: go on later */
	VMOON_VQ_HELD   /* the device stopped by itself: no kicks until then */
};

/* A share of as many pops as the ring has entries; the driver need not kick. */
void vmoon_vq_begin(struct vmoon_vq *vq) VMOON_NONNULL(1);
/*
 * After the device has popped what it wanted. MORE as well when a chain came
 * between its last look and the moment from which the driver kicks again.
 */
enum vmoon_vq_rest vmoon_vq_end(struct vmoon_vq *vq) VMOON_MUST_USE
	VMOON_NONNULL(1);

/* What begin and end are made of; 2.7.7 and 2.7.10. */
void vmoon_vq_disable_kicks(struct vmoon_vq *vq) VMOON_NONNULL(1);
/* True when a chain is there all the same. */
bool vmoon_vq_enable_kicks(struct vmoon_vq *vq) VMOON_MUST_USE VMOON_NONNULL(1);
/* Whether the driver wants to hear of what was used since the last call. */
bool vmoon_vq_needs_interrupt(struct vmoon_vq *vq) VMOON_MUST_USE
	VMOON_NONNULL(1);

/* ---- snapshots: indices and what the ring owes, not the set-up ---- */

void vmoon_vq_save(const struct vmoon_vq *vq, struct vmoon_state_writer *w)
	VMOON_NONNULL(1, 2);
/*
 * Of a live queue, right after start. E_IMAGE, and nothing changed, for
 * indices that no run of this queue can have. The next signal is not
 * suppressed.
 */
VMOON_STATUS vmoon_vq_load(struct vmoon_vq *vq, struct vmoon_state_reader *r,
			   struct vmoon_error *err) VMOON_NONNULL(1, 2);
/*
 * Fetches again, after load, the chain of a head that was popped and not
 * pushed: VMOON_VQ_CHAIN or VMOON_VQ_MALFORMED. NONE: it is not in flight.
 */
enum vmoon_vq_outcome vmoon_vq_refetch(struct vmoon_vq *vq, uint16_t head,
				       struct vmoon_chain *chain) VMOON_MUST_USE
	VMOON_NONNULL(1, 3);

#endif
