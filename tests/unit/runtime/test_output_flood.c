/* SPDX-License-Identifier: MIT */
/*
 * test_output_flood.c - a guest that prints for ever, through each policy.
 *
 * 10^10 bytes in the plain build, 10^7 in the instrumented ones, on a clock of
 * the test's; the time that it took is printed and not judged.
 */
#include "tests/support/output_rig.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#ifdef VMOON_CHECK_LOCKS
#define FLOOD UINT64_C(10000000)
#elif !defined(__OPTIMIZE__)
#define FLOOD UINT64_C(10000000)
#else
#define FLOOD UINT64_C(10000000000)
#endif

enum { CHUNK = 4096 };

/* Takes no more than a full disk would; then there is no space. */
struct capped {
	struct vmoon_dest dest;
	uint64_t taken, cap;
};

static ssize_t capped_write(struct vmoon_dest *d, const void *buf, size_t len)
{
	struct capped *c = (struct capped *)(void *)d; /* its first member */
	const uint64_t room = c->cap - c->taken;

	(void)buf;
	if (room == 0)
		return -ENOSPC;
	len = len < room ? len : (size_t)room;
	c->taken += len;
	return (ssize_t)len;
}

static void capped_destroy(struct vmoon_dest *d)
{
	(void)d;
}

static const struct vmoon_dest_ops capped_ops = {capped_write, capped_destroy,
						 NULL};

static unsigned char text[CHUNK];

static int setup(void **state)
{
	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t i = 79; i < sizeof(text); i += 80)
		text[i] = '\n';
	return 0;
}

/* Puts the flood at 100 MB a second of the test's clock, exactly that much. */
static void pour(struct vmoon_output *o, uint64_t flood_bytes)
{
	uint64_t now = RIG_START;

	for (uint64_t left = flood_bytes; left > 0; now += CHUNK * 10) {
		const size_t n = left < CHUNK ? (size_t)left : CHUNK;

		vmoon_output_put(o, text, n, now);
		VMOON_IGNORE(vmoon_output_take_event(o, now));
		left -= n;
	}
	vmoon_output_flush(o, now);
}

static void flood(const char *name, const struct vmoon_limit *given,
		  uint64_t cap)
{
	/* Lines cost more, and are more of the same. */
	const uint64_t all =
		given->unit == VMOON_UNIT_LINE ? FLOOD / 10 : FLOOD;
	struct capped to = {.dest = {&capped_ops}, .cap = cap};
	struct vmoon_output_options opts = {.size = sizeof(opts),
					    .limit = *given};
	struct vmoon_mem mem;
	struct vmoon_output *o;
	struct vmoon_output_stats s;
	struct vmoon_error err;
	const clock_t from = clock();
	size_t used;

	opts.limit.size = sizeof(opts.limit);
	vmoon_mem_init(&mem, NULL);
	assert_ok(
		vmoon_output_create(&opts, &to.dest, &mem, RIG_START, &o, &err),
		&err);
	used = vmoon_mem_used(&mem);
	pour(o, all);
	assert_int_equal(vmoon_mem_used(&mem), used);
	s = rig_stats(o);
	assert_int_equal(s.bytes_in, all);
	assert_int_equal(s.bytes_out + s.bytes_dropped + s.bytes_queued, all);
	assert_int_equal(s.bytes_out + s.marker_bytes, to.taken);
	assert_true(to.taken <= cap);
	if (cap == UINT64_MAX) {
		assert_int_equal(s.bytes_queued, 0);
		assert_int_equal(s.bytes_out + s.bytes_dropped, all);
	}
	print_message("%-18s %s: %11llu written %11llu dropped %8llu queued "
		      "%5.2f s\n",
		      name, cap == UINT64_MAX ? "null  " : "capped",
		      (unsigned long long)s.bytes_out,
		      (unsigned long long)s.bytes_dropped,
		      (unsigned long long)s.bytes_queued,
		      (double)(clock() - from) / CLOCKS_PER_SEC);
	vmoon_output_destroy(o);
	assert_int_equal(vmoon_mem_used(&mem), 0);
}

static void flood_both(const char *name, const struct vmoon_limit *limit)
{
	flood(name, limit, UINT64_MAX);
	flood(name, limit, UINT64_C(1) << 20);
}

static void test_s04__unlimited_flood_ends_at_the_destinations_cap(void **state)
{
	(void)state;
	flood_both("unlimited", &(struct vmoon_limit){0});
}

static void test_s04__spooled_flood_is_all_written_or_counted(void **state)
{
	struct vmoon_limit limit = {.rate = 1000000};

	(void)state;
	flood_both("spool", &limit);
	limit.full = VMOON_FULL_DROP_NEWEST;
	flood_both("spool, newest", &limit);
	limit.full = VMOON_FULL_DROP_OLDEST;
	limit.unit = VMOON_UNIT_LINE;
	flood_both("spool, lines", &limit);
}

static void test_s04__dropped_flood_is_all_written_or_counted(void **state)
{
	struct vmoon_limit limit = {.policy = VMOON_LIMIT_DROP,
				    .rate = 1000000};

	(void)state;
	flood_both("drop", &limit);
	limit.unit = VMOON_UNIT_LINE;
	flood_both("drop, lines", &limit);
}

/* A guest that does not care about being held. */
static void test_s04__paused_flood_is_all_written_or_counted(void **state)
{
	const struct vmoon_limit limit = {.policy = VMOON_LIMIT_PAUSE,
					  .rate = 1000000};

	(void)state;
	flood_both("pause", &limit);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(
		test_s04__unlimited_flood_ends_at_the_destinations_cap),
	cmocka_unit_test(test_s04__spooled_flood_is_all_written_or_counted),
	cmocka_unit_test(test_s04__dropped_flood_is_all_written_or_counted),
	cmocka_unit_test(test_s04__paused_flood_is_all_written_or_counted),
};

int main(void)
{
	return cmocka_run_group_tests_name("output, floods", tests, setup,
					   NULL);
}
