/* SPDX-License-Identifier: MIT */
/* test_output.c - mirrors runtime/output*.c: what goes, waits, is lost. */
#include "tests/support/output_rig.h"

#include <errno.h>

enum { KIB = 1024 };

static const struct vmoon_limit unlimited = {0};

static void test_output__without_a_limit_bytes_go_as_they_come(void **state)
{
	struct output_rig r;

	(void)state;
	rig_open(&r, &unlimited);
	rig_say(&r, "ab");
	rig_say(&r, "");
	rig_say(&r, "c\nd");
	rig_assert_text(&r, "abc\nd");
	assert_int_equal(vmoon_output_due(r.o, r.now), 0);
	assert_false(vmoon_output_take_event(r.o, r.now));
	rig_close(&r);
}

static void test_output__slow_reader_gets_all_that_fits_and_a_marker(
	void **state)
{
	static unsigned char text[8 * KIB];
	const struct vmoon_limit limit = {.capacity = 4 * KIB};
	struct output_rig r;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[5 * KIB] = '\n';
	text[6 * KIB] = '\n';
	rig_open(&r, &limit);
	r.to.error = EAGAIN;
	r.to.fail_count = 1000;
	rig_put(&r, text, 5 * KIB);
	rig_put(&r, text + 5 * KIB, 3 * KIB);
	assert_int_equal(rig_stats(r.o).bytes_dropped, 4 * KIB);
	r.to.fail_count = 0;
	rig_run(&r, r.now + RIG_SECOND);
	assert_memory_equal(r.to.bytes,
			    "[vmoon: 4,096 bytes, 0 lines dropped]\n", 38);
	assert_memory_equal(r.to.bytes + 38, text + 4 * KIB, 4 * KIB);
	assert_int_equal(r.to.len, 38 + 4 * KIB);
	rig_close(&r);
}

static void test_output__drop_newest_keeps_the_first(void **state)
{
	static unsigned char text[5 * KIB];
	const struct vmoon_limit limit = {.capacity = 4 * KIB,
					  .full = VMOON_FULL_DROP_NEWEST};
	struct output_rig r;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)('a' + i % 26);
	text[4 * KIB + 3] = '\n';
	rig_open(&r, &limit);
	r.to.error = EAGAIN;
	r.to.fail_count = 1000;
	rig_put(&r, text, sizeof(text));
	r.to.fail_count = 0;
	rig_run(&r, r.now + RIG_SECOND);
	assert_memory_equal(r.to.bytes, text, 4 * KIB);
	assert_memory_equal(r.to.bytes + 4 * KIB,
			    "\n[vmoon: 1,024 bytes, 1 line dropped]\n", 38);
	assert_int_equal(r.to.len, 4 * KIB + 38);
	rig_close(&r);
}

static void test_output__drop_tells_at_the_gap_and_once_a_second(void **state)
{
	const struct vmoon_limit limit = {
		.policy = VMOON_LIMIT_DROP, .rate = 10, .burst = 4};
	struct output_rig r;

	(void)state;
	rig_open(&r, &limit);
	rig_say(&r, "abcdefg\n");
	rig_assert_text(&r, "abcd\n[vmoon: 4 bytes, 1 line dropped]\n");
	rig_say(&r, "no\nno\n"); /* told of a second later */
	r.now += RIG_SECOND / 2; /* four more */
	rig_say(&r, "hij\n");
	rig_run(&r, RIG_START + 2 * RIG_SECOND);
	rig_assert_text(&r, "abcd\n[vmoon: 4 bytes, 1 line dropped]\n"
			    "hij\n[vmoon: 6 bytes, 2 lines dropped]\n");
	assert_int_equal(rig_stats(r.o).lines_dropped, 3);
	rig_close(&r);
}

static void test_output__spool_loses_nothing_and_keeps_the_rate(void **state)
{
	const struct vmoon_limit limit = {.rate = 10, .burst = 3};
	struct output_rig r;

	(void)state;
	rig_open(&r, &limit);
	rig_say(&r, "0123456789");
	rig_assert_text(&r, "012");
	assert_int_equal(vmoon_output_due(r.o, r.now), r.now);
	assert_true(vmoon_output_take_event(r.o, r.now)); /* it delays */
	assert_int_equal(vmoon_output_due(r.o, r.now), r.now + RIG_SECOND / 10);
	rig_run(&r, RIG_START + RIG_SECOND / 2);
	rig_assert_text(&r, "01234567");
	rig_run(&r, RIG_START + RIG_SECOND);
	rig_assert_text(&r, "0123456789");
	assert_int_equal(rig_stats(r.o).marker_bytes, 0);
	rig_close(&r);
}

static void test_output__what_a_reader_did_not_take_was_not_paid(void **state)
{
	const struct vmoon_limit limit = {.rate = 10, .burst = 10};
	struct output_rig r;

	(void)state;
	rig_open(&r, &limit);
	r.to.take_max = 3; /* and then no more for now */
	r.to.error = EAGAIN;
	vmoon_output_put(r.o, "01", 2, r.now);
	r.to.fail_count = 1;
	rig_say(&r, "23456789");
	rig_run(&r, RIG_START + RIG_SECOND / 50);
	rig_assert_text(&r, "0123456789");
	rig_close(&r);
}

static void test_output__lost_on_the_way_is_told_of(void **state)
{
	struct output_rig r;

	(void)state;
	rig_open(&r, &unlimited);
	rig_say(&r, "ab");
	vmoon_output_lose(r.o, 7, r.now);
	vmoon_output_lose(r.o, 0, r.now);
	rig_check(&r);
	assert_true(vmoon_output_due(r.o, r.now) != 0);
	rig_say(&r, "cd");
	rig_assert_text(&r, "ab\n[vmoon: 7 bytes, 0 lines dropped]\ncd");
	rig_close(&r);
}

static void test_output__flush_writes_all_and_tells_of_each_gap(void **state)
{
	const struct vmoon_limit limit = {.rate = 1, .burst = 1};
	struct output_rig r;

	(void)state;
	rig_open(&r, &limit);
	for (int i = 0; i < 3; i++) {
		rig_say(&r, "ab");
		vmoon_output_lose(r.o, 10, r.now);
	}
	r.to.take_max = 1;
	vmoon_output_flush(r.o, r.now);
	rig_check(&r);
	rig_assert_text(&r, "ab\n[vmoon: 10 bytes, 0 lines dropped]\n"
			    "ab\n[vmoon: 10 bytes, 0 lines dropped]\n"
			    "ab\n[vmoon: 10 bytes, 0 lines dropped]\n");
	/* The limit is as it was. */
	rig_say(&r, "xyz");
	assert_int_equal(rig_stats(r.o).bytes_queued, 3);
	rig_close(&r);
}

static void test_output__flush_takes_as_many_writes_as_it_needs(void **state)
{
	static unsigned char text[256 * KIB];
	const struct vmoon_limit limit = {.rate = 1, .burst = 1};
	struct output_rig r;

	(void)state;
	memset(text, 'x', sizeof(text));
	rig_open(&r, &limit);
	rig_put(&r, text, sizeof(text));
	r.to.take_max = 100;
	vmoon_output_flush(r.o, r.now);
	assert_int_equal(r.to.taken, sizeof(text));
	rig_close(&r);
}

static void test_output__event_is_told_at_most_once_a_second(void **state)
{
	const struct vmoon_limit limit = {
		.policy = VMOON_LIMIT_DROP, .rate = 1, .burst = 1};
	struct output_rig r;
	unsigned events = 0;

	(void)state;
	rig_open(&r, &limit);
	for (int ms = 0; ms < 10000; ms++) {
		rig_say(&r, "much");
		events += vmoon_output_take_event(r.o, r.now);
		r.now += RIG_SECOND / 1000;
	}
	assert_in_range(events, 10, 11);
	/* What was not told yet has its time. */
	VMOON_IGNORE(vmoon_output_take_event(r.o, r.now));
	rig_say(&r, "much");
	rig_pump(&r);
	assert_false(vmoon_output_take_event(r.o, r.now));
	assert_true(vmoon_output_due(r.o, r.now) > r.now);
	assert_true(vmoon_output_due(r.o, r.now) <= r.now + RIG_SECOND);
	rig_close(&r);
}

static void test_output__smaller_queue_keeps_the_newest(void **state)
{
	static unsigned char text[10 * KIB];
	struct vmoon_limit limit = {.rate = 1, .burst = 1};
	struct output_rig r;

	(void)state;
	memset(text, 'a', 6 * KIB);
	memset(text + 6 * KIB, 'b', 4 * KIB);
	text[100] = '\n';
	rig_open(&r, &limit);
	rig_put(&r, text, sizeof(text)); /* one byte goes */
	limit.capacity = 4 * KIB;
	rig_limit(&r, &limit);
	assert_int_equal(rig_stats(r.o).bytes_queued, 4 * KIB);
	assert_int_equal(rig_stats(r.o).bytes_dropped, 6 * KIB - 1);
	assert_int_equal(rig_stats(r.o).lines_dropped, 1);
	vmoon_output_flush(r.o, r.now);
	assert_memory_equal(r.to.bytes,
			    "a\n[vmoon: 6,143 bytes, 1 line dropped]\n", 39);
	assert_memory_equal(r.to.bytes + 39, text + 6 * KIB, 4 * KIB);
	rig_close(&r);
}

static void test_output__bad_limit_changes_nothing(void **state)
{
	const struct vmoon_limit good = {.rate = 10, .burst = 2};
	struct vmoon_limit bad = {.size = sizeof(bad), .capacity = 1};
	struct output_rig r;

	(void)state;
	rig_open(&r, &good);
	rig_say(&r, "abcd");
	assert_int_equal(vmoon_output_limit(r.o, &bad, r.now, &r.err),
			 VMOON_E_CONFIG);
	assert_string_equal(r.err.msg, "limit: capacity is 4 KiB to 64 MiB");
	bad.capacity = 8 * KIB;
	r.alloc.fail_at = r.alloc.calls + 1;
	assert_int_equal(vmoon_output_limit(r.o, &bad, r.now, &r.err),
			 VMOON_E_NOMEM);
	assert_string_equal(r.err.msg, "output 't': out of memory");
	rig_check(&r);
	rig_run(&r, r.now + RIG_SECOND / 10);
	rig_assert_text(&r, "abc");
	rig_limit(&r, &bad); /* now there is memory, and no rate */
	rig_pump(&r);
	rig_assert_text(&r, "abcd");
	rig_close(&r);
}

static void test_output__no_memory_leaves_nothing_behind(void **state)
{
	const struct vmoon_output_options opts = {.size = sizeof(opts)};

	(void)state;
	for (size_t n = 1; n <= 2; n++) {
		struct check_alloc alloc = {.fail_at = n};
		const struct vmoon_allocator allocator =
			check_allocator(&alloc);
		struct vmoon_output *o = NULL;
		struct vmoon_mem mem;
		struct vmoon_error err;
		struct fake_dest to;

		vmoon_mem_init(&mem, &allocator);
		assert_int_equal(
			vmoon_output_create(&opts, fake_dest_init(&to, NULL, 0),
					    &mem, RIG_START, &o, &err),
			VMOON_E_NOMEM);
		assert_string_equal(err.msg, "output: out of memory");
		assert_null(o);
		assert_int_equal(to.destroyed, 1);
		check_alloc_assert_empty(&alloc);
	}
	vmoon_output_destroy(NULL);
}

static void test_output__bad_limit_at_creation_destroys_the_destination(
	void **state)
{
	struct vmoon_output_options opts = {.size = sizeof(opts)};
	struct vmoon_output *o = NULL;
	struct vmoon_error err;
	struct fake_dest to;

	(void)state;
	opts.limit = (struct vmoon_limit){.size = sizeof(opts.limit),
					  .rate = UINT64_MAX};
	assert_int_equal(vmoon_output_create(&opts,
					     fake_dest_init(&to, NULL, 0), NULL,
					     RIG_START, &o, &err),
			 VMOON_E_CONFIG);
	assert_string_equal(err.msg, "limit: rate is at most 1 TiB a second");
	assert_null(o);
	assert_int_equal(to.destroyed, 1);
}

static void test_output__names_come_from_kind_and_path(void **state)
{
	struct vmoon_output_options opts = {.size = sizeof(opts)};
	char name[VMOON_OUTPUT_NAME_MAX], path[200];

	(void)state;
	vmoon_output_name_of(&opts, name);
	assert_string_equal(name, "null");
	opts.kind = VMOON_OUTPUT_FD;
	opts.fd = 1;
	vmoon_output_name_of(&opts, name);
	assert_string_equal(name, "stdout");
	opts.fd = 77;
	vmoon_output_name_of(&opts, name);
	assert_string_equal(name, "fd:77");
	opts.kind = VMOON_OUTPUT_FILE;
	opts.path = "a.log";
	vmoon_output_name_of(&opts, name);
	assert_string_equal(name, "file:a.log");
	memset(path, 'x', sizeof(path));
	memcpy(path + 190, "/console", 9);
	opts.path = path;
	vmoon_output_name_of(&opts, name);
	assert_int_equal(strlen(name), 5 + 3 + 48);
	assert_string_equal(name + strlen(name) - 8, "/console");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_output__without_a_limit_bytes_go_as_they_come),
	cmocka_unit_test(
		test_output__slow_reader_gets_all_that_fits_and_a_marker),
	cmocka_unit_test(test_output__drop_newest_keeps_the_first),
	cmocka_unit_test(test_output__drop_tells_at_the_gap_and_once_a_second),
	cmocka_unit_test(test_output__spool_loses_nothing_and_keeps_the_rate),
	cmocka_unit_test(test_output__what_a_reader_did_not_take_was_not_paid),
	cmocka_unit_test(test_output__lost_on_the_way_is_told_of),
	cmocka_unit_test(test_output__flush_writes_all_and_tells_of_each_gap),
	cmocka_unit_test(test_output__flush_takes_as_many_writes_as_it_needs),
	cmocka_unit_test(test_output__event_is_told_at_most_once_a_second),
	cmocka_unit_test(test_output__smaller_queue_keeps_the_newest),
	cmocka_unit_test(test_output__bad_limit_changes_nothing),
	cmocka_unit_test(test_output__no_memory_leaves_nothing_behind),
	cmocka_unit_test(
		test_output__bad_limit_at_creation_destroys_the_destination),
	cmocka_unit_test(test_output__names_come_from_kind_and_path),
};

int main(void)
{
	return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
