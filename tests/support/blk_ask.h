/* SPDX-License-Identifier: MIT */
/* blk_ask.h - one request at a time of a disk on the blk rig, and its answer.
 */
#ifndef VMOON_TESTS_BLK_ASK_H
#define VMOON_TESTS_BLK_ASK_H

#include "tests/support/blk_rig.h"
#include "tests/support/fixture.h"

/* Asks, waits, and checks that it came back once: the status. */
static inline unsigned ask(struct blk_rig *r, uint32_t type, uint64_t sector,
			   const struct rig_buf *data, uint32_t *out_len)
{
	const uint16_t i = rig_request(r, 0, type, sector, data);
	uint32_t id, len = 0;

	rig_run(r, 1000);
	assert_true(rig_used(r, 0, &id, &len));
	assert_false(rig_used(r, 0, &id, out_len));
	assert_int_equal(id, i);
	assert_int_equal(vmoon_vq_in_flight(r->q[0].vq), 0);
	*out_len = len;
	return (unsigned)rig_get(r, RIG_STATUS(0, i), 1);
}

static inline void assert_filled(struct blk_rig *r, vmoon_gpa gpa,
				 unsigned byte, size_t len)
{
	for (size_t i = 0; i < len; i++)
		assert_int_equal(*rig_at(r, gpa + i), byte);
}

/* It goes on as if nothing had been. */
static inline void assert_alive(struct blk_rig *r)
{
	const struct rig_buf data = {RIG_DATA + 0x8000, 512, true};
	uint32_t len = 0;

	assert_int_equal(r->broken + r->needs_resets, 0);
	assert_int_equal(ask(r, T_IN, 9, &data, &len), S_OK);
	assert_filled(r, RIG_DATA + 0x8000, 10, 512);
}

/* The i-th range of a discard or of a write of zeros, at RIG_DATA. */
static inline void put_segment(struct blk_rig *r, unsigned i, uint64_t sector,
			       uint32_t sectors, uint32_t flags)
{
	rig_put(r, RIG_DATA + 16 * i, sector, 8);
	rig_put(r, RIG_DATA + 16 * i + 8, sectors, 4);
	rig_put(r, RIG_DATA + 16 * i + 12, flags, 4);
}

#endif
