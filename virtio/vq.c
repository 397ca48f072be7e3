/* SPDX-License-Identifier: MIT */
/*
 * vq.c - the device's side of a split virtqueue.
 *
 * Not modelled: the packed ring (2.8), IN_ORDER.
 *
 * Spec: VIRTIO 1.2, 2.7.
 */
#include "vq_ring.h"

#include "defs.h"
#include "vmoon/le.h"

#include <string.h>

/* What is seldom costs what is frequent no register: see vq_walk.c. */
#define NOINLINE __attribute__((noinline))

/* ---- life ---- */

static size_t bytes_of(uint16_t max_size)
{
	return sizeof(struct vmoon_vq) +
	       vmoon_vq_words(max_size) * sizeof(uint64_t);
}

enum vmoon_status vmoon_vq_create(struct vmoon_mem *mem, uint32_t max_size,
				  const struct vmoon_vq_host *host,
				  struct vmoon_vq **out_vq,
				  struct vmoon_error *err)
{
	struct vmoon_vq_setup setup;
	struct vmoon_vq *vq;
	enum vmoon_status st = vmoon_vq_setup_init(&setup, max_size, err);

	if (st != VMOON_OK)
		return st;
	vq = vmoon_mem_alloc(mem, bytes_of(setup.max_size));
	if (vq == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "queue: out of memory");
	vq->mem = mem;
	vq->host = *host;
	vq->max_size = setup.max_size;
	*out_vq = vq;
	return VMOON_OK;
}

void vmoon_vq_destroy(struct vmoon_vq *vq)
{
	if (vq != NULL)
		vmoon_mem_free(vq->mem, vq, bytes_of(vq->max_size));
}

void vmoon_vq_stop(struct vmoon_vq *vq)
{
	const struct vmoon_vq fresh = {.mem = vq->mem,
				       .host = vq->host,
				       .max_size = vq->max_size,
				       .counts = vq->counts};

	memset(vq->busy, 0, vmoon_vq_words(vq->max_size) * sizeof(uint64_t));
	memcpy(vq, &fresh, sizeof(fresh));
}

bool vmoon_vq_start(struct vmoon_vq *vq, const struct vmoon_vq_setup *setup,
		    const struct vmoon_gmem *gm, uint64_t features)
{
	const uint64_t n = setup->size;

	vmoon_vq_stop(vq);
	if (setup->size > vq->max_size || !vmoon_vq_setup_is_valid(setup, gm) ||
	    !vmoon_gmem_window_open(gm, setup->part[VMOON_VQ_DESC],
				    VMOON_VQ_DESC_BYTES * n, &vq->desc) ||
	    !vmoon_gmem_window_open(gm, setup->part[VMOON_VQ_AVAIL], 6 + 2 * n,
				    &vq->avail) ||
	    !vmoon_gmem_window_open(gm, setup->part[VMOON_VQ_USED], 6 + 8 * n,
				    &vq->used))
		return false;
	vq->gm = gm;
	vq->size = vq->share_end = setup->size;
	vq->has_event_idx = (features & VMOON_VIRTIO_F_EVENT_IDX) != 0;
	vq->has_indirect = (features & VMOON_VIRTIO_F_INDIRECT_DESC) != 0;
	return true;
}

bool vmoon_vq_is_broken(const struct vmoon_vq *vq)
{
	return vq->is_broken;
}

uint16_t vmoon_vq_size(const struct vmoon_vq *vq)
{
	return vq->size;
}

uint16_t vmoon_vq_in_flight(const struct vmoon_vq *vq)
{
	unsigned n = 0;

	/* Heads beyond the size are never busy. */
	for (size_t i = 0; i < vmoon_vq_words(vq->size); i++)
		n += vmoon_vq_bits_of(vq->busy[i]);
	return (uint16_t)n; /* at most size */
}

struct vmoon_vq_counts vmoon_vq_counts(const struct vmoon_vq *vq)
{
	return vq->counts;
}

/* ---- the ring's fields ---- */

enum vmoon_vq_outcome vmoon_vq_give_up(struct vmoon_vq *vq, uint64_t where)
{
	if (!vq->is_broken) {
		vq->is_broken = true;
		vq->gm = NULL;
		vmoon_guest_fault(&vq->host.faults, VMOON_GUEST_FAULT_REQUEST,
				  where);
		vq->host.broken(vq->host.ctx);
	}
	return VMOON_VQ_BROKEN;
}

bool vmoon_vq_load_idx(struct vmoon_vq *vq)
{
	return vmoon_gmem_window_acquire_le16(&vq->avail, VMOON_VQ_AVAIL_IDX,
					      &vq->seen) &&
	       (uint16_t)(vq->seen - vq->next_avail) <= vq->size;
}

/* A field of the available ring, which is the driver's. */
static bool read_avail(const struct vmoon_vq *vq, uint32_t off, uint16_t *out)
{
	return vmoon_gmem_window_get_le16(&vq->avail, off, out);
}

static bool write_used(const struct vmoon_vq *vq, uint64_t off, uint16_t val)
{
	unsigned char raw[2];

	vmoon_le16_store(raw, val);
	return vmoon_gmem_window_write(&vq->used, off, raw, sizeof(raw)) ==
	       VMOON_OK;
}

static uint32_t used_event(const struct vmoon_vq *vq)
{
	return VMOON_VQ_AVAIL_RING + 2u * vq->size;
}

static uint32_t avail_event(const struct vmoon_vq *vq)
{
	return VMOON_VQ_USED_RING + (uint32_t)VMOON_VQ_USED_BYTES * vq->size;
}

/* ---- giving back ---- */

static NOINLINE bool put_used_anywhere(const struct vmoon_vq *vq, uint32_t off,
				       uint64_t entry, uint16_t next)
{
	return vmoon_gmem_window_put_le64(&vq->used, off, entry) &&
	       vmoon_gmem_window_release_le16(&vq->used, VMOON_VQ_USED_IDX,
					      next);
}

static inline bool add_used(struct vmoon_vq *vq, uint16_t head, uint32_t len)
{
	const uint32_t off =
		VMOON_VQ_USED_RING + (uint32_t)VMOON_VQ_USED_BYTES *
					     vmoon_vq_slot(vq, vq->next_used);
	const uint16_t next = (uint16_t)(vq->next_used + 1);
	const uint64_t entry = (uint64_t)len << 32 | head;

	if (!(vmoon_gmem_window_try_put_le64(&vq->used, off, entry) &&
	      vmoon_gmem_window_try_release_le16(&vq->used, VMOON_VQ_USED_IDX,
						 next)) &&
	    !put_used_anywhere(vq, off, entry, next))
		return false;
	vq->next_used = next;
	return true;
}

bool vmoon_vq_add_used(struct vmoon_vq *vq, uint16_t head, uint32_t len)
{
	return vmoon_vq_is_live(vq) && head < vq->size &&
	       add_used(vq, head, len);
}

void vmoon_vq_push(struct vmoon_vq *vq, struct vmoon_chain *chain)
{
	const uint16_t head = chain->head;

	/* Of an earlier life of the queue, perhaps. */
	if (!vmoon_vq_is_live(vq) || head >= vq->size ||
	    !vmoon_vq_is_busy(vq, head))
		return;
	vmoon_vq_flip_busy(vq, head);
	if (!add_used(vq, head, chain->written))
		VMOON_IGNORE(vmoon_vq_give_up(vq, vq->used.gpa));
}

/* ---- telling each other ---- */

void vmoon_vq_disable_kicks(struct vmoon_vq *vq)
{
	/* With an event index the old one is as good: it was passed. */
	if (vmoon_vq_is_live(vq) && !vq->has_event_idx &&
	    !write_used(vq, VMOON_VQ_USED_FLAGS, VMOON_VQ_USED_F_NO_NOTIFY))
		VMOON_IGNORE(vmoon_vq_give_up(vq, vq->used.gpa));
}

bool vmoon_vq_enable_kicks(struct vmoon_vq *vq)
{
	bool is_written;

	if (!vmoon_vq_is_live(vq))
		return false;
	is_written = vq->has_event_idx
			     ? write_used(vq, avail_event(vq), vq->next_avail)
			     : write_used(vq, VMOON_VQ_USED_FLAGS, 0);
	/* Pairs with the driver's, between its index and this field. */
	__sync_synchronize();
	if (!is_written || !vmoon_vq_load_idx(vq)) {
		VMOON_IGNORE(vmoon_vq_give_up(vq, vq->used.gpa));
		return false;
	}
	return vq->seen != vq->next_avail;
}

/* 2.7.7.2: whether used_event is among the entries used since then. */
static bool is_event(uint16_t event, uint16_t now, uint16_t old)
{
	return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

bool vmoon_vq_needs_interrupt(struct vmoon_vq *vq)
{
	const uint16_t told = vq->told;
	uint16_t event, flags;

	if (!vmoon_vq_is_live(vq) || told == vq->next_used)
		return false;
	/* Pairs with the driver's, between its wish and its look. */
	__sync_synchronize();
	vq->told = vq->next_used;
	if (vq->must_tell) {
		vq->must_tell = false;
		return true;
	}
	if (!vq->has_event_idx)
		return read_avail(vq, VMOON_VQ_AVAIL_FLAGS, &flags) &&
		       (flags & VMOON_VQ_AVAIL_F_NO_INTERRUPT) == 0;
	return read_avail(vq, used_event(vq), &event) &&
	       is_event(event, vq->next_used, told);
}

void vmoon_vq_signal(struct vmoon_vq *vq)
{
	if (vmoon_vq_needs_interrupt(vq))
		vq->host.interrupt(vq->host.ctx);
}

void vmoon_vq_begin(struct vmoon_vq *vq)
{
	vq->share_end = (uint16_t)(vq->next_avail + vq->size);
	vq->is_drained = false;
	vmoon_vq_disable_kicks(vq);
}

enum vmoon_vq_rest vmoon_vq_end(struct vmoon_vq *vq)
{
	if (!vmoon_vq_is_live(vq))
		return VMOON_VQ_EMPTY;
	if (!vq->is_drained)
		return vq->share_end == vq->next_avail ? VMOON_VQ_MORE
						       : VMOON_VQ_HELD;
	return vmoon_vq_enable_kicks(vq) ? VMOON_VQ_MORE : VMOON_VQ_EMPTY;
}
