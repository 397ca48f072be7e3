/* SPDX-License-Identifier: MIT */
/* test_limit.c - mirrors runtime/limit.c: each rule in its own words. */
#include "runtime/bucket.h"
#include "runtime/output.h"
#include "tests/support/fixture.h"

#include <string.h>

#define KIB UINT64_C(1024)
#define SECOND UINT64_C(1000000000)

static struct vmoon_limit drop(uint64_t rate)
{
	return (struct vmoon_limit){.policy = VMOON_LIMIT_DROP, .rate = rate};
}

static struct vmoon_limit pause_at(uint64_t rate)
{
	return (struct vmoon_limit){.policy = VMOON_LIMIT_PAUSE, .rate = rate};
}

static void assert_refused(const struct vmoon_limit *limit, const char *want)
{
	const struct vmoon_limit before = *limit;
	struct vmoon_error err;

	assert_int_equal(vmoon_limit_check(limit, &err), VMOON_E_CONFIG);
	assert_string_equal(err.msg, want);
	assert_memory_equal(limit, &before, sizeof(before));
	assert_int_equal(vmoon_limit_check(limit, NULL), VMOON_E_CONFIG);
}

static void assert_taken(const struct vmoon_limit *limit)
{
	struct vmoon_error err;

	assert_ok(vmoon_limit_check(limit, &err), &err);
}

static void test_limit__nothing_at_all_is_a_limit(void **state)
{
	const struct vmoon_limit none = {0};

	(void)state;
	assert_taken(&none);
}

static void test_limit__what_does_not_exist_is_refused(void **state)
{
	const char *want = "limit: a policy, unit, full or after_stall that "
			   "does not exist";
	struct vmoon_limit limit;

	(void)state;
	memset(&limit, 0, sizeof(limit));
	limit.policy = (enum vmoon_limit_policy)3;
	assert_refused(&limit, want);
	limit.policy = VMOON_LIMIT_SPOOL;
	limit.unit = (enum vmoon_limit_unit)2;
	assert_refused(&limit, want);
	limit.unit = VMOON_UNIT_BYTE;
	limit.full = (enum vmoon_limit_full)2;
	assert_refused(&limit, want);
	limit.full = VMOON_FULL_DROP_OLDEST;
	limit.after = (enum vmoon_limit_after)2;
	assert_refused(&limit, want);
}

static void test_x09__rates_and_bursts_out_of_range_are_refused(void **state)
{
	static const uint64_t absurd[] = {(UINT64_C(1) << 40) + 1,
					  UINT64_C(1) << 63, UINT64_MAX};
	struct vmoon_limit limit;

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(absurd); i++) {
		limit = drop(absurd[i]);
		assert_refused(&limit, "limit: rate is at most 1 TiB a second");
		limit = drop(1);
		limit.burst = absurd[i];
		assert_refused(&limit, "limit: burst is at most 1 GiB");
	}
	limit = drop(1);
	assert_taken(&limit);
	limit = drop(VMOON_RATE_MAX);
	assert_taken(&limit);
	limit.burst = VMOON_BURST_MAX;
	assert_taken(&limit);
	limit.burst = VMOON_BURST_MAX + 1;
	assert_refused(&limit, "limit: burst is at most 1 GiB");
	limit.burst = VMOON_BURST_MAX - 1;
	assert_refused(&limit, "limit: burst is at least 1/1024 of the rate, "
			       "which could not be kept with less");
	limit = drop(1023);
	limit.burst = 1;
	assert_taken(&limit);
}

static void test_limit__burst_needs_a_rate(void **state)
{
	const struct vmoon_limit limit = {.burst = 5};

	(void)state;
	assert_refused(&limit, "limit: a burst without a rate limits nothing; "
			       "give a rate");
}

static void test_limit__burst_holds_a_line(void **state)
{
	struct vmoon_limit limit = drop(10);

	(void)state;
	limit.unit = VMOON_UNIT_LINE;
	assert_taken(&limit);
	limit.burst = VMOON_OUTPUT_LINE_MAX - 1;
	assert_refused(&limit,
		       "limit: burst is smaller than a line; with lines as "
		       "the unit it is at least 1 KiB");
	limit.burst++;
	assert_taken(&limit);
}

static void test_limit__drop_and_pause_need_a_rate_or_a_group(void **state)
{
	const char *want = "limit: without a rate or a group there is nothing "
			   "to drop or to pause for; give a rate";
	struct vmoon_limit limit = drop(0);
	struct vmoon_group group;

	(void)state;
	assert_refused(&limit, want);
	limit.group = &group;
	assert_taken(&limit);
	limit = pause_at(0);
	assert_refused(&limit, want);
	limit.group = &group;
	assert_taken(&limit);
}

static void test_limit__queue_is_for_spool_and_within_bounds(void **state)
{
	struct vmoon_limit limit = drop(1);

	(void)state;
	limit.capacity = 4 * KIB;
	assert_refused(&limit, "limit: capacity is for the policy spool");
	limit.capacity = 0;
	limit.full = VMOON_FULL_DROP_NEWEST;
	assert_refused(&limit, "limit: full is for the policy spool");
	limit.policy = VMOON_LIMIT_SPOOL;
	assert_taken(&limit);
	limit.capacity = 4 * KIB - 1;
	assert_refused(&limit, "limit: capacity is 4 KiB to 64 MiB");
	limit.capacity = 1;
	assert_refused(&limit, "limit: capacity is 4 KiB to 64 MiB");
	limit.capacity = 64 * KIB * KIB + 1;
	assert_refused(&limit, "limit: capacity is 4 KiB to 64 MiB");
	limit.capacity = UINT64_MAX;
	assert_refused(&limit, "limit: capacity is 4 KiB to 64 MiB");
	limit.capacity = 64 * KIB * KIB;
	assert_taken(&limit);
	limit.capacity = 4 * KIB;
	assert_taken(&limit);
}

static void test_limit__stalls_are_for_pause_and_bounded(void **state)
{
	struct vmoon_limit limit = drop(1);

	(void)state;
	limit.max_stall_ns = 1;
	assert_refused(&limit, "limit: max_stall is for the policy pause");
	limit.max_stall_ns = 0;
	limit.is_unsafe_stall = true;
	assert_refused(&limit, "limit: max_stall is for the policy pause");
	limit.is_unsafe_stall = false;
	limit.after = VMOON_AFTER_ERROR;
	assert_refused(&limit, "limit: after_stall is for the policy pause");
	limit = pause_at(1);
	limit.after = VMOON_AFTER_ERROR;
	limit.max_stall_ns = 10 * SECOND;
	assert_taken(&limit);
	limit.max_stall_ns++;
	assert_refused(&limit, "limit: a max_stall of more than 10 s may hang "
			       "the guest; set unsafe_stall if that is wanted");
	limit.is_unsafe_stall = true;
	assert_taken(&limit);
	limit.max_stall_ns = 3600 * SECOND;
	assert_taken(&limit);
	limit.max_stall_ns++;
	assert_refused(&limit, "limit: max_stall is at most an hour");
	limit.max_stall_ns = UINT64_MAX;
	assert_refused(&limit, "limit: max_stall is at most an hour");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_limit__nothing_at_all_is_a_limit),
	cmocka_unit_test(test_limit__what_does_not_exist_is_refused),
	cmocka_unit_test(test_x09__rates_and_bursts_out_of_range_are_refused),
	cmocka_unit_test(test_limit__burst_needs_a_rate),
	cmocka_unit_test(test_limit__burst_holds_a_line),
	cmocka_unit_test(test_limit__drop_and_pause_need_a_rate_or_a_group),
	cmocka_unit_test(test_limit__queue_is_for_spool_and_within_bounds),
	cmocka_unit_test(test_limit__stalls_are_for_pause_and_bounded),
};

int main(void)
{
	return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
