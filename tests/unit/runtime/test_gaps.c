/* SPDX-License-Identifier: MIT */
/* test_gaps.c - mirrors runtime/gaps.c. */
#include "runtime/gaps.h"
#include "tests/support/fixture.h"

#include <string.h>

static uint32_t draw(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void assert_marker(uint64_t bytes, uint64_t lines, bool is_begun,
			  const char *want)
{
	struct vmoon_gaps g = {0};
	char buf[VMOON_MARKER_MAX];
	size_t len;

	vmoon_gaps_add(&g, 3, bytes, lines);
	len = vmoon_gaps_tell(&g, 3, 1, is_begun, buf);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(buf, want, len);
	assert_int_equal(g.count, 0);
}

static void test_gaps__marker_says_bytes_and_lines(void **state)
{
	(void)state;
	assert_marker(12345, 210, false,
		      "[vmoon: 12,345 bytes, 210 lines dropped]\n");
	assert_marker(1, 1, false, "[vmoon: 1 byte, 1 line dropped]\n");
	assert_marker(100, 0, true, "\n[vmoon: 100 bytes, 0 lines dropped]\n");
	assert_marker(1000, 999, false,
		      "[vmoon: 1,000 bytes, 999 lines dropped]\n");
}

static void test_gaps__longest_marker_fits(void **state)
{
	(void)state;
	assert_marker(UINT64_MAX, UINT64_MAX, true,
		      "\n[vmoon: 18,446,744,073,709,551,615 bytes, "
		      "18,446,744,073,709,551,615 lines dropped]\n");
}

static void test_gaps__one_a_second_and_the_next_joins_all_before(void **state)
{
	struct vmoon_gaps g = {0};
	char buf[VMOON_MARKER_MAX];

	(void)state;
	assert_int_equal(vmoon_gaps_due(&g, 100), 0);
	assert_int_equal(vmoon_gaps_tell(&g, 100, 5, false, buf), 0);
	vmoon_gaps_add(&g, 10, 1, 0);
	assert_int_equal(vmoon_gaps_due(&g, 9), 0);
	assert_true(vmoon_gaps_due(&g, 10) != 0);
	assert_true(vmoon_gaps_tell(&g, 10, 5, false, buf) > 0);
	vmoon_gaps_add(&g, 20, 2, 1);
	vmoon_gaps_add(&g, 30, 3, 1);
	vmoon_gaps_add(&g, 40, 4, 1);
	assert_int_equal(vmoon_gaps_due(&g, 35), 5 + VMOON_MARKER_NS);
	assert_true(vmoon_gaps_is_at(&g, 30));
	assert_false(vmoon_gaps_is_at(&g, 31));
	assert_int_equal(vmoon_gaps_until(&g, 31, 100), 9);
	assert_int_equal(vmoon_gaps_until(&g, 31, 5), 5);
	assert_int_equal(vmoon_gaps_until(&g, 40, 5), 5);
	assert_true(vmoon_gaps_tell(&g, 35, 5 + VMOON_MARKER_NS, false, buf) >
		    0);
	assert_memory_equal(buf, "[vmoon: 5 bytes, 2 lines dropped]", 33);
	assert_int_equal(g.count, 1);
	assert_int_equal(g.gap[0].pos, 40);
}

static void check_sums(const struct vmoon_gaps *g, uint64_t bytes,
		       uint64_t lines)
{
	uint64_t b = 0, l = 0;

	assert_true(g->count <= VMOON_GAPS_MAX);
	for (unsigned i = 0; i < g->count; i++) {
		b += g->gap[i].bytes;
		l += g->gap[i].lines;
		assert_true(i == 0 || g->gap[i].pos > g->gap[i - 1].pos);
	}
	assert_int_equal(b, bytes);
	assert_int_equal(l, lines);
}

/* The next number in a text, commas and all. */
static uint64_t number(const char **from)
{
	uint64_t n = 0;

	while (**from < '0' || **from > '9')
		++*from;
	for (; (**from >= '0' && **from <= '9') ||
	       (**from == ',' && (*from)[1] != ' ');
	     ++*from)
		if (**from != ',')
			n = 10 * n + (uint64_t)(**from - '0');
	return n;
}

/* Head and tail as of a queue: losses at either, markers at the head. */
static void test_gaps__walk_keeps_sums_and_order(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 300; seed++) {
		struct vmoon_gaps g = {0};
		uint64_t head = 0, tail = 0, bytes = 0, lines = 0;
		uint32_t s = seed;
		char buf[VMOON_MARKER_MAX];

		for (int i = 0; i < 500; i++) {
			const uint64_t n = 1 + draw(&s) % 100;
			const char *from;
			size_t len;

			switch (draw(&s) % 5) {
			case 0: tail += n; break;
			case 1:
				vmoon_gaps_add(&g, tail, n, n / 2);
				bytes += n, lines += n / 2;
				break;
			case 2:
				head += n < tail - head ? n : tail - head;
				vmoon_gaps_add_oldest(&g, head, n, n / 3);
				bytes += n, lines += n / 3;
				break;
			case 3:
				head += vmoon_gaps_until(
					&g, head,
					n < tail - head ? n : tail - head);
				break;
			default:
				len = vmoon_gaps_tell(&g, head, 1, false, buf);
				from = buf;
				if (len > 0) {
					bytes -= number(&from);
					lines -= number(&from);
				}
			}
			check_sums(&g, bytes, lines);
		}
	}
}

static void test_gaps__too_many_share_the_newest(void **state)
{
	struct vmoon_gaps g = {0};

	(void)state;
	for (uint64_t i = 0; i < 2 * VMOON_GAPS_MAX; i++)
		vmoon_gaps_add(&g, 10 * i, 1, 1);
	check_sums(&g, 2 * VMOON_GAPS_MAX, 2 * VMOON_GAPS_MAX);
	assert_int_equal(g.count, VMOON_GAPS_MAX);
	assert_int_equal(g.gap[VMOON_GAPS_MAX - 1].pos,
			 10 * (VMOON_GAPS_MAX - 1));
	/* And one before all of them, which joins the first two. */
	g.gap[0].pos = 5;
	vmoon_gaps_add_oldest(&g, 2, 7, 0);
	check_sums(&g, 2 * VMOON_GAPS_MAX + 7, 2 * VMOON_GAPS_MAX);
	assert_int_equal(g.gap[0].pos, 2);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_gaps__marker_says_bytes_and_lines),
	cmocka_unit_test(test_gaps__longest_marker_fits),
	cmocka_unit_test(test_gaps__one_a_second_and_the_next_joins_all_before),
	cmocka_unit_test(test_gaps__walk_keeps_sums_and_order),
	cmocka_unit_test(test_gaps__too_many_share_the_newest),
};

int main(void)
{
	return cmocka_run_group_tests_name("gaps", tests, NULL, NULL);
}
