/* SPDX-License-Identifier: MIT */
/* test_lock.c - mirrors runtime/lock.c, with the checks in every build. */
#ifndef VMOON_CHECK_LOCKS
#define VMOON_CHECK_LOCKS
#endif
#include "runtime/lock.c"

#include "tests/support/fixture.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct rig {
	struct vmoon_lock vm, device, behind, leaf, leaf2;
};

static int setup(void **state)
{
	static struct rig r;

	*state = &r;
	vmoon_lock_init(&r.vm, VMOON_RANK_VM);
	vmoon_lock_init(&r.device, VMOON_RANK_DEVICE);
	vmoon_lock_init(&r.behind, VMOON_RANK_BEHIND);
	vmoon_lock_init(&r.leaf, VMOON_RANK_LEAF);
	vmoon_lock_init(&r.leaf2, VMOON_RANK_LEAF);
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	vmoon_lock_fini(&r->vm);
	vmoon_lock_fini(&r->device);
	vmoon_lock_fini(&r->behind);
	vmoon_lock_fini(&r->leaf);
	vmoon_lock_fini(&r->leaf2);
	return 0;
}

static void test_x13__documented_order_is_accepted(void **state)
{
	struct rig *r = *state;

	vmoon_lock_take(&r->vm);
	vmoon_lock_take(&r->device);
	vmoon_lock_take(&r->behind);
	vmoon_lock_take(&r->leaf);
	vmoon_lock_drop(&r->leaf);
	vmoon_lock_take(&r->leaf2);
	vmoon_lock_drop(&r->device); /* dropping has no order */
	vmoon_lock_drop(&r->behind);
	vmoon_lock_drop(&r->leaf2);
	vmoon_lock_drop(&r->vm);
	assert_int_equal(held, 0);
}

/* Runs bad in a child; true when it aborted and said what. */
static bool is_reported(struct rig *r, void (*bad)(struct rig *r),
			const char *what)
{
	char text[200] = {0};
	int out[2], status;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)signal(SIGABRT, SIG_DFL); /* cmocka catches it */
		(void)dup2(out[1], STDERR_FILENO);
		bad(r);
		_exit(0);
	}
	(void)close(out[1]);
	assert_true(read(out[0], text, sizeof(text) - 1) >= 0);
	(void)close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT &&
	       strstr(text, what) != NULL;
}

static void take_backwards(struct rig *r)
{
	vmoon_lock_take(&r->device);
	vmoon_lock_take(&r->vm);
}

static void take_what_is_before(struct rig *r)
{
	vmoon_lock_take(&r->behind);
	vmoon_lock_take(&r->device);
}

static void take_twice(struct rig *r)
{
	vmoon_lock_take(&r->device);
	vmoon_lock_take(&r->device);
}

static void take_two_leaves(struct rig *r)
{
	vmoon_lock_take(&r->leaf);
	vmoon_lock_take(&r->leaf2);
}

static void drop_unheld(struct rig *r)
{
	vmoon_lock_drop(&r->leaf);
}

static void wait_under_a_leaf(struct rig *r)
{
	pthread_cond_t never = PTHREAD_COND_INITIALIZER;

	vmoon_lock_take(&r->vm);
	vmoon_lock_take(&r->leaf);
	vmoon_lock_wait(&r->vm, &never);
}

static void test_x13__wrong_orders_abort_with_the_rank(void **state)
{
	struct rig *r = *state;

	assert_true(is_reported(r, take_backwards,
				"lock order: rank 0 taken out of order"));
	assert_true(is_reported(r, take_what_is_before,
				"rank 1 taken out of order"));
	assert_true(is_reported(r, take_twice, "rank 1 taken out of order"));
	assert_true(
		is_reported(r, take_two_leaves, "rank 4 taken out of order"));
	assert_true(is_reported(r, drop_unheld, "rank 4 dropped but not held"));
	assert_true(
		is_reported(r, wait_under_a_leaf, "rank 0 taken out of order"));
}

static void *take_all(void *arg)
{
	struct rig *r = arg;

	vmoon_lock_take(&r->device);
	vmoon_lock_drop(&r->device);
	return NULL;
}

static void test_x13__each_thread_has_an_order_of_its_own(void **state)
{
	struct rig *r = *state;
	pthread_t thread;

	vmoon_lock_take(&r->leaf);
	assert_int_equal(pthread_create(&thread, NULL, take_all, r), 0);
	(void)pthread_join(thread, NULL);
	vmoon_lock_drop(&r->leaf);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
static const struct CMUnitTest tests[] = {
	RIG(test_x13__documented_order_is_accepted),
	RIG(test_x13__wrong_orders_abort_with_the_rank),
	RIG(test_x13__each_thread_has_an_order_of_its_own),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
