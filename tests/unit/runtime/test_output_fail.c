/* SPDX-License-Identifier: MIT */
/* test_output_fail.c - mirrors runtime/output_pump.c: destinations that fail.
 */
#include "tests/support/output_rig.h"

#include <errno.h>

#define MS UINT64_C(1000000)

static const struct vmoon_limit unlimited = {0};

static void fail_writes(struct output_rig *r, int error, unsigned times)
{
	r->to.error = error;
	r->to.fail_count = times;
}

static void check_retries(int error)
{
	struct output_rig r;

	rig_open(&r, &unlimited);
	fail_writes(&r, error, 5);
	rig_say(&r, "a");
	assert_int_equal(rig_stats(r.o).state, VMOON_OUTPUT_RETRYING);
	assert_int_equal(rig_stats(r.o).last_error, error);
	assert_true(vmoon_output_take_event(r.o, r.now));
	for (unsigned i = 1; i <= 4; i++) { /* each second, and told once */
		assert_int_equal(vmoon_output_due(r.o, r.now),
				 RIG_START + i * RIG_SECOND);
		rig_say(&r, "b");
		rig_pump(&r);
		assert_int_equal(r.to.calls, i);
		r.now = RIG_START + i * RIG_SECOND;
		rig_pump(&r);
		assert_int_equal(r.to.calls, i + 1);
		assert_false(vmoon_output_take_event(r.o, r.now));
	}
	r.now += RIG_SECOND;
	rig_pump(&r);
	assert_int_equal(rig_stats(r.o).state, VMOON_OUTPUT_WORKING);
	assert_int_equal(rig_stats(r.o).errors, 5);
	assert_true(vmoon_output_take_event(r.o, r.now)); /* it works again */
	rig_assert_text(&r, "abbbb");
	/* And the next time it is told again. */
	r.now += 2 * RIG_SECOND;
	fail_writes(&r, error, 1);
	rig_say(&r, "c");
	assert_true(vmoon_output_take_event(r.o, r.now));
	rig_close(&r);
}

static void test_output__full_disk_is_told_once_and_tried_each_second(
	void **state)
{
	(void)state;
	check_retries(ENOSPC);
	check_retries(EIO);
	check_retries(EDQUOT);
}

static void check_final(int error)
{
	const struct vmoon_limit limit = {.rate = 10, .burst = 1};
	struct output_rig r;

	rig_open(&r, &limit);
	fail_writes(&r, error, 1);
	rig_say(&r, "ab\ncd\n");
	assert_int_equal(rig_stats(r.o).state, VMOON_OUTPUT_FAILED);
	assert_int_equal(rig_stats(r.o).last_error, error);
	assert_int_equal(rig_stats(r.o).bytes_dropped, 6);
	assert_int_equal(rig_stats(r.o).lines_dropped, 2);
	assert_true(vmoon_output_take_event(r.o, r.now));
	assert_int_equal(vmoon_output_due(r.o, r.now), 0);
	rig_say(&r, "ef\n");
	rig_run(&r, r.now + 5 * RIG_SECOND);
	vmoon_output_flush(r.o, r.now);
	rig_check(&r);
	assert_int_equal(r.to.calls, 1);
	assert_int_equal(rig_stats(r.o).bytes_dropped, 9);
	assert_int_equal(rig_stats(r.o).lines_dropped, 3);
	rig_close(&r);
}

static void test_output__destination_that_is_gone_is_left_alone(void **state)
{
	(void)state;
	check_final(EPIPE);
	check_final(ECONNRESET);
	check_final(EBADF);
	check_final(EFBIG);
}

static void test_output__full_reader_is_tried_less_and_less_often(void **state)
{
	static const unsigned waits[] = {10, 20, 40, 80, 80, 80};
	struct output_rig r;

	(void)state;
	rig_open(&r, &unlimited);
	for (int round = 0; round < 2; round++) {
		fail_writes(&r, EAGAIN, VMOON_COUNTOF(waits));
		rig_say(&r, "a");
		for (size_t i = 0; i < VMOON_COUNTOF(waits); i++) {
			assert_int_equal(vmoon_output_due(r.o, r.now),
					 r.now + waits[i] * MS);
			r.now += waits[i] * MS - 1;
			rig_pump(&r);
			r.now++;
			rig_pump(&r);
		}
		assert_int_equal(rig_stats(r.o).bytes_queued, 0);
	}
	assert_int_equal(rig_stats(r.o).state, VMOON_OUTPUT_WORKING);
	assert_int_equal(r.to.calls, 14);
	/* Nobody is told: nothing is lost. */
	assert_false(vmoon_output_take_event(r.o, r.now));
	rig_close(&r);
}

static void test_output__signals_are_survived_and_bounded(void **state)
{
	struct output_rig r;

	(void)state;
	rig_open(&r, &unlimited);
	fail_writes(&r, EINTR, 7);
	rig_say(&r, "a");
	rig_assert_text(&r, "a");
	fail_writes(&r, EINTR, 8);
	rig_say(&r, "b");
	assert_int_equal(r.to.calls, 16);
	assert_int_equal(vmoon_output_due(r.o, r.now), r.now + 10 * MS);
	rig_run(&r, r.now + RIG_SECOND);
	rig_assert_text(&r, "ab");
	rig_close(&r);
}

static ssize_t write_lies(struct vmoon_dest *d, const void *buf, size_t len)
{
	(void)d, (void)buf;
	return len % 2 == 0 ? 0 : (ssize_t)len + 1;
}

static void destroy_nothing(struct vmoon_dest *d)
{
	(void)d;
}

static void test_output__count_that_cannot_be_is_none(void **state)
{
	static const struct vmoon_dest_ops ops = {write_lies, destroy_nothing,
						  NULL};
	struct vmoon_output_options opts = {.size = sizeof(opts)};
	struct vmoon_dest liar = {&ops};
	struct vmoon_output *o;
	struct vmoon_error err;

	(void)state;
	assert_ok(vmoon_output_create(&opts, &liar, NULL, RIG_START, &o, &err),
		  &err);
	vmoon_output_put(o, "a", 1, RIG_START);
	vmoon_output_put(o, "b", 1, RIG_START + RIG_SECOND);
	assert_int_equal(rig_stats(o).bytes_queued, 2);
	assert_int_equal(rig_stats(o).bytes_out, 0);
	assert_int_equal(rig_stats(o).errors, 2);
	vmoon_output_destroy(o);
}

static void test_output__marker_cut_by_a_failure_goes_on(void **state)
{
	const struct vmoon_limit limit = {
		.policy = VMOON_LIMIT_DROP, .rate = 10, .burst = 2};
	struct output_rig r;

	(void)state;
	rig_open(&r, &limit);
	r.to.take_max = 3;
	rig_say(&r, "ab");
	fail_writes(&r, EAGAIN, 1);
	rig_say(&r, "cd\n");
	for (int i = 0; i < 12; i++) {
		fail_writes(&r, i % 2 == 0 ? EAGAIN : ENOSPC, 1);
		r.now += 2 * RIG_SECOND / 20;
		rig_pump(&r);
		r.now += RIG_SECOND;
		rig_pump(&r);
	}
	r.to.fail_count = 0;
	rig_run(&r, r.now + 5 * RIG_SECOND);
	rig_assert_text(&r, "ab\n[vmoon: 3 bytes, 1 line dropped]\n");
	rig_close(&r);
}

static void test_output__one_that_fails_is_nothing_to_another(void **state)
{
	const struct vmoon_limit limit = {.rate = 1000, .burst = 1000};
	struct output_rig bad, good, alone;

	(void)state;
	rig_open(&bad, &limit);
	rig_open(&good, &limit);
	rig_open(&alone, &limit);
	fail_writes(&bad, EIO, 1000000);
	for (int i = 0; i < 3000; i++) {
		rig_say(&bad, "line\n");
		rig_say(&good, "line\n");
		rig_say(&alone, "line\n");
		bad.now = good.now = alone.now += MS;
		rig_pump(&bad);
		rig_pump(&good);
		rig_pump(&alone);
		assert_int_equal(vmoon_output_due(good.o, good.now),
				 vmoon_output_due(alone.o, alone.now));
	}
	assert_int_equal(good.to.taken, alone.to.taken);
	assert_int_equal(bad.to.taken, 0);
	assert_int_equal(bad.to.calls, 4); /* one a second */
	rig_close(&bad);
	rig_close(&good);
	rig_close(&alone);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(
		test_output__full_disk_is_told_once_and_tried_each_second),
	cmocka_unit_test(test_output__destination_that_is_gone_is_left_alone),
	cmocka_unit_test(test_output__full_reader_is_tried_less_and_less_often),
	cmocka_unit_test(test_output__signals_are_survived_and_bounded),
	cmocka_unit_test(test_output__count_that_cannot_be_is_none),
	cmocka_unit_test(test_output__marker_cut_by_a_failure_goes_on),
	cmocka_unit_test(test_output__one_that_fails_is_nothing_to_another),
};

int main(void)
{
	return cmocka_run_group_tests_name("output, failures", tests, NULL,
					   NULL);
}
