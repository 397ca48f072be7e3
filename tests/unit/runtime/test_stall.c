/* SPDX-License-Identifier: MIT */
/* test_stall.c - mirrors runtime/stall.c: every window against a list. */
#include "runtime/stall.h"
#include "tests/support/fixture.h"

#include <string.h>

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)

enum { HOLDS_MAX = 4000 };

struct hold {
	uint64_t from, to;
};

static uint32_t draw(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* How much of the holds lies in the ten seconds before end. */
static uint64_t held_within(const struct hold *holds, size_t count,
			    uint64_t end)
{
	const uint64_t begin =
		end > VMOON_STALL_WINDOW_NS ? end - VMOON_STALL_WINDOW_NS : 0;
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		const uint64_t from =
			holds[i].from > begin ? holds[i].from : begin;
		const uint64_t to = holds[i].to < end ? holds[i].to : end;

		sum += to > from ? to - from : 0;
	}
	return sum;
}

/* Holds whenever it may, for as long as it may, or less. */
static size_t hold_at_random(uint32_t seed, uint64_t max, struct hold *holds,
			     uint64_t *out_total)
{
	struct vmoon_stall s = {0};
	uint64_t now = draw(&seed) * MS;
	size_t count = 0;

	while (count < 300) {
		uint64_t left, len;

		now += draw(&seed) % (draw(&seed) % 4 == 0 ? 4000 : 100) * MS +
		       draw(&seed) % MS;
		vmoon_stall_update(&s, now);
		left = vmoon_stall_left(&s, max);
		assert_true(left <= max);
		if (left == 0)
			continue;
		vmoon_stall_begin(&s, now);
		len = draw(&seed) % 2 == 0 ? left : draw(&seed) % left;
		holds[count].from = now;
		if (draw(&seed) % 2 == 0) /* looked at on the way */
			vmoon_stall_update(&s, now + len / 3);
		now += len;
		vmoon_stall_end(&s, now);
		holds[count++].to = now;
	}
	*out_total = s.total_ns;
	return count;
}

static void test_stall__no_ten_seconds_hold_more_than_the_bound(void **state)
{
	static struct hold holds[HOLDS_MAX];

	(void)state;
	for (uint32_t seed = 1; seed < 60; seed++) {
		const uint64_t max = (1 + seed % 20) * SECOND / 2;
		uint64_t total, sum = 0;
		const size_t n = hold_at_random(seed, max, holds, &total);

		/* A sum over a window is largest where a hold ends. */
		for (size_t i = 0; i < n; i++) {
			sum += holds[i].to - holds[i].from;
			assert_true(held_within(holds, n, holds[i].to) <= max);
			assert_true(
				held_within(holds, n,
					    holds[i].from +
						    VMOON_STALL_WINDOW_NS) <=
				max);
		}
		assert_int_equal(total, sum);
	}
}

static void test_stall__all_comes_back_when_the_window_has_passed(void **state)
{
	struct vmoon_stall s = {0};

	(void)state;
	vmoon_stall_begin(&s, 100 * SECOND);
	vmoon_stall_end(&s, 102 * SECOND);
	assert_int_equal(vmoon_stall_left(&s, 2 * SECOND), 0);
	vmoon_stall_update(&s, 110 * SECOND);
	assert_int_equal(vmoon_stall_left(&s, 2 * SECOND), 0);
	vmoon_stall_update(&s, 112 * SECOND + 500 * MS);
	assert_int_equal(vmoon_stall_left(&s, 2 * SECOND), 2 * SECOND);
	assert_int_equal(s.total_ns, 2 * SECOND);
}

static void test_stall__very_long_hold_is_counted_and_bounded(void **state)
{
	struct vmoon_stall s = {0};

	(void)state;
	vmoon_stall_begin(&s, SECOND);
	vmoon_stall_update(&s, UINT64_MAX - SECOND);
	assert_int_equal(s.total_ns, UINT64_MAX - 2 * SECOND);
	assert_int_equal(vmoon_stall_left(&s, 10 * SECOND), 0);
	vmoon_stall_end(&s, UINT64_MAX - SECOND);
}

static void test_stall__clock_that_goes_back_counts_nothing(void **state)
{
	struct vmoon_stall s = {0};

	(void)state;
	vmoon_stall_begin(&s, 50 * SECOND);
	vmoon_stall_update(&s, 51 * SECOND);
	vmoon_stall_update(&s, 20 * SECOND);
	vmoon_stall_end(&s, 51 * SECOND);
	assert_int_equal(s.total_ns, SECOND);
	assert_false(s.is_held);
	assert_int_equal(vmoon_stall_left(&s, 3 * SECOND), 2 * SECOND);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_stall__no_ten_seconds_hold_more_than_the_bound),
	cmocka_unit_test(test_stall__all_comes_back_when_the_window_has_passed),
	cmocka_unit_test(test_stall__very_long_hold_is_counted_and_bounded),
	cmocka_unit_test(test_stall__clock_that_goes_back_counts_nothing),
};

int main(void)
{
	return cmocka_run_group_tests_name("stall", tests, NULL, NULL);
}
