/* SPDX-License-Identifier: MIT */
/* test_vq_walk.c - chains of descriptors, good and hostile. */
#include "tests/support/vq_rig.h"

enum {
	N = VMOON_DESC_NEXT,
	W = VMOON_DESC_WRITE,
	I = VMOON_DESC_INDIRECT,
	BUF = VQ_RIG_BUF,
	TABLE = VQ_RIG_TABLE
};

static void assert_malformed(struct vq_rig *r, const struct vmoon_desc *d,
			     size_t n)
{
	const unsigned used =
		(unsigned)vmoon_driver_load(&r->ring, VMOON_DRIVER_USED_IDX, 0);

	assert_int_equal(vq_rig_judge(r, d, n), VMOON_VQ_MALFORMED);
	/* Q18: there is nothing in it that somebody could take for buffers. */
	assert_int_equal(r->chain.count, 0);
	assert_int_equal(r->chain.readable_count, 0);
	assert_int_equal(r->chain.readable, 0);
	assert_int_equal(r->chain.writable, 0);
	/* It is back with length 0. */
	assert_int_equal(vmoon_driver_load(&r->ring, VMOON_DRIVER_USED_LEN,
					   used % r->ring.size),
			 0);
	assert_int_equal(vmoon_driver_load(&r->ring, VMOON_DRIVER_USED_IDX, 0),
			 (uint16_t)(used + 1));
	assert_false(vmoon_vq_is_broken(r->vq));
}

/* Writes n descriptors as an indirect table, verbatim. */
static void put_table(struct vq_rig *r, vmoon_gpa gpa,
		      const struct vmoon_desc *d, size_t n)
{
	struct vmoon_driver_ring table = r->ring;

	table.desc = gpa;
	table.size = 0x8000;
	vmoon_driver_raw(&table, 0, d, n);
}

static void test_vq_06__an_empty_queue_has_none_and_one_chain_comes_once(
	void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_desc d[] = {{BUF, 16, N, 1}, {BUF + 64, 8, W, 0}};

	assert_int_equal(vmoon_vq_next(r->vq, &r->chain), VMOON_VQ_NONE);
	vq_rig_offer(r, d, 2);
	assert_int_equal(vmoon_vq_next(r->vq, &r->chain), VMOON_VQ_CHAIN);
	assert_int_equal(r->chain.head, 0);
	assert_int_equal(r->chain.count, 2);
	assert_int_equal(r->chain.readable_count, 1);
	assert_int_equal(r->chain.readable, 16);
	assert_int_equal(r->chain.writable, 8);
	assert_int_equal(r->segs[1].gpa, BUF + 64);
	assert_int_equal(r->segs[1].len, 8);
	assert_int_equal(vmoon_vq_next(r->vq, &r->chain), VMOON_VQ_NONE);
	assert_int_equal(vmoon_vq_in_flight(r->vq), 1);
}

static void test_vq_07__a_chain_of_exactly_size_descriptors_is_one(void **state)
{
	struct vq_rig *r = *state;

	for (uint16_t size = 1; size <= 256; size *= 2) {
		struct vmoon_desc d[256];

		vq_rig_start(r, size, 0);
		for (uint16_t i = 0; i < size; i++)
			d[i] = (struct vmoon_desc){BUF + i, 1,
						   i + 1 < size ? N : 0,
						   (uint16_t)(i + 1)};
		assert_int_equal(vq_rig_judge(r, d, size), VMOON_VQ_CHAIN);
		assert_int_equal(r->chain.count, size);
		assert_int_equal(r->chain.readable, size);
		d[size - 1].flags = N; /* one more, wherever it leads */
		d[size - 1].next = 0;
		assert_malformed(r, d, size);
		vq_rig_fetched(r, 2u + size);
	}
}

static void test_q01__loops_end_after_size_steps(void **state)
{
	struct vq_rig *r = *state;
	static const uint16_t sizes[] = {1, 2, 8, 256};

	/* VQ-28: of buffers as large as can be, or of none. */
	for (size_t s = 0; s < VMOON_COUNTOF(sizes); s++) {
		const uint16_t size = sizes[s];

		vq_rig_start(r, size, 0);
		for (uint16_t cycle = 1; cycle <= size; cycle++) {
			struct vmoon_desc d[256];

			if (cycle > 2 && cycle < size - 1)
				continue;
			for (uint16_t i = 0; i < cycle; i++)
				d[i] = (struct vmoon_desc){
					BUF, i & 1, N,
					(uint16_t)((i + 1) % cycle)};
			assert_malformed(r, d, cycle);
			vq_rig_fetched(r, 2u + size);
			d[0].len = UINT32_MAX;
			assert_malformed(r, d, cycle);
			assert_true(r->mem.log.count <= 2u + size);
		}
		vq_rig_works(r);
	}
}

static void test_vq_28__a_descriptor_that_is_its_own_next_ends(void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_desc d = {BUF, UINT32_MAX, N, 0};

	assert_malformed(r, &d, 1);
	assert_true(r->mem.log.count <= 2 + VQ_RIG_SIZE);
	vq_rig_works(r);
}

static void test_vq_08__a_next_beyond_the_table_is_malformed(void **state)
{
	struct vq_rig *r = *state;
	static const uint16_t nexts[] = {8, 9, 0x7fff, 0x8000, 0xffff};

	/* Q02: in a table of its own as well. */
	for (size_t i = 0; i < VMOON_COUNTOF(nexts); i++) {
		const struct vmoon_desc d = {BUF, 1, N, nexts[i]};
		const struct vmoon_desc in = {TABLE, 16, I, 0};

		assert_malformed(r, &d, 1);
		put_table(r, TABLE, &d, 1);
		assert_malformed(r, &in, 1);
		vq_rig_works(r);
	}
}

static void test_vq_10__a_chain_of_2_to_the_32_bytes_is_malformed(void **state)
{
	struct vq_rig *r = *state;
	struct vmoon_desc d[] = {{BUF, 0x80000000, N, 1},
				 {BUF, 0x7fffffff, W, 2}};
	struct vmoon_desc many[256];

	/* Q08: one less is a chain, which its accesses will judge. */
	assert_int_equal(vq_rig_judge(r, d, 2), VMOON_VQ_CHAIN);
	assert_int_equal(r->chain.readable, 0x80000000);
	assert_int_equal(r->chain.writable, 0x7fffffff);
	d[1].len++;
	assert_malformed(r, d, 2);
	vq_rig_start(r, 256, 0);
	for (uint16_t i = 0; i < 256; i++)
		many[i] =
			(struct vmoon_desc){BUF, UINT32_C(1) << 31,
					    i < 255 ? N : 0, (uint16_t)(i + 1)};
	assert_malformed(r, many, 256);
	assert_true(r->mem.log.count <= 4);
	/* Q09: one buffer 256 times, 4 GiB less 256 bytes that are not there */
	for (uint16_t i = 0; i < 256; i++)
		many[i].len = (UINT32_C(1) << 24) - 1;
	assert_int_equal(vq_rig_judge(r, many, 256), VMOON_VQ_CHAIN);
	assert_int_equal(r->chain.readable, UINT32_MAX - 255);
}

static void test_q13__a_buffer_that_wraps_is_malformed(void **state)
{
	struct vq_rig *r = *state;
	static const struct {
		uint64_t addr;
		uint32_t len;
	} wraps[] = {{UINT64_MAX, 2},
		     {UINT64_MAX, UINT32_MAX},
		     {UINT64_MAX - 1, 3},
		     {UINT64_MAX - 14, 16},
		     {UINT64_MAX - 4095, 4097},
		     {0xfffffffff0000000, 0x10000001},
		     {0xffffffff00000002, UINT32_MAX},
		     {UINT64_MAX, 1}};

	for (size_t i = 0; i < VMOON_COUNTOF(wraps); i++)
		for (unsigned flags = 0; flags <= W; flags += W) {
			const struct vmoon_desc d = {wraps[i].addr,
						     wraps[i].len,
						     (uint16_t)flags, 0};

			assert_malformed(r, &d, 1);
		}
	vq_rig_works(r);
}

static void test_q06__empty_buffers_are_steps_and_nothing_else(void **state)
{
	struct vq_rig *r = *state;

	/* Every set of positions of a chain of 8, all of them included. */
	for (unsigned empty = 0; empty < 256; empty++) {
		struct vmoon_desc d[8];
		unsigned full = 0;

		for (uint16_t i = 0; i < 8; i++) {
			const bool is_full = (empty >> i & 1) == 0;

			d[i] = (struct vmoon_desc){BUF + i, is_full,
						   (i < 7 ? N : 0) |
							   (i >= 4 ? W : 0),
						   (uint16_t)(i + 1)};
			full += is_full;
		}
		assert_int_equal(vq_rig_judge(r, d, 8), VMOON_VQ_CHAIN);
		assert_int_equal(r->chain.count, full);
		vq_rig_fetched(r, 10);
		for (uint32_t i = 0; i < r->chain.count; i++)
			assert_int_equal(r->segs[i].len, 1);
	}
}

/* Nothing to write is no beginning; nothing to read is out of order as well. */
static void test_q06__an_empty_buffer_begins_no_part(void **state)
{
	struct vq_rig *r = *state;
	struct vmoon_desc d[] = {
		{BUF, 0, N | W, 1}, {BUF, 8, N, 2}, {BUF, 4, W, 0}};

	assert_int_equal(vq_rig_judge(r, d, 3), VMOON_VQ_CHAIN);
	assert_int_equal(r->chain.count, 2);
	assert_int_equal(r->chain.readable_count, 1);
	assert_int_equal(r->chain.readable, 8);
	assert_int_equal(r->chain.writable, 4);
	d[0].len = 1;
	assert_malformed(r, d, 3);
	d[1].len = 0;
	assert_malformed(r, d, 3);
}

static void test_vq_26__readable_after_writable_is_malformed(void **state)
{
	struct vq_rig *r = *state;

	/* Q10: all patterns of length 1 to 4. */
	for (unsigned n = 1; n <= 4; n++)
		for (unsigned pattern = 0; pattern < 1u << n; pattern++) {
			struct vmoon_desc d[4];
			bool is_good = true;

			for (unsigned i = 0; i < n; i++) {
				const unsigned w = pattern >> i & 1;

				d[i] = (struct vmoon_desc){
					BUF + 64 * i, 64,
					(uint16_t)((i + 1 < n ? N : 0) | w * W),
					(uint16_t)(i + 1)};
				is_good &= w == 1 || i == 0 ||
					   (pattern >> (i - 1) & 1) == 0;
			}
			if (!is_good) {
				assert_malformed(r, d, n);
				continue;
			}
			assert_int_equal(vq_rig_judge(r, d, n), VMOON_VQ_CHAIN);
			assert_int_equal(r->chain.readable + r->chain.writable,
					 64 * n);
		}
	vq_rig_works(r);
}

static void test_vq__a_chain_longer_than_its_storage_is_malformed(void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_desc d[] = {
		{BUF, 1, N, 1}, {BUF, 0, N, 2}, {BUF, 1, N, 3}, {BUF, 1, 0, 0}};

	r->chain.cap = 3;
	assert_int_equal(vq_rig_judge(r, d, 4), VMOON_VQ_CHAIN);
	r->chain.cap = 2;
	r->segs[2] = (struct vmoon_seg){1, 2};
	assert_malformed(r, d, 4);
	assert_int_equal(r->segs[2].gpa, 1);
	r->chain.cap = 0;
	assert_malformed(r, d, 4);
}

static void test_vq_16__indirect_tables_of_1_and_256_entries_work(void **state)
{
	struct vq_rig *r = *state;
	struct vmoon_desc many[257];
	struct vmoon_desc d[] = {{BUF, 7, N, 1}, {TABLE, 16, I, 0}};

	for (uint16_t i = 0; i < 257; i++)
		many[i] = (struct vmoon_desc){BUF + i, 2, i < 255 ? N | W : W,
					      (uint16_t)(i + 1)};
	for (unsigned at = 0; at < 4; at++) { /* aligned or not */
		put_table(r, TABLE + at, many + 255, 1);
		d[1].addr = TABLE + at;
		d[1].len = 16;
		assert_int_equal(vq_rig_judge(r, d, 2), VMOON_VQ_CHAIN);
		assert_int_equal(r->chain.count, 2);
		assert_int_equal(r->chain.readable, 7);
		assert_int_equal(r->chain.writable, 2);
		put_table(r, TABLE + at, many, 256);
		d[1].len = 4096;
		assert_int_equal(vq_rig_judge(r, d, 2), VMOON_VQ_CHAIN);
		assert_int_equal(r->chain.count, 257);
		assert_int_equal(r->chain.writable, 512);
		assert_int_equal(r->mem.log.twice, 0);
	}
	many[255].flags |= N; /* to its own entry 256, which is not there */
	put_table(r, TABLE, many, 256);
	d[1].addr = TABLE;
	assert_malformed(r, d, 2);
}

static void test_q07__tables_that_are_none_are_malformed(void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_desc good = {BUF, 1, 0, 0};
	const struct vmoon_desc nested = {TABLE + 16, 16, I, 0};
	const struct vmoon_desc after = {TABLE + 16, 16, I | N, 0};
	static const struct {
		uint64_t addr;
		uint32_t len;
	} bad[] = {
		{TABLE, 0},
		{TABLE, 1},
		{TABLE, 15},
		{TABLE, 17},
		{TABLE, 16 * 65536},
		{TABLE, UINT32_MAX - 15},
		{TABLE, UINT32_MAX},
		{HOSTILE_HOLE, 16},
		{HOSTILE_HOLE - 15, 16},
		{HOSTILE_HOLE - 16, 32},
		{UINT64_MAX - 15, 16},
		{UINT64_MAX - 7, 16},
	};

	for (unsigned flags = I; flags <= (I | N | W); flags++)
		for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
			const struct vmoon_desc d = {bad[i].addr, bad[i].len,
						     (uint16_t)flags, 0};

			put_table(r, TABLE, &good, 1);
			put_table(r, HOSTILE_HOLE - 16, &good, 1);
			assert_malformed(r, &d, 1);
		}
	for (int k = 0; k < 2; k++) {
		const struct vmoon_desc d = {TABLE, 32, I, 0};

		put_table(r, TABLE, k == 0 ? &nested : &after, 1);
		put_table(r, TABLE + 16, &good, 1);
		assert_malformed(r, &d, 1);
	}
	for (vmoon_gpa end = HOSTILE_HOLE - 16; end <= HOSTILE_HOLE;
	     end += 16) {
		const struct vmoon_desc d = {end - 16, 16, I, 0};

		put_table(r, end - 16, &good, 1);
		assert_int_equal(vq_rig_judge(r, &d, 1), VMOON_VQ_CHAIN);
	}
	vq_rig_works(r);
}

static void test_q07__a_table_of_65535_entries_is_the_largest(void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_desc good = {BUF, 1, 0, 0};
	const vmoon_gpa at = HOSTILE_HEAP + 0x1000;
	struct vmoon_desc d = {at, 65535 * 16, I, 0};

	put_table(r, at, &good, 1);
	assert_int_equal(vq_rig_judge(r, &d, 1), VMOON_VQ_CHAIN);
	d.len += 16;
	assert_malformed(r, &d, 1);
}

static void test_q07__a_loop_in_a_table_ends_after_its_entries(void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_desc loop[] = {{BUF, 0, N, 1}, {BUF, 0, N, 0}};
	const struct vmoon_desc d = {TABLE, 100 * 16, I, 0};

	put_table(r, TABLE, loop, 2);
	assert_malformed(r, &d, 1);
	vq_rig_fetched(r, 2 + 1 + 100);
}

static void test_vq_17__next_and_write_beside_indirect_are_void(void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_desc good = {BUF, 3, 0, 0};
	const uint16_t flags[] = {I, I | N, I | W, I | N | W};

	put_table(r, TABLE, &good, 1);
	for (size_t i = 0; i < VMOON_COUNTOF(flags); i++) {
		const struct vmoon_desc d = {TABLE, 16, flags[i], 0xffff};

		assert_int_equal(vq_rig_judge(r, &d, 1), VMOON_VQ_CHAIN);
		assert_int_equal(r->chain.count, 1);
		assert_int_equal(r->chain.readable, 3);
	}
}

static void test_vq_26__a_table_goes_on_with_the_part_before_it(void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_desc in_table[] = {{BUF, 4, N | W, 1},
					      {BUF, 2, W, 0}};
	const struct vmoon_desc reads = {BUF, 4, 0, 0};
	struct vmoon_desc d[] = {{BUF, 16, N, 1}, {TABLE, 32, I, 0}};

	put_table(r, TABLE, in_table, 2);
	for (uint16_t part = 0; part <= W; part = (uint16_t)(part + W)) {
		d[0].flags = N | part;
		assert_int_equal(vq_rig_judge(r, d, 2), VMOON_VQ_CHAIN);
		assert_int_equal(r->chain.count, 3);
		assert_int_equal(r->chain.readable_count, part == 0);
		assert_int_equal(r->chain.readable, part == 0 ? 16 : 0);
		assert_int_equal(r->chain.writable, part == 0 ? 6 : 22);
	}
	put_table(r, TABLE, &reads, 1);
	d[1].len = 16;
	assert_malformed(r, d, 2);
	d[0].flags = N;
	assert_int_equal(vq_rig_judge(r, d, 2), VMOON_VQ_CHAIN);
	assert_int_equal(r->chain.readable, 20);
	assert_int_equal(r->chain.readable_count, 2);
}

static void test_vq_18__indirect_that_was_not_negotiated_is_malformed(
	void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_desc good = {BUF, 3, 0, 0};
	const struct vmoon_desc d = {TABLE, 16, I, 0};

	put_table(r, TABLE, &good, 1);
	vq_rig_start(r, VQ_RIG_SIZE, VMOON_VIRTIO_F_EVENT_IDX);
	assert_malformed(r, &d, 1);
	vq_rig_fetched(r, 3); /* the table was not looked at */
	vq_rig_works(r);
}

static void test_vq_09__a_table_that_is_unplugged_is_malformed(void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_desc d[] = {{BUF, 16, N, 1}, {BUF, 16, 0, 0}};

	/*
	 * The table begins in A and ends in B. An address space never changes;
	 * a window on two blocks is looked up each time.
	 */
	r->ring.desc = HOSTILE_B - 16;
	r->setup.part[VMOON_VQ_DESC] = HOSTILE_B - 16;
	assert_true(vmoon_vq_start(r->vq, &r->setup, &r->mem.device.gm, 0));
	assert_int_equal(vq_rig_judge(r, d, 2), VMOON_VQ_CHAIN);
	vmoon_vq_stop(r->vq);
	r->ring.desc = HOSTILE_HOLE - 16;
	r->setup.part[VMOON_VQ_DESC] = HOSTILE_HOLE - 16;
	assert_false(vmoon_vq_setup_is_valid(&r->setup, &r->mem.device.gm));
	assert_false(vmoon_vq_start(r->vq, &r->setup, &r->mem.device.gm, 0));
	assert_false(vmoon_vq_pop(r->vq, &r->chain));
}

static const struct CMUnitTest tests[] = {
	VQ_TEST(test_vq_06__an_empty_queue_has_none_and_one_chain_comes_once),
	VQ_TEST(test_vq_07__a_chain_of_exactly_size_descriptors_is_one),
	VQ_TEST(test_q01__loops_end_after_size_steps),
	VQ_TEST(test_vq_28__a_descriptor_that_is_its_own_next_ends),
	VQ_TEST(test_vq_08__a_next_beyond_the_table_is_malformed),
	VQ_TEST(test_vq_10__a_chain_of_2_to_the_32_bytes_is_malformed),
	VQ_TEST(test_q13__a_buffer_that_wraps_is_malformed),
	VQ_TEST(test_q06__empty_buffers_are_steps_and_nothing_else),
	VQ_TEST(test_q06__an_empty_buffer_begins_no_part),
	VQ_TEST(test_vq_26__readable_after_writable_is_malformed),
	VQ_TEST(test_vq__a_chain_longer_than_its_storage_is_malformed),
	VQ_TEST(test_vq_16__indirect_tables_of_1_and_256_entries_work),
	VQ_TEST(test_q07__tables_that_are_none_are_malformed),
	VQ_TEST(test_q07__a_table_of_65535_entries_is_the_largest),
	VQ_TEST(test_q07__a_loop_in_a_table_ends_after_its_entries),
	VQ_TEST(test_vq_17__next_and_write_beside_indirect_are_void),
	VQ_TEST(test_vq_26__a_table_goes_on_with_the_part_before_it),
	VQ_TEST(test_vq_18__indirect_that_was_not_negotiated_is_malformed),
	VQ_TEST(test_vq_09__a_table_that_is_unplugged_is_malformed),
};

int main(void)
{
	return VQ_RUN_BOTH(tests);
}
