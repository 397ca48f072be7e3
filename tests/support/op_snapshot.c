/* SPDX-License-Identifier: MIT */
/*
 * op_snapshot.c - what a device saves another one has when it has loaded it.
 *
 * A disk's snapshot names what is under way by its head: the rest is in guest
 * memory, and is looked at again. So it is all the same after a load as long as
 * the requests say what they said. What a driver has changed meanwhile ends at
 * once, as a bad request does; and then a second load has it the same.
 */
#include "tests/support/op_stream.h"

#include "virtio/blk_req.h"

#include <string.h>

/* Of a disk's request, at most: its header and its ranges. */
enum { SAYS_MAX = 16 + 16 * VMOON_BLK_RANGES_MAX };

/* ---- whether requests say what they said ---- */

static uint64_t add_bytes(uint64_t sum, const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
	return sum;
}

/* Chains are the driver's own: slots have the links. */
static uint64_t says(const struct op_rig *r,
		     const struct vmoon_driver_ring *ring, uint16_t head)
{
	const struct vmoon_gmem *gm = &r->mem.driver.gm;
	unsigned char buf[SAYS_MAX];
	size_t left = sizeof(buf);
	uint64_t sum = 0;

	for (unsigned n = 0; n < ring->size && head < ring->size; n++) {
		unsigned char raw[16];
		vmoon_gpa gpa = 0;
		size_t len = 0;

		if (vmoon_gmem_read(gm, ring->desc + 16u * head, raw, 16) !=
		    VMOON_OK)
			break;
		for (unsigned i = 8; i-- > 0;)
			gpa = gpa << 8 | raw[i];
		for (unsigned i = 12; i-- > 8;)
			len = len << 8 | raw[i];
		len = len < left ? len : left;
		if ((raw[12] & VMOON_DESC_WRITE) == 0 &&
		    vmoon_gmem_read(gm, gpa, buf, len) == VMOON_OK) {
			sum = add_bytes(sum, buf, len);
			left -= len;
		}
		head = ring->slots[head].next;
	}
	return sum;
}

void op_watch_look(struct op_rig *r)
{
	if (r->kind != OP_BLK || r->is_wild)
		return;
	for (unsigned q = 0; q < OP_QUEUES_MAX; q++) {
		const struct vmoon_driver_ring *ring =
			vmoon_driver_ring(r->driver, q);

		for (uint16_t i = 0; ring != NULL && i < ring->size; i++) {
			struct op_watch *w = &r->watch[q][i];
			const bool was_offered = w->is_offered;

			w->is_offered = ring->slots[i].offered > 0;
			if (!w->is_offered)
				continue;
			if (!was_offered) {
				w->says = says(r, ring, i);
				w->is_changed = false;
			} else if (!w->is_changed) {
				w->is_changed = says(r, ring, i) != w->says;
			}
		}
	}
}

/*
 * Heads that nobody knows of may be under way in rings that are wild. A disk
 * that is smaller now refuses what it took before.
 */
static bool may_differ(const struct op_rig *r)
{
	if (r->is_wild || r->is_shrunk)
		return true;
	for (unsigned q = 0; q < OP_QUEUES_MAX; q++)
		for (unsigned i = 0; i < OP_RING_MAX; i++)
			if (r->watch[q][i].is_offered &&
			    r->watch[q][i].is_changed)
				return true;
	return false;
}

/* ---- there and back ---- */

static bool save(struct op_rig *r, unsigned char *buf, size_t *out_len)
{
	struct vmoon_state_writer w = {.buf = buf, .size = OP_SNAPSHOT_MAX};

	r->dev->ops->save(r->dev, &w);
	*out_len = w.len;
	return !w.is_overflow;
}

static bool load(struct op_rig *r, const unsigned char *buf, size_t len)
{
	struct vmoon_state_reader reader = {.buf = buf, .size = len};
	bool is_loaded;

	r->dev->ops->reset(r->dev);
	is_loaded = r->dev->ops->load(r->dev, &reader, NULL) == VMOON_OK;
	return is_loaded && reader.off == len;
}

/* Of the buffers the first has what was saved. */
static const char *check_twin(struct op_rig *r, struct op_rig *twin)
{
	unsigned char *a = r->save[0], *b = r->save[1];
	size_t a_len, b_len;

	if (!save(r, a, &a_len))
		return "a snapshot is too large";
	if (!load(twin, a, a_len))
		return "a snapshot is refused";
	if (!save(twin, b, &b_len))
		return "a snapshot is too large after a load";
	if (!may_differ(r)) {
		if (a_len != b_len || memcmp(a, b, a_len) != 0)
			return "a snapshot is another one after a load";
		if (hostile_mem_damage(&r->mem, NULL) != 0)
			return "a load writes into guest memory";
	}
	if (!load(twin, b, b_len))
		return "a snapshot of what was loaded is refused";
	if (!save(twin, a, &a_len) || a_len != b_len ||
	    memcmp(a, b, a_len) != 0)
		return "a snapshot is another one after a second load";
	return NULL;
}

const char *op_round_trip(struct op_rig *r)
{
	struct op_rig *twin = op_rig_twin(r);
	const char *broken;

	if (twin == NULL)
		return "no memory for a twin";
	r->mem.log.is_off = true; /* the twin's fetches are its own */
	hostile_mem_freeze(&r->mem);
	broken = check_twin(r, twin);
	twin->dev->ops->reset(twin->dev);
	if (may_differ(r)) /* else nothing was written */
		hostile_mem_undo(&r->mem);
	r->mem.log.is_off = false;
	return broken;
}
