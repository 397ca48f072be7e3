/* SPDX-License-Identifier: MIT */
/* vq_state.c - a live queue's indices and heads in flight, in snapshots. */
#include "vq_ring.h"

#include <string.h>

enum { STATE_VERSION = 1 };

static const char tag[] = "virtqueue";

static unsigned bits_of(uint64_t word)
{
	unsigned n = 0;

	for (unsigned i = 0; i < VMOON_VQ_BITS; i++)
		n += (unsigned)(word >> i & 1);
	return n;
}

/* Heads beyond the queue's size have no bit. */
static uint64_t mask_of(const struct vmoon_vq *vq, size_t word)
{
	const size_t first = word * VMOON_VQ_BITS;

	if (first + VMOON_VQ_BITS <= vq->size)
		return UINT64_MAX;
	return first >= vq->size ? 0 : (UINT64_C(1) << (vq->size - first)) - 1;
}

void vmoon_vq_save(const struct vmoon_vq *vq, struct vmoon_state_writer *w)
{
	vmoon_state_begin(w, tag, STATE_VERSION);
	vmoon_state_put(w, vq->next_avail, 2);
	vmoon_state_put(w, vq->next_used, 2);
	vmoon_state_put(w, (uint16_t)(vq->next_used - vq->told), 2);
	vmoon_state_put(w, vmoon_vq_words(vq->max_size), 2);
	for (size_t i = 0; i < vmoon_vq_words(vq->max_size); i++)
		vmoon_state_put(w, vq->busy[i], 8);
}

static enum vmoon_status refuse(struct vmoon_error *err)
{
	return vmoon_fail(err, VMOON_E_IMAGE, 0,
			  "queue: the snapshot is cut short, of another "
			  "version or contradicts itself");
}

enum vmoon_status vmoon_vq_load(struct vmoon_vq *vq,
				struct vmoon_state_reader *r,
				struct vmoon_error *err)
{
	uint64_t busy[VMOON_VIRTIO_QUEUE_SIZE_MAX / VMOON_VQ_BITS];
	const size_t words = vmoon_vq_words(vq->max_size);
	uint16_t next_avail, next_used, untold;
	unsigned in_flight = 0;
	bool is_good = vmoon_state_expect(r, tag, STATE_VERSION);

	next_avail = (uint16_t)vmoon_state_get(r, 2);
	next_used = (uint16_t)vmoon_state_get(r, 2);
	untold = (uint16_t)vmoon_state_get(r, 2);
	is_good = vmoon_state_get(r, 2) == words && is_good &&
		  words <= VMOON_COUNTOF(busy);
	for (size_t i = 0; i < words && is_good; i++) {
		busy[i] = vmoon_state_get(r, 8);
		in_flight += bits_of(busy[i]);
		is_good = (busy[i] & ~mask_of(vq, i)) == 0;
	}
	/* What was taken and not given back is in flight. */
	if (!is_good || r->is_bad ||
	    (uint16_t)(next_avail - next_used) != in_flight)
		return refuse(err);
	memcpy(vq->busy, busy, words * sizeof(busy[0]));
	vq->next_avail = vq->seen = next_avail;
	vq->next_used = next_used;
	vq->told = (uint16_t)(next_used - untold);
	vq->in_flight = (uint16_t)in_flight;
	vq->must_tell = true;
	return VMOON_OK;
}
