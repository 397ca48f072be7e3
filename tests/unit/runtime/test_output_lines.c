/* SPDX-License-Identifier: MIT */
/* test_output_lines.c - mirrors runtime/output*.c: lines as the unit. */
#include "tests/support/markers.h"
#include "tests/support/output_rig.h"

#include <errno.h>
#include <stdio.h>

#define MS UINT64_C(1000000)

enum { LINE_MAX = VMOON_OUTPUT_LINE_MAX, ROUNDS = 3000 };

static struct vmoon_limit by_line(enum vmoon_limit_policy policy, uint64_t rate,
				  uint64_t burst)
{
	return (struct vmoon_limit){.policy = policy,
				    .unit = VMOON_UNIT_LINE,
				    .rate = rate,
				    .burst = burst};
}

/* Line number n: "n:", a length that follows from n, ";" and its end. */
static size_t make_line(char *buf, unsigned n)
{
	const size_t digits = (size_t)sprintf(buf, "%u:", n);
	const size_t fill = n % 17 == 0 ? n * 7919 % 900 : n * 31 % 60;

	memset(buf + digits, 'x', fill);
	buf[digits + fill] = ';';
	buf[digits + fill + 1] = '\n';
	return digits + fill + 2;
}

/* Each of them is one that was made, and the numbers rise. */
static unsigned assert_whole_lines(const unsigned char *buf, size_t len)
{
	unsigned count = 0, last = 0;

	while (len > 0) {
		char want[LINE_MAX + 1];
		unsigned n = 0;
		size_t want_len;

		for (size_t i = 0; i < len && buf[i] >= '0' && buf[i] <= '9';
		     i++)
			n = n * 10 + (unsigned)(buf[i] - '0');
		assert_true(n > last);
		want_len = make_line(want, n);
		assert_true(len >= want_len);
		assert_memory_equal(buf, want, want_len);
		last = n;
		buf += want_len;
		len -= want_len;
		count++;
	}
	return count;
}

/* Puts cut lines where they like; destinations take a part, or none. */
static void walk_lines(const struct vmoon_limit *limit, uint32_t seed)
{
	struct output_rig r;
	struct vmoon_output_stats s;
	struct markers m;
	char text[LINE_MAX];
	unsigned lines;

	rig_open(&r, limit);
	for (unsigned n = 1; n <= ROUNDS; n++) {
		const size_t len = make_line(text, n);
		const size_t cut = rig_random(&seed) % (len + 1);

		if (rig_random(&seed) % 8 == 0)
			r.to.take_max = rig_random(&seed) % 300;
		if (rig_random(&seed) % 32 == 0) {
			r.to.error = EAGAIN;
			r.to.fail_count = rig_random(&seed) % 5;
		}
		rig_put(&r, text, cut);
		rig_run(&r, r.now + rig_random(&seed) % (50 * MS));
		rig_put(&r, text + cut, len - cut);
		if (rig_random(&seed) % 8 == 0)
			rig_run(&r, r.now + rig_random(&seed) % (250 * MS));
	}
	r.to.fail_count = 0;
	r.to.take_max = 0;
	vmoon_output_flush(r.o, r.now);
	s = rig_stats(r.o);
	memset(r.to.bytes + r.to.len, 0, VMOON_OUTPUT_LINE_MAX);
	lines = assert_whole_lines(
		r.to.bytes, markers_strip(r.to.bytes, r.to.len, false, &m));
	assert_int_equal(m.newlines, 0);
	assert_int_equal(m.bytes, s.bytes_dropped);
	assert_int_equal(m.lines, s.lines_dropped);
	assert_int_equal(lines + s.lines_dropped, ROUNDS);
	assert_true(lines > 0);
	rig_close(&r);
}

static void test_output__lines_are_whole_or_lost_whatever_happens(void **state)
{
	static const uint64_t rates[] = {600, 1500, 20000};

	(void)state;
	for (uint32_t seed = 1; seed <= 20; seed++)
		for (size_t i = 0; i < VMOON_COUNTOF(rates); i++) {
			struct vmoon_limit limit =
				by_line(VMOON_LIMIT_DROP, rates[i], LINE_MAX);

			walk_lines(&limit, seed);
			limit.policy = VMOON_LIMIT_PAUSE;
			walk_lines(&limit, seed);
			limit.policy = VMOON_LIMIT_SPOOL;
			limit.capacity = 4096 + seed * 101;
			walk_lines(&limit, seed);
			limit.full = VMOON_FULL_DROP_NEWEST;
			walk_lines(&limit, seed);
			limit.rate = limit.burst = 0;
			limit.full = VMOON_FULL_DROP_OLDEST;
			walk_lines(&limit, seed);
		}
}

static void test_output__drop_passes_or_drops_whole_lines(void **state)
{
	const struct vmoon_limit limit =
		by_line(VMOON_LIMIT_DROP, 100, LINE_MAX + 10);
	struct output_rig r;

	(void)state;
	rig_open(&r, &limit);
	rig_say(&r, "one of eleven\n"); /* 14: less than a line is left */
	rig_say(&r, "two\nthr");
	rig_say(&r, "ee\n");
	r.now += RIG_SECOND;
	rig_say(&r, "fo");
	rig_say(&r, "ur\n");
	rig_run(&r, r.now + RIG_SECOND);
	rig_assert_text(&r, "one of eleven\n[vmoon: 7 bytes, 1 line dropped]\n"
			    "[vmoon: 3 bytes, 1 line dropped]\nfour\n");
	rig_close(&r);
}

static void test_output__prompt_goes_after_a_tenth_of_a_second(void **state)
{
	const struct vmoon_limit limit =
		by_line(VMOON_LIMIT_SPOOL, 100000, LINE_MAX);
	struct output_rig r;

	(void)state;
	rig_open(&r, &limit);
	rig_say(&r, "hello\nlogin: ");
	rig_assert_text(&r, "hello\n");
	VMOON_IGNORE(vmoon_output_take_event(r.o, r.now));
	assert_int_equal(vmoon_output_due(r.o, r.now), r.now + 100 * MS);
	rig_run(&r, r.now + 100 * MS);
	rig_assert_text(&r, "hello\nlogin: ");
	rig_say(&r, "root\n");
	rig_assert_text(&r, "hello\nlogin: root\n");
	rig_close(&r);
}

static void test_output__marker_that_is_late_waits_for_the_lines_end(
	void **state)
{
	const struct vmoon_limit limit =
		by_line(VMOON_LIMIT_DROP, 1000, LINE_MAX);
	struct output_rig r;

	(void)state;
	rig_open(&r, &limit);
	rig_say(&r, "a\nb\n");
	r.now += 500 * MS;
	rig_say(&r, "c\nd\n");
	r.now += 450 * MS;
	rig_say(&r, "be");
	r.now += 60 * MS;
	rig_pump(&r);
	rig_say(&r, "gun\n");
	rig_assert_text(&r, "a\n[vmoon: 2 bytes, 1 line dropped]\nc\nbegun\n"
			    "[vmoon: 2 bytes, 1 line dropped]\n");
	/* A prompt does not keep it for ever. */
	rig_say(&r, "e\nf\n");
	r.now += 980 * MS;
	rig_say(&r, "$ ");
	rig_run(&r, r.now + RIG_SECOND);
	rig_assert_text(&r, "a\n[vmoon: 2 bytes, 1 line dropped]\nc\nbegun\n"
			    "[vmoon: 2 bytes, 1 line dropped]\ne\n$ \n"
			    "[vmoon: 2 bytes, 1 line dropped]\n");
	rig_close(&r);
}

static void test_output__long_line_is_treated_as_several(void **state)
{
	static char text[3 * LINE_MAX];
	const struct vmoon_limit limit =
		by_line(VMOON_LIMIT_DROP, 1, 2 * LINE_MAX);
	struct output_rig r;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\n';
	rig_open(&r, &limit);
	rig_put(&r, text, sizeof(text));
	assert_int_equal(rig_stats(r.o).bytes_out, 2 * LINE_MAX);
	assert_int_equal(rig_stats(r.o).bytes_dropped, LINE_MAX);
	assert_memory_equal(r.to.bytes + 2 * LINE_MAX,
			    "\n[vmoon: 1,024 bytes, 1 line dropped]\n", 38);
	rig_close(&r);
}

static void test_output__oldest_lines_go_whole_and_not_the_begun_one(
	void **state)
{
	static char text[4 * LINE_MAX];
	const struct vmoon_limit limit = {.unit = VMOON_UNIT_LINE,
					  .capacity = 4096};
	struct output_rig r;

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t i = 99; i < sizeof(text); i += 100)
		text[i] = '\n';
	text[sizeof(text) - 1] = '\n';
	rig_open(&r, &limit);
	r.to.take_max = 10; /* of the first line, then no more */
	rig_say(&r, "a line of more\n");
	rig_run(&r, r.now + RIG_SECOND);
	r.to.error = EAGAIN;
	r.to.fail_count = 1000;
	r.to.take_max = 4;
	rig_say(&r, "second line\n");
	r.to.fail_count = 0;
	r.now += RIG_SECOND;
	r.to.error = EAGAIN;
	vmoon_output_put(r.o, "", 0, r.now);
	r.to.fail_count = 1000;
	rig_put(&r, text, sizeof(text));
	r.to.fail_count = 0;
	r.to.take_max = 0;
	rig_run(&r, r.now + RIG_SECOND);
	r.to.bytes[r.to.len] = '\0';
	assert_memory_equal(r.to.bytes, "a line of more\n[vmoon: ", 23);
	rig_close(&r);
}

static void test_output__flush_tells_behind_a_line_that_has_no_end(void **state)
{
	const struct vmoon_limit limit =
		by_line(VMOON_LIMIT_DROP, 1000, LINE_MAX);
	struct output_rig r;

	(void)state;
	rig_open(&r, &limit);
	rig_say(&r, "a\nb\n"); /* told of at once: the next is late */
	r.now += 500 * MS;
	rig_say(&r, "c\nd\n");
	r.now += 400 * MS;
	rig_say(&r, "$ ");
	r.now = 1; /* whatever the clock says */
	vmoon_output_flush(r.o, r.now);
	rig_check(&r);
	rig_assert_text(&r, "a\n[vmoon: 2 bytes, 1 line dropped]\nc\n$ \n"
			    "[vmoon: 2 bytes, 1 line dropped]\n");
	rig_close(&r);
}

/* What is kept for the longest of lines is there again for the next one. */
static void test_output__line_end_and_limit_give_back_what_was_kept(
	void **state)
{
	struct vmoon_limit limit =
		by_line(VMOON_LIMIT_DROP, 1024, LINE_MAX + 10);
	struct vmoon_group group = {0};
	struct output_rig r;

	(void)state;
	vmoon_lock_init(&group.lock, VMOON_RANK_LEAF);
	vmoon_bucket_init(&group.bucket, 1, 2000, RIG_START);
	limit.group = &group;
	rig_open(&r, &limit);
	rig_say(&r, "abc\n");
	rig_say(&r, "def\n");
	rig_assert_text(&r, "abc\ndef\n");
	assert_int_equal(group.bucket.credit, 1992 * RIG_SECOND);
	rig_say(&r, "gh");
	limit.group = NULL;
	rig_limit(&r, &limit);
	assert_int_equal(group.bucket.credit, 1990 * RIG_SECOND);
	rig_say(&r, "i\n");
	rig_assert_text(&r, "abc\ndef\nghi\n");
	assert_int_equal(group.bucket.credit, 1990 * RIG_SECOND);
	rig_close(&r);
	vmoon_lock_fini(&group.lock);
}

static void test_output__lines_that_a_reader_takes_at_once_need_no_room(
	void **state)
{
	static char text[16 * LINE_MAX];
	const struct vmoon_limit limit = {.unit = VMOON_UNIT_LINE,
					  .capacity = 4096};
	struct output_rig r;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 100 == 99 ? '\n' : 'x';
	rig_open(&r, &limit);
	rig_put(&r, text, sizeof(text));
	assert_int_equal(rig_stats(r.o).bytes_dropped, 0);
	assert_memory_equal(r.to.bytes, text, sizeof(text));
	rig_close(&r);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_output__lines_are_whole_or_lost_whatever_happens),
	cmocka_unit_test(test_output__drop_passes_or_drops_whole_lines),
	cmocka_unit_test(test_output__prompt_goes_after_a_tenth_of_a_second),
	cmocka_unit_test(
		test_output__marker_that_is_late_waits_for_the_lines_end),
	cmocka_unit_test(test_output__long_line_is_treated_as_several),
	cmocka_unit_test(
		test_output__flush_tells_behind_a_line_that_has_no_end),
	cmocka_unit_test(
		test_output__line_end_and_limit_give_back_what_was_kept),
	cmocka_unit_test(
		test_output__lines_that_a_reader_takes_at_once_need_no_room),
	cmocka_unit_test(
		test_output__oldest_lines_go_whole_and_not_the_begun_one),
};

int main(void)
{
	return cmocka_run_group_tests_name("output, lines", tests, NULL, NULL);
}
