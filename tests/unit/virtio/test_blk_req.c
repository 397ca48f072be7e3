/* SPDX-License-Identifier: MIT */
/* test_blk_req.c - chains in, requests or refusals out; nothing is done. */
#include "tests/support/blk_parse_rig.h"

static void test_blk_01__a_request_is_its_place_on_the_disk(void **state)
{
	struct parse_rig *p = *state;

	assert_int_equal(ask(p, T_IN, 3, 1024, true), VMOON_BLK_OK);
	assert_int_equal(p->req.type, VMOON_BLK_IN);
	assert_int_equal(p->req.offset, 3 * 512);
	assert_int_equal(p->req.len, 1024);
	assert_int_equal(p->req.data.left, 1024);
	assert_int_equal(ask(p, T_OUT, 63, 512, false), VMOON_BLK_OK);
	assert_int_equal(p->req.type, VMOON_BLK_OUT);
	assert_int_equal(p->req.offset, 63 * 512);
	assert_int_equal(p->req.data.left, 512);
}

static void test_blk_02__an_id_wants_20_bytes_of_room_or_more(void **state)
{
	struct parse_rig *p = *state;

	assert_int_equal(ask(p, T_ID, 0, 19, true), VMOON_BLK_IOERR);
	assert_int_equal(ask(p, T_ID, 0, 0, true), VMOON_BLK_IOERR);
	assert_int_equal(ask(p, T_ID, 0, 20, false), VMOON_BLK_IOERR);
	assert_int_equal(ask(p, T_ID, 0, 20, true), VMOON_BLK_OK);
	assert_int_equal(p->req.data.left, 20);
	assert_int_equal(ask(p, T_ID, 99, 4096, true), VMOON_BLK_OK);
	assert_int_equal(p->req.data.left, 20);
	p->facts.has_id = false;
	assert_int_equal(ask(p, T_ID, 0, 20, true), VMOON_BLK_UNSUPP);
}

static void test_blk_03__flush_is_supported_only_where_negotiated(void **state)
{
	struct parse_rig *p = *state;

	assert_int_equal(ask(p, T_FLUSH, 0, 0, false), VMOON_BLK_OK);
	assert_int_equal(ask(p, T_FLUSH, 1, 0, false), VMOON_BLK_IOERR);
	p->facts.has_flush = false;
	assert_int_equal(ask(p, T_FLUSH, 0, 0, false), VMOON_BLK_UNSUPP);
	assert_int_equal(ask(p, T_FLUSH, 1, 0, false), VMOON_BLK_UNSUPP);
}

static void test_blk_04__data_is_whole_sectors_and_not_none(void **state)
{
	struct parse_rig *p = *state;
	static const uint32_t bad[] = {0, 1, 511, 513, 1023};

	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		assert_int_equal(ask(p, T_IN, 0, bad[i], true),
				 VMOON_BLK_IOERR);
		assert_int_equal(ask(p, T_OUT, 0, bad[i], false),
				 VMOON_BLK_IOERR);
	}
}

static void test_blk_06_k01__each_buffer_fits_and_the_sum_does_not(void **state)
{
	struct parse_rig *p = *state;

	for (unsigned n = 1; n <= 62; n++) {
		for (unsigned left = 0; left <= n; left++) {
			struct rig_buf bufs[PARSE_SEGS];
			const bool fits = n <= left;

			header_at(p, HEADER, T_OUT, 64 - left);
			bufs[0] = (struct rig_buf){HEADER, 16, false};
			for (unsigned i = 1; i <= n; i++)
				bufs[i] = (struct rig_buf){DATA, 512, false};
			bufs[n + 1] = (struct rig_buf){STATUS, 1, true};
			chain_of(p, bufs, n + 2);
			assert_int_equal(
				vmoon_blk_parse(&p->chain, &p->facts, &p->req),
				fits ? VMOON_BLK_OK : VMOON_BLK_IOERR);
		}
	}
}

static void test_blk_07_k02__sectors_whose_bytes_do_not_fit(void **state)
{
	struct parse_rig *p = *state;
	static const uint64_t bad[] = {
		64,
		65,
		UINT64_C(1) << 32,
		(UINT64_C(1) << 54) - 1,
		UINT64_C(1) << 54,
		(UINT64_C(1) << 55) - 1,
		UINT64_C(1) << 55, /* times 512 is 0 in 64 bits */
		(UINT64_C(1) << 55) + 1,
		UINT64_C(1) << 63,
		UINT64_MAX,
	};

	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		assert_int_equal(ask(p, T_IN, bad[i], 512, true),
				 VMOON_BLK_IOERR);
		assert_int_equal(ask(p, T_OUT, bad[i], 512, false),
				 VMOON_BLK_IOERR);
		put_segment(p, 0, bad[i], 1, 0);
		assert_int_equal(ask(p, T_DISCARD, 0, 16, false),
				 VMOON_BLK_IOERR);
		assert_int_equal(ask(p, T_WZ, 0, 16, false), VMOON_BLK_IOERR);
		assert_int_equal(ask(p, T_FLUSH, bad[i], 0, false),
				 VMOON_BLK_IOERR);
		assert_int_equal(ask(p, T_ID, bad[i], 20, true), VMOON_BLK_OK);
	}
}

static void test_blk_08_k06__a_readonly_disk_is_not_written(void **state)
{
	struct parse_rig *p = *state;

	p->facts.is_readonly = true;
	put_segment(p, 0, 0, 1, 0);
	assert_int_equal(ask(p, T_OUT, 0, 512, false), VMOON_BLK_IOERR);
	assert_int_equal(ask(p, T_DISCARD, 0, 16, false), VMOON_BLK_IOERR);
	assert_int_equal(ask(p, T_WZ, 0, 16, false), VMOON_BLK_IOERR);
	p->facts.has_discard = p->facts.has_zeroes = false;
	assert_int_equal(ask(p, T_DISCARD, 0, 16, false), VMOON_BLK_IOERR);
	assert_int_equal(ask(p, T_IN, 0, 512, true), VMOON_BLK_OK);
	assert_int_equal(ask(p, T_FLUSH, 0, 0, false), VMOON_BLK_OK);
	assert_int_equal(ask(p, T_ID, 0, 20, true), VMOON_BLK_OK);
}

static void test_blk_09__data_of_the_wrong_direction_is_malformed(void **state)
{
	struct parse_rig *p = *state;
	const struct rig_buf both[] = {{HEADER, 16, false},
				       {DATA, 512, false},
				       {DATA + 512, 512, true},
				       {STATUS, 1, true}};

	put_segment(p, 0, 0, 1, 0);
	assert_int_equal(ask(p, T_IN, 0, 512, false), VMOON_BLK_IOERR);
	assert_int_equal(ask(p, T_OUT, 0, 512, true), VMOON_BLK_IOERR);
	assert_int_equal(ask(p, T_DISCARD, 0, 16, true), VMOON_BLK_IOERR);
	assert_int_equal(ask(p, T_WZ, 0, 16, true), VMOON_BLK_IOERR);
	for (unsigned type = 0; type <= T_WZ; type++) {
		header_at(p, HEADER, type, 0);
		chain_of(p, both, 4);
		assert_int_not_equal(parse(p), VMOON_BLK_NONE);
		if (type != T_FLUSH)
			assert_int_not_equal(parse(p), VMOON_BLK_OK);
	}
}

static void test_blk_10__without_a_place_for_the_status_there_is_none(
	void **state)
{
	struct parse_rig *p = *state;
	const struct rig_buf header[] = {{HEADER, 16, false}};
	const struct rig_buf out[] = {{HEADER, 16, false}, {DATA, 512, false}};
	const struct rig_buf hole[] = {{HEADER, 16, false}, {HOLE, 1, true}};
	const struct rig_buf end[] = {{HEADER, 16, false},
				      {RAM_END - 1, 2, true}};
	const struct rig_buf last[] = {{HEADER, 16, false},
				       {RAM_END - 1, 1, true}};

	header_at(p, HEADER, T_FLUSH, 0);
	chain_of(p, header, 1);
	assert_int_equal(parse(p), VMOON_BLK_NONE);
	chain_of(p, out, 2);
	assert_int_equal(parse(p), VMOON_BLK_NONE);
	chain_of(p, hole, 2);
	assert_int_equal(parse(p), VMOON_BLK_NONE);
	assert_false(vmoon_blk_answer(&p->chain, VMOON_BLK_OK));
	chain_of(p, end, 2);
	assert_int_equal(parse(p), VMOON_BLK_NONE);
	chain_of(p, header, 0); /* buffers of length 0 only */
	assert_int_equal(parse(p), VMOON_BLK_NONE);
	assert_false(vmoon_blk_answer(&p->chain, VMOON_BLK_IOERR));
	assert_int_equal(p->chain.written, 0);
	chain_of(p, last, 2);
	assert_int_equal(parse(p), VMOON_BLK_OK);
}

static void test_blk_11__the_status_is_the_last_byte_of_what_is_writable(
	void **state)
{
	struct parse_rig *p = *state;
	/* 512 of data and the status in two buffers of 500 and 13. */
	const struct rig_buf bufs[] = {
		{HEADER, 16, false}, {DATA, 500, true}, {STATUS, 13, true}};
	const struct rig_buf one[] = {{HEADER, 16, false}, {DATA, 513, true}};

	header_at(p, HEADER, T_IN, 5);
	chain_of(p, bufs, 3);
	assert_int_equal(parse(p), VMOON_BLK_OK);
	assert_int_equal(p->req.data.left, 512);
	assert_true(vmoon_blk_answer(&p->chain, VMOON_BLK_UNSUPP));
	assert_int_equal(rig_get(&p->r, STATUS + 12, 1), S_UNSUPP);
	assert_int_equal(rig_get(&p->r, STATUS + 11, 1), RIG_POISON);
	assert_int_equal(rig_get(&p->r, STATUS + 13, 1), RIG_POISON);
	assert_int_equal(p->chain.written, 1);
	chain_of(p, one, 2);
	assert_int_equal(parse(p), VMOON_BLK_OK);
	assert_int_equal(p->req.data.left, 512);
}

/* Q19: the header is 16 bytes whatever the buffers say. */
static void test_blk_12_q19__a_header_is_split_anywhere(void **state)
{
	struct parse_rig *p = *state;

	header_at(p, HEADER, T_IN, 7);
	for (unsigned a = 1; a < 15; a++) {
		for (unsigned b = 1; a + b < 16; b++) {
			const struct rig_buf bufs[] = {
				{HEADER, a, false},
				{HEADER + a, b, false},
				{HEADER + a + b, 16 - a - b, false},
				{DATA, 513, true}};

			chain_of(p, bufs, 4);
			assert_int_equal(
				vmoon_blk_parse(&p->chain, &p->facts, &p->req),
				VMOON_BLK_OK);
			assert_int_equal(p->req.offset, 7 * 512);
		}
	}
	for (unsigned len = 1; len < 16; len++) {
		const struct rig_buf bufs[] = {{HEADER, len, false},
					       {DATA, 513, true}};

		chain_of(p, bufs, 2);
		assert_int_equal(parse(p), VMOON_BLK_IOERR);
	}
}

/* A header and its data in one buffer, as the specification allows. */
static void test_q19__a_buffer_longer_than_the_header_goes_on_as_data(
	void **state)
{
	struct parse_rig *p = *state;
	const struct rig_buf bufs[] = {{HEADER, 4096, false},
				       {STATUS, 1, true}};
	struct vmoon_seg seg;

	header_at(p, HEADER, T_OUT, 0);
	chain_of(p, bufs, 2);
	assert_int_equal(parse(p), VMOON_BLK_IOERR); /* 4080 are no sectors */
	p->segs[0].len = p->chain.readable = 16 + 512;
	assert_int_equal(parse(p), VMOON_BLK_OK);
	assert_true(vmoon_cursor_next(&p->req.data, &seg));
	assert_int_equal(seg.gpa, HEADER + 16);
	assert_int_equal(seg.len, 512);
	header_at(p, HEADER, T_IN, 0);
	assert_int_equal(parse(p), VMOON_BLK_IOERR);
}

static void test_blk_17_k04_k05__types_that_are_none_are_not_supported(
	void **state)
{
	struct parse_rig *p = *state;
	uint32_t type = 12345;

	for (unsigned i = 0; i < 256; i++) {
		if (i == T_IN || i == T_OUT || i == T_FLUSH || i == T_ID ||
		    i == T_DISCARD || i == T_WZ)
			continue;
		assert_int_equal(ask(p, i, 0, 0, false), VMOON_BLK_UNSUPP);
		assert_int_equal(ask(p, i, 0, 512, true), VMOON_BLK_UNSUPP);
		assert_int_equal(ask(p, i, 0, 512, false), VMOON_BLK_UNSUPP);
	}
	for (unsigned i = 0; i < 32; i++) {
		type = type * 1664525 + 1013904223;
		assert_int_equal(ask(p, type | 0x100, 0, 512, true),
				 VMOON_BLK_UNSUPP);
	}
	/* The barrier bit of old is part of the type. */
	assert_int_equal(ask(p, 0x80000000, 0, 512, true), VMOON_BLK_UNSUPP);
}

static void test_k05__scsi_commands_in_six_layouts(void **state)
{
	struct parse_rig *p = *state;
	const struct rig_buf all[] = {{HEADER, 16, false}, {DATA, 32, false},
				      {DATA, 512, false},  {DATA, 96, true},
				      {DATA, 16, true},    {STATUS, 1, true}};
	const struct rig_buf end = {STATUS, 1, true};

	for (unsigned type = 2; type <= 3; type++) {
		header_at(p, HEADER, type, UINT64_MAX);
		for (unsigned n = 1; n <= 6; n++) {
			struct rig_buf bufs[6];

			memcpy(bufs, all, sizeof(bufs));
			bufs[n - 1] = n > 1 ? end : bufs[n - 1];
			chain_of(p, bufs, n);
			assert_int_equal(parse(p), n == 1 ? VMOON_BLK_NONE
							  : VMOON_BLK_UNSUPP);
		}
	}
}

static void test_blk_18__a_buffer_that_is_no_ram_refuses_the_request(
	void **state)
{
	struct parse_rig *p = *state;
	static const vmoon_gpa bad[] = {HOLE, RAM_END - 511, RIG_HIGH - 1,
					RIG_HIGH + RIG_HIGH_BYTES - 1,
					UINT64_MAX - 511};

	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		const struct rig_buf in[] = {{HEADER, 16, false},
					     {DATA, 512, true},
					     {bad[i], 512, true},
					     {STATUS, 1, true}};
		const struct rig_buf out[] = {{HEADER, 16, false},
					      {DATA, 512, false},
					      {bad[i], 512, false},
					      {STATUS, 1, true}};

		header_at(p, HEADER, T_IN, 0);
		chain_of(p, in, 4);
		assert_int_equal(parse(p), VMOON_BLK_IOERR);
		assert_true(vmoon_blk_answer(&p->chain, VMOON_BLK_IOERR));
		rig_put(&p->r, STATUS, RIG_POISON, 1);
		header_at(p, HEADER, T_OUT, 0);
		chain_of(p, out, 4);
		assert_int_equal(parse(p), VMOON_BLK_IOERR);
	}
}

static void test_k04__a_header_that_is_no_ram(void **state)
{
	struct parse_rig *p = *state;
	static const vmoon_gpa bad[] = {HOLE, RAM_END - 15, RIG_HIGH - 1};

	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		const struct rig_buf bufs[] = {{bad[i], 16, false},
					       {STATUS, 1, true}};

		chain_of(p, bufs, 2);
		assert_int_equal(parse(p), VMOON_BLK_IOERR);
	}
}

/* Hostile memory: another value is there once a byte was fetched. */
static void test_q11__what_was_fetched_is_what_counts(void **state)
{
	struct parse_rig *p = *state;

	put_segment(p, 0, 1, 2, 1);
	put_segment(p, 1, 3, 4, 0);
	header_at(p, HEADER, T_WZ, 0);
	p->r.log.flips = true;
	gmem_log_begin(&p->r.log);
	chain_of(p,
		 (const struct rig_buf[]){{HEADER, 16, false},
					  {DATA, 32, false},
					  {STATUS, 1, true}},
		 3);
	assert_int_equal(vmoon_blk_parse(&p->chain, &p->facts, &p->req),
			 VMOON_BLK_OK);
	assert_int_equal(p->r.log.twice, 0);
	assert_int_equal(p->req.ranges[0].offset, 512);
	assert_int_equal(p->req.ranges[1].len, 2048);
}

static void test_q09__a_buffer_listed_again_and_again_is_only_counted(
	void **state)
{
	struct parse_rig *p = *state;
	struct rig_buf bufs[PARSE_SEGS];

	p->facts.bytes = UINT64_C(1) << 40;
	header_at(p, HEADER, T_IN, 0);
	bufs[0] = (struct rig_buf){HEADER, 16, false};
	for (unsigned i = 1; i < PARSE_SEGS - 1; i++)
		bufs[i] = (struct rig_buf){DATA, 0x80000, true};
	bufs[PARSE_SEGS - 1] = (struct rig_buf){STATUS, 1, true};
	chain_of(p, bufs, PARSE_SEGS);
	assert_int_equal(parse(p), VMOON_BLK_OK);
	assert_int_equal(p->req.len, (PARSE_SEGS - 2) * 0x80000);
	assert_int_equal(p->r.log.count, 1); /* the header */
}

static const struct CMUnitTest tests[] = {
	PARSE_TEST(test_blk_01__a_request_is_its_place_on_the_disk),
	PARSE_TEST(test_blk_02__an_id_wants_20_bytes_of_room_or_more),
	PARSE_TEST(test_blk_03__flush_is_supported_only_where_negotiated),
	PARSE_TEST(test_blk_04__data_is_whole_sectors_and_not_none),
	PARSE_TEST(test_blk_06_k01__each_buffer_fits_and_the_sum_does_not),
	PARSE_TEST(test_blk_07_k02__sectors_whose_bytes_do_not_fit),
	PARSE_TEST(test_blk_08_k06__a_readonly_disk_is_not_written),
	PARSE_TEST(test_blk_09__data_of_the_wrong_direction_is_malformed),
	PARSE_TEST(test_blk_10__without_a_place_for_the_status_there_is_none),
	PARSE_TEST(
		test_blk_11__the_status_is_the_last_byte_of_what_is_writable),
	PARSE_TEST(test_blk_12_q19__a_header_is_split_anywhere),
	PARSE_TEST(test_q19__a_buffer_longer_than_the_header_goes_on_as_data),
	PARSE_TEST(test_blk_17_k04_k05__types_that_are_none_are_not_supported),
	PARSE_TEST(test_k05__scsi_commands_in_six_layouts),
	PARSE_TEST(test_blk_18__a_buffer_that_is_no_ram_refuses_the_request),
	PARSE_TEST(test_k04__a_header_that_is_no_ram),
	PARSE_TEST(test_q11__what_was_fetched_is_what_counts),
	PARSE_TEST(test_q09__a_buffer_listed_again_and_again_is_only_counted),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
