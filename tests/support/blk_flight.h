/* SPDX-License-Identifier: MIT */
/* blk_flight.h - a disk with many requests under way, one a ring's entry. */
#ifndef VMOON_TESTS_BLK_FLIGHT_H
#define VMOON_TESTS_BLK_FLIGHT_H

#include "tests/support/blk_rig.h"
#include "tests/support/fixture.h"
#include "virtio/blk_run.h"

enum { SECTORS = 128 };

#define DATA RIG_DATA
#define BUF(i) (DATA + (uint64_t)(i)*512)

static inline struct blk_rig *make(unsigned queues)
{
	struct blk_rig *r = malloc(sizeof(*r));
	struct vmoon_blk_config cfg = {.queues = queues, .has_flush = true};

	assert_non_null(r);
	assert_true(rig_init_memory(r));
	assert_true(rig_init_disk(r, SECTORS * 512, false));
	assert_true(rig_create(r, &cfg));
	return r;
}

static inline int set_up(void **state)
{
	*state = make(1);
	return 0;
}

static inline int tear_down(void **state)
{
	rig_fini(*state);
	free(*state);
	return 0;
}

static inline uint16_t read_sector(struct blk_rig *r, unsigned queue,
				   unsigned i)
{
	const struct rig_buf data = {BUF(i), 512, true};

	return rig_request(r, queue, T_IN, i % SECTORS, &data);
}

static inline bool is_sector(struct blk_rig *r, unsigned i)
{
	for (unsigned k = 0; k < 512; k++)
		if (*rig_at(r, BUF(i) + k) != (i % SECTORS + 1) % 256)
			return false;
	return true;
}

static inline bool is_poison(struct blk_rig *r, unsigned i)
{
	for (unsigned k = 0; k < 512; k++)
		if (*rig_at(r, BUF(i) + k) != RIG_POISON)
			return false;
	return true;
}

static inline unsigned count_used(struct blk_rig *r, unsigned queue)
{
	unsigned n = 0;
	uint32_t id, len = 0;

	for (; rig_used(r, queue, &id, &len); n++)
		assert_int_equal(len, 513);
	return n;
}

/* Indirect chains: one entry of the ring each, so that 256 are in flight. */
static inline void offer_indirect(struct blk_rig *r, unsigned queue, unsigned i)
{
	const uint16_t head = rig_header(r, queue, T_IN, i % SECTORS);
	const vmoon_gpa table = RIG_DATA + 0x40000 + (queue * 256 + i) * 48;
	const struct rig_buf bufs[] = {{RIG_HEADER(queue, head), 16, false},
				       {BUF(i), 512, true},
				       {RIG_STATUS(queue, head), 1, true}};

	for (unsigned k = 0; k < 3; k++) {
		rig_put(r, table + 16 * k, bufs[k].gpa, 8);
		rig_put(r, table + 16 * k + 8, bufs[k].len, 4);
		rig_put(r, table + 16 * k + 12,
			(bufs[k].is_write ? DESC_WRITE : 0u) |
				(k < 2 ? DESC_NEXT : 0u),
			2);
		rig_put(r, table + 16 * k + 14, k + 1, 2);
	}
	rig_put(r, RIG_RING(queue) + head * UINT64_C(16), table, 8);
	rig_put(r, RIG_RING(queue) + head * UINT64_C(16) + 8, 48, 4);
	rig_put(r, RIG_RING(queue) + head * UINT64_C(16) + 12, 4, 2);
	r->q[queue].next_desc = (uint16_t)((head + 1) % RIG_RING_SIZE);
	rig_offer(r, queue, head);
}

static inline void restart(struct blk_rig *r)
{
	const uint64_t features =
		RIG_FEATURES(r->vd) | VMOON_VIRTIO_F_INDIRECT_DESC;

	r->vd->ops->reset(r->vd);
	r->pending = r->held = 0;
	for (unsigned i = 0; i < r->vd->queue_count; i++)
		vmoon_vq_stop(r->q[i].vq);
	assert_true(rig_start(r, features) && rig_activate(r, features));
	vmoon_array_disk_clear_faults(r->disk);
}

#endif
