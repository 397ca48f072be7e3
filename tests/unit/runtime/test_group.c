/* SPDX-License-Identifier: MIT */
/* test_group.c - mirrors runtime/bucket.c: rates that several share. */
#include "runtime/bucket.h"
#include "tests/support/check_alloc.h"

#include "vmoon/vmoon.h"

#include <pthread.h>

#define SECOND UINT64_C(1000000000)

enum { DEPTH = 9, THREADS = 2, TAKES = 20000 };

static struct vmoon_runtime *rt;
static struct check_alloc alloc;

static int setup(void **state)
{
	const struct vmoon_allocator allocator = check_allocator(&alloc);
	struct vmoon_runtime_options opts = VMOON_INIT(opts);

	(void)state;
	alloc = (struct check_alloc){0};
	opts.allocator = &allocator;
	return vmoon_runtime_create(&opts, &rt, NULL) == VMOON_OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	vmoon_runtime_destroy(rt);
	check_alloc_assert_empty(&alloc);
	return 0;
}

static struct vmoon_group *open_group(uint64_t rate, uint64_t burst,
				      struct vmoon_group *parent)
{
	struct vmoon_group *group = NULL;
	struct vmoon_error err;

	assert_ok(vmoon_group_create(rt, rate, burst, parent, &group, &err),
		  &err);
	return group;
}

/* The same at creation and later; nothing is made, or changed. */
static void assert_refused(uint64_t rate, uint64_t burst, const char *want)
{
	const size_t used = vmoon_runtime_mem_used(rt);
	struct vmoon_group *group = NULL;
	struct vmoon_error err;

	assert_int_equal(
		vmoon_group_create(rt, rate, burst, NULL, &group, &err),
		VMOON_E_CONFIG);
	assert_string_equal(err.msg, want);
	assert_null(group);
	assert_int_equal(vmoon_runtime_mem_used(rt), used);
	group = open_group(5000, 2000, NULL);
	assert_int_equal(vmoon_group_limit(group, rate, burst, &err),
			 VMOON_E_CONFIG);
	assert_string_equal(err.msg, want);
	assert_int_equal(group->bucket.rate, 5000);
	assert_int_equal(vmoon_group_take(group, group, 1, 9999, SECOND), 2000);
	vmoon_group_destroy(group);
}

static void test_x09__group_out_of_range_is_refused(void **state)
{
	static const uint64_t absurd[] = {0, VMOON_RATE_MAX + 1,
					  UINT64_C(1) << 63, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(absurd); i++) {
		assert_refused(absurd[i], 0,
			       "group: a rate is 1 byte to 1 TiB a second");
		if (i > 0)
			assert_refused(1, absurd[i],
				       "group: a burst is at most 1 GiB");
	}
	assert_refused(1, 1,
		       "group: a burst is at least 1 KiB, so that a line can "
		       "go");
	assert_refused(1, 1023,
		       "group: a burst is at least 1 KiB, so that a line can "
		       "go");
	assert_refused(VMOON_RATE_MAX, 1024,
		       "group: a burst is at least 1/1024 of the rate, which "
		       "could not be kept with less");
}

static void test_group__what_is_not_there_is_refused(void **state)
{
	struct vmoon_group *group = NULL;
	struct vmoon_error err;

	(void)state;
	assert_int_equal(vmoon_group_create(NULL, 1, 0, NULL, &group, &err),
			 VMOON_E_INVAL);
	assert_string_equal(err.msg,
			    "group: no runtime or no place for it given");
	assert_int_equal(vmoon_group_create(rt, 1, 0, NULL, NULL, &err),
			 VMOON_E_INVAL);
	assert_int_equal(vmoon_group_limit(NULL, 1, 0, &err), VMOON_E_INVAL);
	assert_string_equal(err.msg, "no group given");
	vmoon_group_destroy(NULL);
	alloc.fail_at = alloc.calls + 1;
	assert_int_equal(vmoon_group_create(rt, 1, 0, NULL, &group, &err),
			 VMOON_E_NOMEM);
	assert_string_equal(err.msg, "group: out of memory");
	assert_null(group);
	alloc.fail_at = 0;
}

static void test_group__default_burst_is_a_second_and_holds_a_line(void **state)
{
	static const uint64_t want[][2] = {
		{1, 1024}, {5000, 5000}, {VMOON_RATE_MAX, VMOON_BURST_MAX}};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(want); i++) {
		struct vmoon_group *group = open_group(want[i][0], 0, NULL);

		assert_int_equal(
			vmoon_group_take(group, group, 1, UINT64_MAX, 1),
			want[i][1]);
		vmoon_group_destroy(group);
	}
}

static void test_group__parents_have_an_end(void **state)
{
	struct vmoon_group *groups[DEPTH], *more = NULL;
	struct vmoon_error err;

	(void)state;
	for (int i = 0; i < DEPTH; i++)
		groups[i] = open_group(10000 - 1000 * (uint64_t)i, 0,
				       i == 0 ? NULL : groups[i - 1]);
	assert_int_equal(
		vmoon_group_create(rt, 1, 0, groups[DEPTH - 1], &more, &err),
		VMOON_E_CONFIG);
	assert_string_equal(err.msg,
			    "group: more than 8 groups in one another");
	assert_null(more);
	assert_int_equal(vmoon_group_take(groups[DEPTH - 1], rt, 1, 1 << 20, 1),
			 2000);
	for (int i = DEPTH - 1; i >= 0; i--)
		vmoon_group_destroy(groups[i]);
}

static void test_group__children_never_get_more_than_their_parent(void **state)
{
	struct vmoon_group *parent = open_group(3000, 0, NULL);
	struct vmoon_group *a = open_group(5000, 0, parent);
	struct vmoon_group *b = open_group(2000, 0, parent);
	uint64_t of_a = 0, of_b = 0;

	(void)state;
	for (uint64_t ms = 0; ms <= 10000; ms++) {
		of_a += vmoon_group_take(a, a, 1, 100, ms * SECOND / 1000);
		of_b += vmoon_group_take(b, b, 1, 100, ms * SECOND / 1000);
		assert_true(of_a + of_b <= 3000 + 3 * ms);
		assert_true(of_b <= 2000 + 2 * ms);
	}
	assert_int_equal(of_a + of_b, 3000 + 30000);
	assert_true(of_a > 13000 && of_b > 13000);
	vmoon_group_destroy(b);
	vmoon_group_destroy(a);
	vmoon_group_destroy(parent);
}

/* What a child's parent refuses stays in the child. */
static void test_group__give_back_is_exact_at_every_level(void **state)
{
	struct vmoon_group *parent = open_group(2000, 0, NULL);
	struct vmoon_group *a = open_group(5000, 0, parent);

	(void)state;
	assert_int_equal(vmoon_group_take(a, a, 1, 5000, 0), 2000);
	assert_int_equal(a->bucket.credit, 3000 * SECOND);
	assert_int_equal(vmoon_group_take(a, a, 1, 5000, 0), 0);
	assert_int_equal(a->bucket.credit, 3000 * SECOND);
	vmoon_group_give_back(a, 700);
	assert_int_equal(a->bucket.credit, 3700 * SECOND);
	assert_int_equal(parent->bucket.credit, 700 * SECOND);
	/* Less than the least is nothing, and all of it is back. */
	assert_int_equal(vmoon_group_take(a, a, 701, 5000, 0), 0);
	assert_int_equal(a->bucket.credit, 3700 * SECOND);
	assert_int_equal(parent->bucket.credit, 700 * SECOND);
	assert_int_equal(vmoon_group_take(a, a, 700, 5000, 0), 700);
	vmoon_group_give_back(a, UINT64_MAX);
	assert_int_equal(a->bucket.credit, 5000 * SECOND);
	assert_int_equal(parent->bucket.credit, 2000 * SECOND);
	vmoon_group_destroy(a);
	vmoon_group_destroy(parent);
}

static void test_group__due_is_when_the_slowest_may(void **state)
{
	struct vmoon_group *parent = open_group(2000, 0, NULL);
	struct vmoon_group *a = open_group(5000, 0, parent);

	(void)state;
	assert_int_equal(vmoon_group_due(NULL, a, 5, 77), 77);
	assert_int_equal(vmoon_group_step(NULL), UINT64_MAX);
	assert_int_equal(vmoon_group_step(a), 10);
	assert_int_equal(vmoon_group_due(a, a, 100, 77), 77);
	assert_int_equal(vmoon_group_take(a, a, 1, 2000, 77), 2000);
	assert_int_equal(vmoon_group_due(a, a, 100, 77), 77 + SECOND / 20);
	vmoon_group_destroy(a);
	vmoon_group_destroy(parent);
}

static void test_group__whoever_got_none_is_next_but_not_for_ever(void **state)
{
	struct vmoon_group *g = open_group(1000, 1024, NULL);
	const int a = 0, b = 0;
	uint64_t now = 0;

	(void)state;
	assert_int_equal(vmoon_group_take(g, &a, 1, 2000, now), 1024);
	assert_int_equal(vmoon_group_take(g, &b, 10, 100, now), 0);
	now = SECOND / 100; /* ten */
	assert_int_equal(vmoon_group_take(g, &a, 1, 100, now), 0);
	assert_int_equal(vmoon_group_due(g, &a, 1, now), SECOND * 3 / 200);
	assert_int_equal(vmoon_group_due(g, &b, 10, now), now);
	assert_int_equal(vmoon_group_take(g, &b, 10, 100, now), 10);
	assert_int_equal(vmoon_group_take(g, &a, 1, 100, now), 0);
	now += SECOND; /* a's turn is long over */
	assert_int_equal(vmoon_group_take(g, &b, 1, 100, now), 100);
	vmoon_group_destroy(g);
}

/* Nobody waits for one that will never come for its turn. */
static void test_group__who_is_gone_has_no_turn(void **state)
{
	struct vmoon_group *parent = open_group(1000, 1024, NULL);
	struct vmoon_group *group = open_group(1000, 1024, parent);
	const char a = 0, b = 0;

	(void)state;
	assert_int_equal(vmoon_group_take(group, &a, 1, 1024, 1), 1024);
	assert_int_equal(vmoon_group_take(group, &b, 1024, 1024, 1), 0);
	assert_int_equal(vmoon_group_take(group, &a, 1, 10, SECOND / 2), 0);
	vmoon_group_forget(group, &b);
	assert_int_equal(vmoon_group_take(group, &a, 1, 10, SECOND / 2), 10);
	/* Nor at a parent's. */
	assert_int_equal(vmoon_group_take(parent, &b, 1024, 1024, SECOND / 2),
			 0);
	assert_int_equal(vmoon_group_take(group, &a, 1, 10, SECOND / 2), 0);
	vmoon_group_forget(group, &b);
	assert_int_equal(vmoon_group_take(group, &a, 1, 10, SECOND / 2), 10);
	vmoon_group_forget(NULL, &b);
	vmoon_group_destroy(group);
	vmoon_group_destroy(parent);
}

static void test_group__limit_changes_what_comes(void **state)
{
	struct vmoon_group *g = open_group(1000, 2000, NULL);
	struct vmoon_error err;

	(void)state;
	assert_ok(vmoon_group_limit(g, 2000, 1024, &err), &err);
	assert_int_equal(vmoon_group_take(g, g, 1, 5000, 1), 1024);
	assert_int_equal(vmoon_group_take(g, g, 1, 5000, 1 + SECOND / 2), 1000);
	vmoon_group_destroy(g);
}

struct taker {
	struct vmoon_group *group;
	uint64_t got, last;
};

static void *take_all(void *arg)
{
	struct taker *t = arg;

	for (uint64_t i = 1; i <= TAKES; i++) {
		t->last = i * 10000;
		t->got += vmoon_group_take(t->group, t, 1, 50, t->last);
		if (i % 64 == 0) {
			vmoon_group_give_back(t->group, 1);
			t->got--;
		}
		if (i % 1024 == 0)
			VMOON_IGNORE(vmoon_group_limit(t->group, 1000000, 2000,
						       NULL));
	}
	return NULL;
}

static void test_group__threads_together_keep_the_rate(void **state)
{
	struct vmoon_group *parent = open_group(1000000, 2000, NULL);
	struct taker takers[THREADS] = {0};
	pthread_t threads[THREADS];
	uint64_t got = 0;

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		takers[i].group = open_group(1000000, 2000, parent);
		assert_int_equal(
			pthread_create(&threads[i], NULL, take_all, &takers[i]),
			0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		got += takers[i].got;
		vmoon_group_destroy(takers[i].group);
	}
	/* A burst, and a rate for the time that passed. */
	assert_in_range(got, 2000, 2000 + takers[0].last / 1000);
	vmoon_group_destroy(parent);
}

#define group_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest tests[] = {
	group_test(test_x09__group_out_of_range_is_refused),
	group_test(test_group__what_is_not_there_is_refused),
	group_test(test_group__default_burst_is_a_second_and_holds_a_line),
	group_test(test_group__parents_have_an_end),
	group_test(test_group__children_never_get_more_than_their_parent),
	group_test(test_group__give_back_is_exact_at_every_level),
	group_test(test_group__due_is_when_the_slowest_may),
	group_test(test_group__whoever_got_none_is_next_but_not_for_ever),
	group_test(test_group__who_is_gone_has_no_turn),
	group_test(test_group__limit_changes_what_comes),
	group_test(test_group__threads_together_keep_the_rate),
};

int main(void)
{
	return cmocka_run_group_tests_name("group", tests, NULL, NULL);
}
