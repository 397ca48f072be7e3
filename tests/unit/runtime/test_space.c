/* SPDX-License-Identifier: MIT */
/* test_space.c - mirrors runtime/space.c. */
#include "runtime/space.h"
#include "tests/support/fixture.h"

#include <string.h>

static void init(struct vmoon_space *s, uint64_t base, uint64_t size)
{
	struct vmoon_error err;

	assert_ok(vmoon_space_init(s, base, size, &err), &err);
}

/* Takes or fails; where it went, or UINT64_MAX. */
static uint64_t take(struct vmoon_space *s, uint64_t size, uint64_t align,
		     enum vmoon_space_policy policy)
{
	const struct vmoon_space_request req = {
		.owner = "x", .size = size, .align = align, .policy = policy};
	uint64_t base = UINT64_MAX;

	VMOON_IGNORE(vmoon_space_allocate(s, &req, &base, NULL) != VMOON_OK);
	return base;
}

static enum vmoon_status take_at(struct vmoon_space *s, uint64_t at,
				 uint64_t size, uint64_t align,
				 struct vmoon_error *err)
{
	const struct vmoon_space_request req = {.owner = "y",
						.size = size,
						.align = align,
						.policy = VMOON_SPACE_EXACT,
						.at = at};
	uint64_t base;
	enum vmoon_status st = vmoon_space_allocate(s, &req, &base, err);

	if (st == VMOON_OK)
		assert_true(base == at);
	return st;
}

static void test_alc_01__sizes_and_alignments_that_cannot_be(void **state)
{
	struct vmoon_space_request req = {.owner = "disk", .align = 1};
	struct vmoon_space s;
	struct vmoon_error err;
	uint64_t base = 7;

	(void)state;
	init(&s, 0x1000, 0x1000);
	assert_int_equal(vmoon_space_allocate(&s, &req, &base, &err),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg, "disk: a size of 0");
	req.size = 16;
	req.align = 0;
	assert_int_equal(vmoon_space_allocate(&s, &req, &base, &err),
			 VMOON_E_INVAL);
	req.align = 3;
	assert_int_equal(vmoon_space_allocate(&s, &req, &base, &err),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg, "disk: alignment 0x3 is no power of two");
	assert_int_equal(base, 7);
	assert_int_equal(s.count, 0);
}

static void test_alc_02__empty_and_wrapping_spaces_are_refused(void **state)
{
	struct vmoon_space s;
	struct vmoon_error err;

	(void)state;
	assert_int_equal(vmoon_space_init(&s, 5, 0, &err), VMOON_E_INVAL);
	assert_string_equal(err.msg, "space 0x5+0x0 is empty or too long");
	assert_int_equal(vmoon_space_init(&s, 2, UINT64_MAX, &err),
			 VMOON_E_INVAL);
	init(&s, 1, UINT64_MAX);
	assert_true(s.last == UINT64_MAX);
}

static void test_alc_03__exact_wants_its_alignment(void **state)
{
	struct vmoon_space s;
	struct vmoon_error err;

	(void)state;
	init(&s, 0x1000, 0x1000);
	assert_int_equal(take_at(&s, 0x1001, 0x10, 0x10, &err), VMOON_E_INVAL);
	assert_string_equal(err.msg, "y: 0x1001 is not aligned to 0x10");
	assert_int_equal(s.count, 0);
}

static void test_alc_03__exact_stays_inside_the_space(void **state)
{
	struct vmoon_space s;
	struct vmoon_error err;

	(void)state;
	init(&s, 0x1000, 0x1000);
	assert_int_equal(take_at(&s, 0xff0, 0x20, 1, &err), VMOON_E_CONFIG);
	assert_string_equal(err.msg,
			    "y: 0xff0+0x20 is not within 0x1000..0x1fff");
	assert_int_equal(take_at(&s, 0x1ff0, 0x11, 1, &err), VMOON_E_CONFIG);
	assert_int_equal(take_at(&s, UINT64_MAX, 2, 1, &err), VMOON_E_CONFIG);
	assert_int_equal(take_at(&s, 0x1ff0, 0x10, 1, &err), VMOON_OK);
}

static void exhaust(enum vmoon_space_policy policy, uint64_t first,
		    uint64_t step)
{
	const struct vmoon_space_request req = {
		.owner = "x", .size = 0x10, .align = 0x10, .policy = policy};
	struct vmoon_error err;
	struct vmoon_space s;
	uint64_t base;

	init(&s, 0x1008, 0x50); /* four aligned blocks and two halves */
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(take(&s, 0x10, 0x10, policy),
				 first + i * step);
	assert_int_equal(vmoon_space_allocate(&s, &req, &base, &err),
			 VMOON_E_CONFIG);
	assert_string_equal(err.msg, "x: no room for 0x10 aligned to 0x10");
	assert_int_equal(s.count, 4);
}

static void test_alc_04__blocks_are_disjoint_until_nothing_is_left(void **state)
{
	(void)state;
	exhaust(VMOON_SPACE_FIRST, 0x1010, 0x10);
	exhaust(VMOON_SPACE_LAST, 0x1040, (uint64_t)-0x10);
}

static void test_alc_05__a_freed_block_is_found_again(void **state)
{
	static const struct {
		enum vmoon_space_policy policy;
		uint64_t at[3];
	} rows[] = {
		{VMOON_SPACE_FIRST, {0, 0x10, 0x30}},
		{VMOON_SPACE_LAST, {0xf0, 0xd0, 0xc0}},
	};
	struct vmoon_space s, before;
	struct vmoon_error err;

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(rows); i++) {
		const enum vmoon_space_policy policy = rows[i].policy;
		const uint64_t *at = rows[i].at;

		init(&s, 0, 0x100);
		assert_int_equal(take(&s, 0x10, 1, policy), at[0]);
		assert_int_equal(take(&s, 0x20, 1, policy), at[1]);
		assert_int_equal(take(&s, 0x10, 1, policy), at[2]);
		before = s;
		assert_ok(vmoon_space_release(&s, at[1], 0x20, &err), &err);
		assert_int_equal(take(&s, 0x20, 1, policy), at[1]);
		assert_memory_equal(&s, &before, sizeof(s));
	}
}

static void test_alc_06__only_what_was_allocated_can_be_freed(void **state)
{
	static const uint64_t wrong[][2] = {
		{0, 0x10},    {0x20, 0x1f}, {0x20, 0x21}, {0x21, 0x1f},
		{0x20, 0x40}, {0x0, 0x100}, {0x20, 0},    {0x1000, 1},
	};
	struct vmoon_space s, before;
	struct vmoon_error err;

	(void)state;
	init(&s, 0, 0x100);
	assert_ok(take_at(&s, 0x20, 0x20, 1, &err), &err);
	assert_ok(take_at(&s, 0x40, 0x20, 1, &err), &err);
	before = s;
	for (size_t i = 0; i < VMOON_COUNTOF(wrong); i++) {
		assert_int_equal(
			vmoon_space_release(&s, wrong[i][0], wrong[i][1], &err),
			VMOON_E_INVAL);
		assert_memory_equal(&s, &before, sizeof(s));
	}
	assert_string_equal(err.msg, "0x1000+0x1 was not allocated");
	assert_ok(vmoon_space_release(&s, 0x20, 0x20, &err), &err);
	assert_int_equal(vmoon_space_release(&s, 0x20, 0x20, &err),
			 VMOON_E_INVAL);
}

static void test_alc_07__overlapping_exact_requests_never_both_fit(void **state)
{
	struct vmoon_space s;
	struct vmoon_error err;

	(void)state;
	init(&s, 0x1000, 0x1000);
	assert_ok(take_at(&s, 0x1000, 0x100, 1, &err), &err);
	assert_int_equal(take_at(&s, 0x1000, 0x80, 1, &err), VMOON_E_CONFIG);
	assert_string_equal(err.msg, "y: 0x1000..0x107f overlaps y at "
				     "0x1000..0x10ff");
	assert_ok(take_at(&s, 0x1100, 0x100, 1, &err), &err);
	assert_int_equal(take_at(&s, 0x1110, 0x10, 1, &err), VMOON_E_CONFIG);
	assert_int_equal(take_at(&s, 0x11ff, 2, 1, &err), VMOON_E_CONFIG);
	assert_int_equal(take_at(&s, 0x1000, 0x1000, 1, &err), VMOON_E_CONFIG);
	assert_ok(take_at(&s, 0x1200, 1, 1, &err), &err);
	assert_int_equal(s.count, 3);
}

static void test_alc_08__freed_neighbours_are_one_range(void **state)
{
	struct vmoon_space s;
	struct vmoon_error err;

	(void)state;
	init(&s, 1, 3); /* a block that starts at 1 leaked upstream */
	for (uint64_t i = 1; i <= 3; i++)
		assert_int_equal(take(&s, 1, 1, VMOON_SPACE_FIRST), i);
	assert_ok(vmoon_space_release(&s, 1, 1, &err), &err);
	assert_ok(vmoon_space_release(&s, 2, 1, &err), &err);
	assert_int_equal(take(&s, 2, 1, VMOON_SPACE_FIRST), 1);
}

static void test_alc_09__first_and_last_byte_can_be_had(void **state)
{
	struct vmoon_space s;
	struct vmoon_error err;

	(void)state;
	init(&s, 0, UINT64_MAX);
	assert_ok(take_at(&s, 0, 1, 1, &err), &err);
	assert_ok(take_at(&s, UINT64_MAX - 1, 1, 1, &err), &err);
	assert_int_equal(take_at(&s, UINT64_MAX, 1, 1, &err), VMOON_E_CONFIG);
	init(&s, 1, UINT64_MAX);
	assert_true(take(&s, 1, 1, VMOON_SPACE_LAST) == UINT64_MAX);
	assert_ok(take_at(&s, 1, UINT64_MAX - 1, 1, &err), &err);
	assert_true(take(&s, 1, 1, VMOON_SPACE_FIRST) == UINT64_MAX);
	assert_int_equal(s.count, 2);
	/* The whole of a space that begins at 0, from behind. */
	init(&s, 0, 0x1000);
	assert_int_equal(take(&s, 0x1000, 0x1000, VMOON_SPACE_LAST), 0);
}

static void test_alc__bounds_hold_for_what_is_found(void **state)
{
	struct vmoon_space_request req = {.owner = "x",
					  .size = 0x10,
					  .align = 0x10,
					  .low = 0x208,
					  .high = 0x23e};
	struct vmoon_space s;
	struct vmoon_error err;
	uint64_t base;

	(void)state;
	init(&s, 0, 0x1000);
	assert_ok(vmoon_space_allocate(&s, &req, &base, &err), &err);
	assert_int_equal(base, 0x210);
	req.policy = VMOON_SPACE_LAST;
	assert_ok(vmoon_space_allocate(&s, &req, &base, &err), &err);
	assert_int_equal(base, 0x220);
	assert_int_equal(vmoon_space_allocate(&s, &req, &base, &err),
			 VMOON_E_CONFIG);
	req.low = UINT64_MAX - 4; /* aligning up would pass the top */
	req.high = UINT64_MAX;
	req.size = 1;
	init(&s, 1, UINT64_MAX);
	req.policy = VMOON_SPACE_FIRST;
	assert_int_equal(vmoon_space_allocate(&s, &req, &base, &err),
			 VMOON_E_CONFIG);
}

static void test_alc__a_full_space_refuses_one_more(void **state)
{
	struct vmoon_space s;
	struct vmoon_error err;

	(void)state;
	init(&s, 0, 0x1000);
	for (uint64_t i = 0; i < VMOON_SPACE_BLOCKS_MAX; i++)
		assert_int_equal(take(&s, 1, 1, VMOON_SPACE_FIRST), i);
	assert_int_equal(take_at(&s, 0x800, 1, 1, &err), VMOON_E_CONFIG);
	assert_string_equal(err.msg, "y: no more than 160 ranges");
	assert_ok(vmoon_space_release(&s, 5, 1, &err), &err);
	assert_int_equal(take(&s, 1, 1, VMOON_SPACE_FIRST), 5);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_alc_01__sizes_and_alignments_that_cannot_be),
	cmocka_unit_test(test_alc_02__empty_and_wrapping_spaces_are_refused),
	cmocka_unit_test(test_alc_03__exact_wants_its_alignment),
	cmocka_unit_test(test_alc_03__exact_stays_inside_the_space),
	cmocka_unit_test(
		test_alc_04__blocks_are_disjoint_until_nothing_is_left),
	cmocka_unit_test(test_alc_05__a_freed_block_is_found_again),
	cmocka_unit_test(test_alc_06__only_what_was_allocated_can_be_freed),
	cmocka_unit_test(
		test_alc_07__overlapping_exact_requests_never_both_fit),
	cmocka_unit_test(test_alc_08__freed_neighbours_are_one_range),
	cmocka_unit_test(test_alc_09__first_and_last_byte_can_be_had),
	cmocka_unit_test(test_alc__bounds_hold_for_what_is_found),
	cmocka_unit_test(test_alc__a_full_space_refuses_one_more),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
