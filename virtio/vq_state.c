/* SPDX-License-Identifier: MIT */
/* vq_state.c - a live queue's indices and heads in flight, in snapshots. */
#include "vq_ring.h"

enum { STATE_VERSION = 1 };

static const char tag[] = "virtqueue";

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

/* What a snapshot says, but for the heads, which lie behind it. */
struct image {
	uint16_t next_avail, next_used, untold;
	size_t words;
};

static bool get_indices(struct vmoon_state_reader *r, struct image *out)
{
	const bool is_ours = vmoon_state_expect(r, tag, STATE_VERSION);

	out->next_avail = (uint16_t)vmoon_state_get(r, 2);
	out->next_used = (uint16_t)vmoon_state_get(r, 2);
	out->untold = (uint16_t)vmoon_state_get(r, 2);
	out->words = (size_t)vmoon_state_get(r, 2);
	return is_ours;
}

/* What was taken and not given back is in flight, and is an entry. */
static bool is_sound(const struct vmoon_vq *vq, struct vmoon_state_reader *r)
{
	const size_t words = vmoon_vq_words(vq->max_size);
	struct image image;
	unsigned in_flight = 0;

	if (!get_indices(r, &image) || image.words != words)
		return false;
	for (size_t i = 0; i < words; i++) {
		const uint64_t heads = vmoon_state_get(r, 8);

		if ((heads & ~mask_of(vq, i)) != 0)
			return false;
		in_flight += vmoon_vq_bits_of(heads);
	}
	return !r->is_bad &&
	       (uint16_t)(image.next_avail - image.next_used) == in_flight;
}

enum vmoon_status vmoon_vq_load(struct vmoon_vq *vq,
				struct vmoon_state_reader *r,
				struct vmoon_error *err)
{
	struct vmoon_state_reader again = *r;
	struct image image;

	if (!is_sound(vq, r))
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "queue: the snapshot is cut short, of "
				  "another version or contradicts itself");
	VMOON_IGNORE(get_indices(&again, &image));
	for (size_t i = 0; i < image.words; i++)
		vq->busy[i] = vmoon_state_get(&again, 8);
	vq->next_avail = vq->seen = image.next_avail;
	vq->next_used = image.next_used;
	vq->told = (uint16_t)(image.next_used - image.untold);
	vq->share_end = (uint16_t)(image.next_avail + vq->size);
	vq->must_tell = true;
	return VMOON_OK;
}
