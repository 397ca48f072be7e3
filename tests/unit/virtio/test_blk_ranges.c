/* SPDX-License-Identifier: MIT */
/* test_blk_ranges.c - lists of ranges to discard and to fill with zeroes. */
#include "tests/support/blk_parse_rig.h"

static void test_blk_13__ranges_are_those_that_were_listed(void **state)
{
	struct parse_rig *p = *state;

	put_segment(p, 0, 0, 64, 0);
	put_segment(p, 1, 63, 1, 1);
	put_segment(p, 2, 64, 0, 0);
	assert_int_equal(ask(p, T_WZ, 99, 48, false), VMOON_BLK_OK);
	assert_int_equal(p->req.range_count, 3);
	assert_int_equal(p->req.ranges[0].offset, 0);
	assert_int_equal(p->req.ranges[0].len, PARSE_DISK_BYTES);
	assert_false(p->req.ranges[0].may_unmap);
	assert_int_equal(p->req.ranges[1].offset, 63 * 512);
	assert_int_equal(p->req.ranges[1].len, 512);
	assert_true(p->req.ranges[1].may_unmap);
	assert_int_equal(p->req.ranges[2].len, 0);
	assert_int_equal(ask(p, T_DISCARD, 0, 16, false), VMOON_BLK_OK);
	assert_int_equal(p->req.range_count, 1);
	p->facts.has_discard = false;
	assert_int_equal(ask(p, T_DISCARD, 0, 16, false), VMOON_BLK_UNSUPP);
	assert_int_equal(ask(p, T_WZ, 0, 16, false), VMOON_BLK_OK);
	p->facts.has_zeroes = false;
	assert_int_equal(ask(p, T_WZ, 0, 16, false), VMOON_BLK_UNSUPP);
}

static void test_blk_14_k03__each_bit_of_the_flags(void **state)
{
	struct parse_rig *p = *state;

	put_segment(p, 0, 0, 1, 0);
	for (unsigned bit = 0; bit < 32; bit++) {
		put_segment(p, 1, 0, 1, UINT32_C(1) << bit);
		assert_int_equal(ask(p, T_DISCARD, 0, 32, false),
				 VMOON_BLK_UNSUPP);
		assert_int_equal(ask(p, T_WZ, 0, 32, false),
				 bit == 0 ? VMOON_BLK_OK : VMOON_BLK_UNSUPP);
	}
}

static void test_blk_15__a_list_of_ranges_is_whole_and_not_empty(void **state)
{
	struct parse_rig *p = *state;

	put_segment(p, 0, 0, 1, 0);
	put_segment(p, 1, 0, 1, 0);
	for (uint32_t len = 0; len < 32; len++) {
		const enum vmoon_blk_status want =
			len == 16 ? VMOON_BLK_OK : VMOON_BLK_IOERR;

		assert_int_equal(ask(p, T_DISCARD, 0, len, false), want);
		assert_int_equal(ask(p, T_WZ, 0, len, false), want);
	}
}

static void test_blk_16__a_range_past_the_end_refuses_all_of_them(void **state)
{
	struct parse_rig *p = *state;

	put_segment(p, 0, 0, 1, 0);
	put_segment(p, 1, 63, 2, 0);
	assert_int_equal(ask(p, T_DISCARD, 0, 32, false), VMOON_BLK_IOERR);
	assert_int_equal(ask(p, T_WZ, 0, 32, false), VMOON_BLK_IOERR);
	put_segment(p, 1, 65, 0, 0);
	assert_int_equal(ask(p, T_WZ, 0, 32, false), VMOON_BLK_IOERR);
}

static void test_k03__as_many_ranges_as_were_advertised_and_no_more(
	void **state)
{
	struct parse_rig *p = *state;

	for (unsigned i = 0; i < 20; i++)
		put_segment(p, i, i, 1, 0);
	assert_int_equal(ask(p, T_WZ, 0, 16 * 16, false), VMOON_BLK_OK);
	assert_int_equal(p->req.range_count, VMOON_BLK_RANGES_MAX);
	assert_int_equal(ask(p, T_WZ, 0, 17 * 16, false), VMOON_BLK_IOERR);
	assert_int_equal(p->r.log.count, 1); /* the header: refused unread */
	assert_int_equal(ask(p, T_DISCARD, 0, 0x80000, false), VMOON_BLK_IOERR);
	assert_int_equal(p->r.log.count, 1);
}

static void test_k03__a_range_is_no_longer_than_was_advertised(void **state)
{
	struct parse_rig *p = *state;

	p->facts.bytes = UINT64_C(1) << 40;
	put_segment(p, 0, 0, VMOON_BLK_ZEROES_SECTORS_MAX, 0);
	assert_int_equal(ask(p, T_WZ, 0, 16, false), VMOON_BLK_OK);
	put_segment(p, 0, 0, VMOON_BLK_ZEROES_SECTORS_MAX + 1, 0);
	assert_int_equal(ask(p, T_WZ, 0, 16, false), VMOON_BLK_IOERR);
	put_segment(p, 0, 0, VMOON_BLK_DISCARD_SECTORS_MAX, 0);
	assert_int_equal(ask(p, T_DISCARD, 0, 16, false), VMOON_BLK_OK);
	assert_int_equal(p->req.ranges[0].len, UINT32_C(1) << 31);
	put_segment(p, 0, 0, VMOON_BLK_DISCARD_SECTORS_MAX + 1, 0);
	assert_int_equal(ask(p, T_DISCARD, 0, 16, false), VMOON_BLK_IOERR);
	put_segment(p, 0, 0, UINT32_MAX, 0);
	assert_int_equal(ask(p, T_WZ, 0, 16, false), VMOON_BLK_IOERR);
}

static const struct CMUnitTest tests[] = {
	PARSE_TEST(test_blk_13__ranges_are_those_that_were_listed),
	PARSE_TEST(test_blk_14_k03__each_bit_of_the_flags),
	PARSE_TEST(test_blk_15__a_list_of_ranges_is_whole_and_not_empty),
	PARSE_TEST(test_blk_16__a_range_past_the_end_refuses_all_of_them),
	PARSE_TEST(test_k03__as_many_ranges_as_were_advertised_and_no_more),
	PARSE_TEST(test_k03__a_range_is_no_longer_than_was_advertised),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
