/* SPDX-License-Identifier: MIT */
/* test_blk.c - a disk, request by request, as its driver sees it. */
#include "virtio/blk.h"

#include "tests/support/blk_ask.h"
#include "tests/support/fixture.h"

enum { SECTORS = 64, DISK_BYTES = SECTORS * 512 + 100 };

#define DATA RIG_DATA
#define HOLE UINT64_C(0x400000)
#define F(bit) (UINT64_C(1) << (bit))

static int set_up_with(void **state, bool is_readonly)
{
	struct blk_rig *r = malloc(sizeof(*r));
	struct vmoon_blk_config cfg = {
		.id = "disk-of-the-tests", .queues = 1, .has_flush = true};

	assert_non_null(r);
	assert_true(rig_init_memory(r));
	assert_true(rig_init_disk(r, DISK_BYTES, is_readonly));
	assert_true(rig_create(r, &cfg));
	*state = r;
	return 0;
}

static int set_up(void **state)
{
	return set_up_with(state, false);
}

static int set_up_readonly(void **state)
{
	return set_up_with(state, true);
}

static int tear_down(void **state)
{
	rig_fini(*state);
	free(*state);
	return 0;
}

static void assert_sector(struct blk_rig *r, unsigned sector, unsigned byte)
{
	for (size_t i = 0; i < 512; i++)
		assert_int_equal(
			vmoon_array_disk_bytes(r->disk)[sector * 512 + i],
			byte);
}

static void test_blk_01__what_was_written_is_read_at_its_sectors(void **state)
{
	struct blk_rig *r = *state;
	const struct rig_buf out = {DATA, 1024, false};
	const struct rig_buf in = {DATA + 0x1000, 2048, true};
	uint32_t len = 0;

	memset(rig_at(r, DATA), 0x77, 1024);
	assert_int_equal(ask(r, T_OUT, 3, &out, &len), S_OK);
	assert_int_equal(len, 1);
	assert_int_equal(ask(r, T_IN, 2, &in, &len), S_OK);
	assert_int_equal(len, 2049);
	assert_filled(r, DATA + 0x1000, 3, 512);
	assert_filled(r, DATA + 0x1200, 0x77, 1024);
	assert_filled(r, DATA + 0x1600, 6, 512);
	assert_filled(r, DATA + 0x1800, RIG_POISON, 512);
	assert_int_equal(rig_stats(r).reads, 1);
	assert_int_equal(rig_stats(r).writes, 1);
	assert_int_equal(rig_stats(r).read_bytes, 2048);
	assert_int_equal(rig_stats(r).written_bytes, 1024);
	assert_int_equal(r->faults, 0);
}

static void test_blk_02__the_id_is_20_bytes_padded_with_zeroes(void **state)
{
	struct blk_rig *r = *state;
	const struct rig_buf data = {DATA, 20, true};
	const struct rig_buf longer = {DATA + 64, 40, true};
	uint32_t len = 0;

	assert_int_equal(ask(r, T_ID, 0, &data, &len), S_OK);
	assert_int_equal(len, 21);
	assert_memory_equal(rig_at(r, DATA), "disk-of-the-tests\0\0\0", 20);
	assert_int_equal(ask(r, T_ID, 0, &longer, &len), S_OK);
	assert_int_equal(len, 21);
	assert_filled(r, DATA + 84, RIG_POISON, 20);
}

static void test_blk_03__a_flush_reaches_the_backend_once(void **state)
{
	struct blk_rig *r = *state;
	struct vmoon_array_disk_entry e;
	uint32_t len = 0;

	assert_int_equal(ask(r, T_FLUSH, 0, NULL, &len), S_OK);
	assert_int_equal(len, 1);
	assert_int_equal(vmoon_array_disk_logged(r->disk), 1);
	assert_true(vmoon_array_disk_entry(r->disk, 0, &e));
	assert_int_equal(e.op, VMOON_BLOCK_FLUSH);
	r->vd->ops->reset(r->vd);
	assert_true(rig_start(r, 0) && rig_activate(r, 0));
	assert_int_equal(ask(r, T_FLUSH, 0, NULL, &len), S_UNSUPP);
	assert_int_equal(len, 1);
	assert_int_equal(vmoon_array_disk_logged(r->disk), 1);
	assert_int_equal(rig_stats(r).flushes, 1);
	assert_int_equal(rig_stats(r).unsupported, 1);
}

static void test_blk_04__an_odd_length_leaves_the_disk_alone(void **state)
{
	struct blk_rig *r = *state;
	const struct rig_buf out = {DATA, 513, false};
	uint32_t len = 0;

	assert_int_equal(ask(r, T_OUT, 0, &out, &len), S_IOERR);
	assert_int_equal(len, 1);
	assert_int_equal(vmoon_array_disk_logged(r->disk), 0);
	assert_int_equal(rig_stats(r).errors, 1);
	assert_int_equal(r->faults, 1);
	assert_alive(r);
}

static void test_blk_05__the_end_that_is_no_sector_is_not_there(void **state)
{
	struct blk_rig *r = *state;
	const struct rig_buf data = {DATA, 512, true};
	uint64_t capacity = 0;
	uint32_t len = 0;

	memcpy(&capacity, r->vd->config, 8);
	assert_int_equal(capacity, SECTORS);
	assert_int_equal(rig_stats(r).size_bytes, SECTORS * 512);
	assert_int_equal(ask(r, T_IN, SECTORS - 1, &data, &len), S_OK);
	assert_int_equal(ask(r, T_IN, SECTORS, &data, &len), S_IOERR);
	assert_filled(r, DATA, SECTORS, 512);
}

static void test_blk_06_k01__a_write_across_the_end_writes_nothing(void **state)
{
	struct blk_rig *r = *state;
	uint32_t len = 0;

	for (unsigned k = 1; k <= 64; k++) {
		const struct rig_buf out = {DATA, (k + 1) * 512, false};

		assert_int_equal(ask(r, T_OUT, SECTORS - k, &out, &len),
				 S_IOERR);
		assert_int_equal(len, 1);
	}
	assert_int_equal(vmoon_array_disk_logged(r->disk), 0);
	assert_int_equal(r->disk->size_bytes, DISK_BYTES);
	assert_alive(r);
}

static void test_blk_08_k06__a_readonly_disk_stays_as_it_is(void **state)
{
	struct blk_rig *r = *state;
	const struct rig_buf out = {DATA, 512, false};
	const struct rig_buf list = {DATA, 16, false};
	const struct rig_buf in = {DATA + 512, 512, true};
	uint32_t len = 0;

	assert_int_equal(r->vd->features & (F(5) | F(13) | F(14)), F(5));
	memset(rig_at(r, DATA), 0, 16);
	rig_put(r, DATA + 8, 1, 4);
	assert_int_equal(ask(r, T_OUT, 0, &out, &len), S_IOERR);
	assert_int_equal(ask(r, T_DISCARD, 0, &list, &len), S_IOERR);
	assert_int_equal(ask(r, T_WZ, 0, &list, &len), S_IOERR);
	assert_int_equal(vmoon_array_disk_logged(r->disk), 0);
	assert_int_equal(ask(r, T_FLUSH, 0, NULL, &len), S_OK);
	assert_int_equal(ask(r, T_ID, 0, &in, &len), S_OK);
	assert_alive(r);
	for (unsigned i = 0; i < SECTORS; i++)
		assert_sector(r, i, i + 1);
}

static void test_blk_10_k04__without_a_status_the_head_comes_back_with_0(
	void **state)
{
	struct blk_rig *r = *state;
	const uint16_t i = rig_header(r, 0, T_FLUSH, 0);
	const struct rig_buf header = {RIG_HEADER(0, i), 16, false};
	const struct rig_buf hole[] = {header, {HOLE, 1, true}};
	const struct rig_buf readable[] = {header, {DATA, 1, false}};
	uint32_t id, len = 0;

	rig_offer(r, 0, rig_chain(r, 0, &header, 1));
	rig_offer(r, 0, rig_chain(r, 0, hole, 2));
	rig_offer(r, 0, rig_chain(r, 0, readable, 2));
	rig_run(r, 1000);
	for (unsigned n = 0; n < 3; n++) {
		assert_true(rig_used(r, 0, &id, &len));
		assert_int_equal(len, 0);
	}
	assert_int_equal(r->faults, 3);
	assert_int_equal(rig_stats(r).in_flight, 0);
	assert_int_equal(vmoon_array_disk_logged(r->disk), 0);
	assert_alive(r);
}

static void test_vq_26_q10__each_order_of_directions(void **state)
{
	struct blk_rig *r = *state;
	unsigned count = 0;
	uint32_t id, len = 0;

	for (unsigned n = 1; n <= 4; n++) {
		for (unsigned dirs = 0; dirs < 1u << n; dirs++) {
			struct rig_buf bufs[4];

			for (unsigned i = 0; i < n; i++)
				bufs[i] =
					(struct rig_buf){DATA + 0x1000 * i, 512,
							 (dirs & 1u << i) != 0};
			/* A readable buffer is as it was; it says T_IN. */
			memset(rig_at(r, DATA), 0, 16);
			memset(rig_at(r, DATA + 0x1000), 0x33, 0x3000);
			rig_offer(r, 0, rig_chain(r, 0, bufs, n));
			rig_run(r, 1000);
			assert_true(rig_used(r, 0, &id, &len));
			count++;
			for (unsigned i = 1; i < n; i++)
				if (!bufs[i].is_write)
					assert_filled(r, bufs[i].gpa, 0x33,
						      512);
			/* 512, ... and 511 + 1 are no sectors of data. */
			assert_true(len <= 1);
		}
	}
	assert_int_equal(count, 30);
	assert_alive(r);
}

static void test_blk_11__a_longer_buffer_has_the_status_at_its_end(void **state)
{
	struct blk_rig *r = *state;
	const uint16_t i = rig_header(r, 0, T_IN, 4);
	const struct rig_buf bufs[] = {{RIG_HEADER(0, i), 16, false},
				       {DATA, 100, true},
				       {DATA + 0x1000, 413, true}};
	uint32_t id, len = 0;

	rig_offer(r, 0, rig_chain(r, 0, bufs, 3));
	rig_run(r, 1000);
	assert_true(rig_used(r, 0, &id, &len));
	assert_int_equal(len, 513);
	assert_filled(r, DATA, 5, 100);
	assert_filled(r, DATA + 0x1000, 5, 412);
	assert_int_equal(*rig_at(r, DATA + 0x1000 + 412), S_OK);
	assert_filled(r, DATA + 100, RIG_POISON, 100);
	assert_filled(r, DATA + 0x1000 + 413, RIG_POISON, 100);
}

static void test_blk_12__a_header_in_two_descriptors(void **state)
{
	struct blk_rig *r = *state;
	const uint16_t i = rig_header(r, 0, T_IN, 4);
	const struct rig_buf bufs[] = {{RIG_HEADER(0, i), 5, false},
				       {RIG_HEADER(0, i) + 5, 11, false},
				       {DATA, 512, true},
				       {RIG_STATUS(0, i), 1, true}};
	uint32_t id, len = 0;

	rig_offer(r, 0, rig_chain(r, 0, bufs, 4));
	rig_run(r, 1000);
	assert_true(rig_used(r, 0, &id, &len));
	assert_int_equal(len, 513);
	assert_filled(r, DATA, 5, 512);
}

/* Header and status byte by byte around as much data as is advertised. */
static void test_q09__the_longest_chain_that_is_advertised_goes(void **state)
{
	struct blk_rig *r = *state;
	const uint16_t i = rig_header(r, 0, T_IN, 0);
	struct rig_buf bufs[16 + 126 + 2];
	uint32_t id, len = 0;
	unsigned n = 0;

	for (unsigned k = 0; k < 16; k++)
		bufs[n++] = (struct rig_buf){RIG_HEADER(0, i) + k, 1, false};
	for (unsigned k = 0; k < 126; k++)
		bufs[n++] = (struct rig_buf){DATA + k * 256, 256, true};
	bufs[n++] = (struct rig_buf){RIG_STATUS(0, i), 1, true};
	rig_offer(r, 0, rig_chain(r, 0, bufs, n));
	rig_run(r, 1000);
	assert_true(rig_used(r, 0, &id, &len));
	assert_int_equal(len, 126 * 256 + 1);
	assert_int_equal(rig_get(r, RIG_STATUS(0, i), 1), S_OK);
	bufs[n] = bufs[n - 1];
	rig_offer(r, 0, rig_chain(r, 0, bufs, n + 1));
	rig_run(r, 1000);
	assert_true(rig_used(r, 0, &id, &len));
	assert_int_equal(len, 0); /* more than there is storage for */
	assert_alive(r);
}

static void test_blk_13__exactly_the_listed_ranges_become_zeroes(void **state)
{
	struct blk_rig *r = *state;
	const struct rig_buf list = {DATA, 64, false};
	struct vmoon_array_disk_entry e;
	uint32_t len = 0;

	put_segment(r, 0, 0, 1, 1);
	put_segment(r, 1, 5, 0, 0);
	put_segment(r, 2, 10, 2, 0);
	put_segment(r, 3, SECTORS - 1, 1, 1);
	assert_int_equal(ask(r, T_WZ, 0, &list, &len), S_OK);
	assert_int_equal(len, 1);
	for (unsigned i = 0; i < SECTORS; i++)
		assert_sector(r, i,
			      i == 0 || i == 10 || i == 11 || i == SECTORS - 1
				      ? 0
				      : i + 1);
	assert_int_equal(vmoon_array_disk_logged(r->disk), 3);
	assert_true(vmoon_array_disk_entry(r->disk, 0, &e) && e.may_unmap);
	assert_true(vmoon_array_disk_entry(r->disk, 1, &e) && !e.may_unmap);
	assert_true(vmoon_array_disk_entry(r->disk, 2, &e) && e.may_unmap);
	put_segment(r, 0, 20, 1, 0);
	assert_int_equal(
		ask(r, T_DISCARD, 0, &(struct rig_buf){DATA, 16, false}, &len),
		S_OK);
	assert_int_equal(vmoon_array_disk_logged(r->disk), 4);
	assert_int_equal(r->disk->size_bytes, DISK_BYTES);
	assert_int_equal(rig_stats(r).zeroes, 1);
	assert_int_equal(rig_stats(r).discards, 1);
}

static void test_blk_16__a_bad_range_behind_good_ones_changes_nothing(
	void **state)
{
	struct blk_rig *r = *state;
	const struct rig_buf list = {DATA, 32, false};
	uint32_t len = 0;

	put_segment(r, 0, 0, 1, 0);
	put_segment(r, 1, SECTORS - 1, 2, 0);
	assert_int_equal(ask(r, T_WZ, 0, &list, &len), S_IOERR);
	assert_int_equal(ask(r, T_DISCARD, 0, &list, &len), S_IOERR);
	put_segment(r, 1, 0, 1, 2);
	assert_int_equal(ask(r, T_WZ, 0, &list, &len), S_UNSUPP);
	assert_int_equal(vmoon_array_disk_logged(r->disk), 0);
}

static void test_blk_17__types_that_are_none(void **state)
{
	struct blk_rig *r = *state;
	static const uint32_t types[] = {2, 3, 5, 9, 10, 12, 14, 255, 1u << 31};
	const struct rig_buf data = {DATA, 512, true};
	uint32_t len = 0;

	for (size_t i = 0; i < VMOON_COUNTOF(types); i++) {
		assert_int_equal(ask(r, types[i], 0, &data, &len), S_UNSUPP);
		assert_int_equal(len, 1);
	}
	assert_int_equal(rig_stats(r).unsupported, VMOON_COUNTOF(types));
	assert_int_equal(r->faults, 0);
	assert_filled(r, DATA, RIG_POISON, 512);
}

static void test_blk_18__a_buffer_partly_outside_ram_gets_nothing(void **state)
{
	struct blk_rig *r = *state;
	const struct rig_buf end = {RIG_LOW + RIG_LOW_BYTES - 512, 1024, true};
	uint32_t len = 0;

	assert_int_equal(ask(r, T_IN, 0, &end, &len), S_IOERR);
	assert_int_equal(len, 1);
	assert_filled(r, end.gpa, RIG_POISON, 512);
	assert_alive(r);
}

/* The bytes that came before the error are told of, none beyond them is. */
static void test_blk_18_blk_19__a_read_that_fails_half_way(void **state)
{
	struct blk_rig *r = *state;
	const struct rig_buf data = {DATA, 2048, true};
	uint32_t len = 0;

	assert_true(rig_fail(r, VMOON_BLOCK_READ, 1, EIO, 700));
	assert_int_equal(ask(r, T_IN, 0, &data, &len), S_IOERR);
	assert_int_equal(len, 701);
	assert_filled(r, DATA, 1, 512);
	assert_filled(r, DATA + 512, 2, 188);
	assert_filled(r, DATA + 700, RIG_POISON, 2048 - 700);
	assert_int_equal(rig_stats(r).read_bytes, 700);
	assert_int_equal(rig_stats(r).reads, 0);
	assert_alive(r);
}

/* All that a request does not write is as it was, ring and header too. */
static void test_blk_19__no_byte_is_written_that_is_not_asked_for(void **state)
{
	struct blk_rig *r = *state;
	static const uint32_t types[] = {0, 1, 2, 4, 8, 11, 13};
	const struct rig_buf data = {DATA, 512, true};
	unsigned char *copy = malloc(RIG_LOW_BYTES);
	uint32_t len = 0;

	assert_non_null(copy);
	for (size_t i = 0; i < VMOON_COUNTOF(types); i++) {
		const uint16_t head = rig_request(r, 0, types[i], 1, &data);
		const vmoon_gpa used = RIG_RING(0) + 0x2000;
		uint32_t id;

		memcpy(copy, r->low, RIG_LOW_BYTES);
		rig_run(r, 1000);
		assert_true(rig_used(r, 0, &id, &len));
		memcpy(copy + (used - RIG_LOW), rig_at(r, used), 0x1000);
		copy[RIG_STATUS(0, head) - RIG_LOW] =
			*rig_at(r, RIG_STATUS(0, head));
		/* avail_event and flags are the queue's. */
		if (len > 1) {
			assert_memory_equal(copy + (DATA - RIG_LOW) + len - 1,
					    rig_at(r, DATA + len - 1),
					    513 - len);
			memcpy(copy + (DATA - RIG_LOW), rig_at(r, DATA),
			       len - 1);
		}
		assert_memory_equal(copy, r->low, RIG_LOW_BYTES);
	}
	free(copy);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define RO(f) cmocka_unit_test_setup_teardown(f, set_up_readonly, tear_down)

static const struct CMUnitTest tests[] = {
	T(test_blk_01__what_was_written_is_read_at_its_sectors),
	T(test_blk_02__the_id_is_20_bytes_padded_with_zeroes),
	T(test_blk_03__a_flush_reaches_the_backend_once),
	T(test_blk_04__an_odd_length_leaves_the_disk_alone),
	T(test_blk_05__the_end_that_is_no_sector_is_not_there),
	T(test_blk_06_k01__a_write_across_the_end_writes_nothing),
	RO(test_blk_08_k06__a_readonly_disk_stays_as_it_is),
	T(test_blk_10_k04__without_a_status_the_head_comes_back_with_0),
	T(test_vq_26_q10__each_order_of_directions),
	T(test_blk_11__a_longer_buffer_has_the_status_at_its_end),
	T(test_blk_12__a_header_in_two_descriptors),
	T(test_q09__the_longest_chain_that_is_advertised_goes),
	T(test_blk_13__exactly_the_listed_ranges_become_zeroes),
	T(test_blk_16__a_bad_range_behind_good_ones_changes_nothing),
	T(test_blk_17__types_that_are_none),
	T(test_blk_18__a_buffer_partly_outside_ram_gets_nothing),
	T(test_blk_18_blk_19__a_read_that_fails_half_way),
	T(test_blk_19__no_byte_is_written_that_is_not_asked_for),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
