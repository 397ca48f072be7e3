/* SPDX-License-Identifier: MIT */
/* test_output_pause.c - mirrors runtime/output_pump.c: holding the guest. */
#include "tests/support/output_rig.h"

#include <errno.h>

#define MS UINT64_C(1000000)

enum { HOLD_AT = VMOON_OUTPUT_HOLD_AT, RESERVE = VMOON_OUTPUT_RESERVE };

static unsigned char text[64 * 1024];

static struct vmoon_limit pause_at(uint64_t rate, uint64_t max_stall_ns)
{
	return (struct vmoon_limit){.policy = VMOON_LIMIT_PAUSE,
				    .rate = rate,
				    .burst = rate,
				    .max_stall_ns = max_stall_ns};
}

static int setup(void **state)
{
	(void)state;
	memset(text, 'x', sizeof(text));
	return 0;
}

static void test_output__guest_is_held_at_a_mark_and_let_go_below(void **state)
{
	const struct vmoon_limit limit = pause_at(1000, 0);
	struct output_rig r;

	(void)state;
	rig_open(&r, &limit);
	rig_put(&r, text, 1000); /* the burst */
	rig_put(&r, text, HOLD_AT - 1);
	assert_false(vmoon_output_is_holding(r.o));
	rig_put(&r, text, 1);
	assert_true(vmoon_output_is_holding(r.o));
	assert_true(vmoon_output_take_event(r.o, r.now));
	/* 3072 bytes later there is a quarter left; but 2 s pass before. */
	rig_run(&r, r.now + 2 * RIG_SECOND - 1);
	assert_true(vmoon_output_is_holding(r.o));
	rig_run(&r, r.now + 1);
	assert_false(vmoon_output_is_holding(r.o));
	assert_int_equal(rig_stats(r.o).stalled_ns, 2 * RIG_SECOND);
	assert_int_equal(rig_stats(r.o).bytes_dropped, 0);
	rig_close(&r);
}

static void test_output__guest_is_let_go_when_little_is_left(void **state)
{
	const struct vmoon_limit limit = pause_at(10000, 0);
	struct output_rig r;

	(void)state;
	rig_open(&r, &limit);
	rig_put(&r, text, 10000 + HOLD_AT);
	assert_true(vmoon_output_is_holding(r.o));
	rig_run(&r, r.now + 300 * MS);
	assert_true(vmoon_output_is_holding(r.o));
	rig_run(&r, r.now + 10 * MS);
	assert_false(vmoon_output_is_holding(r.o));
	assert_in_range(rig_stats(r.o).stalled_ns, 300 * MS, 310 * MS);
	rig_close(&r);
}

static void test_output__stall_is_due_no_later_where_it_is_asked_later(
	void **state)
{
	const struct vmoon_limit limit = pause_at(10000, 0);
	struct output_rig r;

	(void)state;
	rig_open(&r, &limit);
	r.to.error = EIO;
	r.to.fail_count = 1000;
	rig_put(&r, text, HOLD_AT);
	VMOON_IGNORE(vmoon_output_take_event(r.o, r.now));
	r.now += RIG_SECOND; /* a retry, which fails */
	rig_pump(&r);
	assert_int_equal(vmoon_output_due(r.o, r.now),
			 RIG_START + 2 * RIG_SECOND);
	r.now += 999 * MS;
	rig_limit(&r, &limit); /* lets go, and holds again */
	rig_pump(&r);
	VMOON_IGNORE(vmoon_output_take_event(r.o, r.now));
	assert_int_equal(vmoon_output_due(r.o, r.now + MS / 2),
			 RIG_START + 2 * RIG_SECOND);
	assert_int_equal(vmoon_output_due(r.o, r.now + 5 * MS),
			 RIG_START + 2 * RIG_SECOND);
	rig_close(&r);
}

static void test_output__driver_that_writes_on_fills_just_the_reserve(
	void **state)
{
	const struct vmoon_limit limit = pause_at(1, 0);
	struct output_rig r;

	(void)state;
	rig_open(&r, &limit);
	rig_put(&r, text, 1);
	rig_put(&r, text, HOLD_AT);
	assert_true(vmoon_output_is_holding(r.o));
	for (int i = 0; i < RESERVE; i++)
		vmoon_output_put(r.o, text, 1, r.now);
	rig_check(&r);
	assert_int_equal(rig_stats(r.o).bytes_queued, HOLD_AT + RESERVE);
	assert_int_equal(rig_stats(r.o).bytes_dropped, 0);
	rig_put(&r, text, 7);
	assert_int_equal(rig_stats(r.o).bytes_queued, HOLD_AT + RESERVE);
	assert_int_equal(rig_stats(r.o).bytes_dropped, 7);
	rig_close(&r);
}

static void test_output__after_error_ends_the_output_and_lets_go(void **state)
{
	struct vmoon_limit limit = pause_at(100, RIG_SECOND);
	struct output_rig r;

	(void)state;
	limit.after = VMOON_AFTER_ERROR;
	rig_open(&r, &limit);
	rig_put(&r, text, 100 + HOLD_AT);
	VMOON_IGNORE(vmoon_output_take_event(r.o, r.now));
	rig_run(&r, r.now + RIG_SECOND);
	assert_false(vmoon_output_is_holding(r.o));
	assert_int_equal(rig_stats(r.o).state, VMOON_OUTPUT_FAILED);
	assert_int_equal(rig_stats(r.o).last_error, ETIMEDOUT);
	assert_int_equal(rig_stats(r.o).stalled_ns, RIG_SECOND);
	assert_int_equal(rig_stats(r.o).bytes_queued, 0);
	rig_put(&r, text, 2 * HOLD_AT);
	assert_false(vmoon_output_is_holding(r.o));
	assert_true(vmoon_output_due(r.o, r.now) >= r.now);
	rig_close(&r);
}

static void test_output__destination_that_fails_for_good_lets_go(void **state)
{
	const struct vmoon_limit limit = pause_at(1000, 0);
	struct output_rig r;

	(void)state;
	rig_open(&r, &limit);
	rig_put(&r, text, 1000 + HOLD_AT);
	assert_true(vmoon_output_is_holding(r.o));
	r.to.error = EPIPE;
	r.to.fail_count = 1;
	rig_run(&r, r.now + 10 * MS);
	assert_int_equal(rig_stats(r.o).state, VMOON_OUTPUT_FAILED);
	assert_false(vmoon_output_is_holding(r.o));
	rig_close(&r);
}

static void test_output__reader_that_never_reads_stalls_within_the_bound(
	void **state)
{
	const struct vmoon_limit limit = pause_at(1000000, RIG_SECOND);
	struct output_rig r;

	(void)state;
	rig_open(&r, &limit);
	r.to.error = EAGAIN;
	r.to.fail_count = 1000000;
	rig_put(&r, text, HOLD_AT);
	rig_run(&r, r.now + 10 * RIG_SECOND);
	assert_false(vmoon_output_is_holding(r.o));
	assert_int_equal(rig_stats(r.o).stalled_ns, RIG_SECOND);
	rig_run(&r, r.now + 100 * RIG_SECOND);
	assert_in_range(rig_stats(r.o).stalled_ns, 10 * RIG_SECOND,
			11 * RIG_SECOND);
	assert_int_equal(rig_stats(r.o).bytes_queued, HOLD_AT);
	rig_close(&r);
}

static void test_output__another_limit_lets_go_and_keeps_the_sum(void **state)
{
	const struct vmoon_limit limit = pause_at(100, 0);
	const struct vmoon_limit spool = {.rate = 100, .burst = 100};
	struct output_rig r;

	(void)state;
	rig_open(&r, &limit);
	rig_put(&r, text, 100 + HOLD_AT);
	assert_true(vmoon_output_is_holding(r.o));
	r.now += RIG_SECOND;
	rig_limit(&r, &spool);
	assert_false(vmoon_output_is_holding(r.o));
	assert_int_equal(rig_stats(r.o).stalled_ns, RIG_SECOND);
	rig_run(&r, r.now + 50 * RIG_SECOND);
	assert_int_equal(rig_stats(r.o).bytes_queued, 0);
	assert_int_equal(rig_stats(r.o).stalled_ns, RIG_SECOND);
	rig_close(&r);
}

/* A guest that writes whenever it may; any ten seconds, at a tenth each. */
static void check_bound(uint64_t rate, uint64_t max_stall_ns, uint32_t seed)
{
	static uint64_t stalled[2000];
	const struct vmoon_limit limit = pause_at(rate, max_stall_ns);
	struct output_rig r;
	size_t tenths = 0;

	rig_open(&r, &limit);
	while (tenths < VMOON_COUNTOF(stalled)) {
		if (rig_random(&seed) % 3 != 0 && !vmoon_output_is_holding(r.o))
			rig_put(&r, text, rig_random(&seed) % 3000);
		if (rig_random(&seed) % 100 == 0)
			rig_put(&r, text, 100);
		rig_run(&r, r.now + 100 * MS / 4);
		if ((r.now - RIG_START) % (100 * MS) == 0)
			stalled[tenths++] = rig_stats(r.o).stalled_ns;
	}
	for (size_t i = 100; i < tenths; i++)
		assert_true(stalled[i] - stalled[i - 100] <= max_stall_ns);
	assert_true(stalled[tenths - 1] > 0);
	rig_close(&r);
}

static void test_output__no_ten_seconds_are_stalled_for_longer(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 6; seed++) {
		check_bound(1000, 2 * RIG_SECOND, seed);
		check_bound(10000, RIG_SECOND / 3, seed);
		check_bound(10, 9 * RIG_SECOND, seed);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_output__guest_is_held_at_a_mark_and_let_go_below),
	cmocka_unit_test(test_output__guest_is_let_go_when_little_is_left),
	cmocka_unit_test(
		test_output__stall_is_due_no_later_where_it_is_asked_later),
	cmocka_unit_test(
		test_output__driver_that_writes_on_fills_just_the_reserve),
	cmocka_unit_test(test_output__after_error_ends_the_output_and_lets_go),
	cmocka_unit_test(test_output__destination_that_fails_for_good_lets_go),
	cmocka_unit_test(
		test_output__reader_that_never_reads_stalls_within_the_bound),
	cmocka_unit_test(test_output__another_limit_lets_go_and_keeps_the_sum),
	cmocka_unit_test(test_output__no_ten_seconds_are_stalled_for_longer),
};

int main(void)
{
	return cmocka_run_group_tests_name("output, pause", tests, setup, NULL);
}
