/* SPDX-License-Identifier: MIT */
/* test_queue.c - mirrors runtime/queue.c: against all bytes ever put. */
#include "runtime/queue.h"
#include "tests/support/check_alloc.h"

enum { EVER = 200000 };

struct rig {
	struct check_alloc alloc;
	struct vmoon_mem mem;
	struct vmoon_queue q;
	unsigned char *ever;
	uint32_t seed;
};

static uint32_t draw(struct rig *r)
{
	r->seed = r->seed * 1664525 + 1013904223;
	return r->seed >> 8;
}

static int setup(void **state)
{
	static struct rig r;
	struct vmoon_allocator allocator = check_allocator(&r.alloc);

	r = (struct rig){.ever = malloc(EVER), .seed = 1};
	vmoon_mem_init(&r.mem, &allocator);
	*state = &r;
	for (size_t i = 0; i < EVER; i++) /* lines, and some are empty */
		r.ever[i] = draw(&r) % 8 == 0 ? '\n' : (unsigned char)draw(&r);
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	free(r->ever);
	check_alloc_assert_empty(&r->alloc);
	return 0;
}

static uint64_t count(const unsigned char *buf, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += buf[i] == '\n';
	return n;
}

static void check_content(struct rig *r)
{
	const unsigned char *front;
	const size_t len = vmoon_queue_len(&r->q);
	const size_t n = vmoon_queue_front(&r->q, &front);

	assert_true(len <= r->q.cap);
	assert_int_equal(len + vmoon_queue_free(&r->q), r->q.cap);
	assert_true(n <= len && (n > 0 || len == 0));
	if (n > 0)
		assert_memory_equal(front, r->ever + r->q.head, n);
	if (len > n)
		assert_memory_equal(r->q.bytes, r->ever + r->q.head + n,
				    len - n);
}

static void check_line(struct rig *r, size_t max)
{
	const size_t len = vmoon_queue_len(&r->q);
	size_t want = 0;

	for (size_t i = 0; i < len && i < max && want == 0; i++)
		if (r->ever[r->q.head + i] == '\n')
			want = i + 1;
	assert_int_equal(vmoon_queue_line(&r->q, max), want);
}

static void take_some(struct rig *r)
{
	const size_t len = vmoon_queue_len(&r->q);
	const size_t ask = draw(r) % (r->q.cap + 2);
	const size_t n = ask < len ? ask : len;
	const uint64_t head = r->q.head;
	unsigned char buf[128];

	switch (draw(r) % 4) {
	case 0:
		assert_int_equal(vmoon_queue_drop(&r->q, ask),
				 count(r->ever + head, n));
		break;
	case 1: vmoon_queue_skip(&r->q, n); break;
	case 2:
		assert_int_equal(vmoon_queue_take(&r->q, buf, ask), n);
		assert_memory_equal(buf, r->ever + head, n);
		break;
	default:
		assert_int_equal(vmoon_queue_take(&r->q, buf, ask), n);
		vmoon_queue_take_back(&r->q, buf, n);
		assert_int_equal(r->q.head, head);
		return;
	}
	assert_int_equal(r->q.head, head + n);
}

static void test_queue__walk_agrees_with_all_that_was_put(void **state)
{
	struct rig *r = *state;

	for (size_t cap = 1; cap <= 100; cap += cap < 9 ? 1 : 13) {
		assert_true(vmoon_queue_init(&r->q, &r->mem, cap));
		while (r->q.tail + cap < EVER / 8) {
			const size_t n =
				draw(r) % (vmoon_queue_free(&r->q) + 1);

			vmoon_queue_put(&r->q, r->ever + r->q.tail, n);
			check_content(r);
			check_line(r, draw(r) % (cap + 2));
			take_some(r);
			check_content(r);
		}
		vmoon_queue_fini(&r->q, &r->mem);
	}
}

static void test_queue__no_memory_is_a_failure_that_leaves_nothing(void **state)
{
	struct rig *r = *state;

	r->alloc.fail_at = 1;
	assert_false(vmoon_queue_init(&r->q, &r->mem, 4096));
	vmoon_queue_fini(&r->q, &r->mem);
	assert_int_equal(vmoon_mem_used(&r->mem), 0);
}

static void test_queue__lines_are_counted_at_every_offset_and_length(
	void **state)
{
	struct rig *r = *state;
	unsigned char *all = malloc(9000);

	for (size_t from = 0; from < 20; from++)
		for (size_t len = 0; len < 600; len++)
			assert_int_equal(vmoon_count_lines(r->ever + from, len),
					 count(r->ever + from, len));
	/* More than fits a byte in each lane. */
	memset(all, '\n', 9000);
	assert_int_equal(vmoon_count_lines(all, 9000), 9000);
	free(all);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(
		test_queue__walk_agrees_with_all_that_was_put, setup, teardown),
	cmocka_unit_test_setup_teardown(
		test_queue__no_memory_is_a_failure_that_leaves_nothing, setup,
		teardown),
	cmocka_unit_test_setup_teardown(
		test_queue__lines_are_counted_at_every_offset_and_length, setup,
		teardown),
};

int main(void)
{
	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
