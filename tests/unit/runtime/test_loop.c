/* SPDX-License-Identifier: MIT */
/* test_loop.c - mirrors runtime/loop.c. */
#include "runtime/loop.h"
#include "tests/support/fixture.h"

#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct rig {
	struct vmoon_loop loop;
	struct vmoon_loop_event event;
	struct vmoon_loop_timer timer;
	struct vmoon_loop_fd a, b;
	unsigned fired, a_ready, b_ready;
};

static void on_fire(void *ctx)
{
	struct rig *r = ctx;

	r->fired++;
}

static int setup(void **state)
{
	static struct rig r;

	memset(&r, 0, sizeof(r));
	*state = &r;
	if (vmoon_loop_init(&r.loop, NULL) != VMOON_OK)
		return -1;
	vmoon_loop_add_event(&r.loop, &r.event, on_fire, &r);
	vmoon_loop_add_timer(&r.loop, &r.timer, on_fire, &r);
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	vmoon_loop_fini(&r->loop);
	return 0;
}

static void test_evl_06__turn_with_nothing_to_do_returns(void **state)
{
	struct rig *r = *state;

	assert_ok(vmoon_loop_turn(&r->loop, 0, NULL), NULL);
	assert_ok(vmoon_loop_turn(&r->loop, 1000, NULL), NULL);
	assert_int_equal(r->fired, 0);
}

static void test_loop__many_fires_are_one_call(void **state)
{
	struct rig *r = *state;

	for (int i = 0; i < 1000; i++)
		vmoon_loop_fire(&r->event);
	assert_ok(vmoon_loop_turn(&r->loop, -1, NULL), NULL);
	assert_int_equal(r->fired, 1);
	assert_ok(vmoon_loop_turn(&r->loop, 0, NULL), NULL);
	assert_int_equal(r->fired, 1);
	vmoon_loop_fire(&r->event);
	assert_ok(vmoon_loop_turn(&r->loop, -1, NULL), NULL);
	assert_int_equal(r->fired, 2);
}

static void test_loop__timer_fires_once_when_due(void **state)
{
	struct rig *r = *state;

	vmoon_loop_set_timer(&r->timer,
			     vmoon_mono_ns() + UINT64_C(3600000000000));
	assert_ok(vmoon_loop_turn(&r->loop, 0, NULL), NULL);
	assert_int_equal(r->fired, 0);
	vmoon_loop_set_timer(&r->timer, 1);
	assert_ok(vmoon_loop_turn(&r->loop, -1, NULL), NULL);
	assert_int_equal(r->fired, 1);
	assert_ok(vmoon_loop_turn(&r->loop, 0, NULL), NULL);
	assert_int_equal(r->fired, 1);
	vmoon_loop_set_timer(&r->timer, 1);
	vmoon_loop_set_timer(&r->timer, 0);
	assert_ok(vmoon_loop_turn(&r->loop, 0, NULL), NULL);
	assert_int_equal(r->fired, 1);
}

/* Whichever comes first takes the other out. */
static void on_a(void *ctx, uint32_t events)
{
	struct rig *r = ctx;

	(void)events;
	r->a_ready++;
	vmoon_loop_remove_fd(&r->loop, &r->b);
}

static void on_b(void *ctx, uint32_t events)
{
	struct rig *r = ctx;

	(void)events;
	r->b_ready++;
	vmoon_loop_remove_fd(&r->loop, &r->a);
}

static void test_evl_02__removed_descriptor_gets_no_pending_call(void **state)
{
	struct rig *r = *state;

	r->a = (struct vmoon_loop_fd){on_a, r, eventfd(1, EFD_CLOEXEC)};
	r->b = (struct vmoon_loop_fd){on_b, r, eventfd(1, EFD_CLOEXEC)};
	assert_ok(vmoon_loop_add_fd(&r->loop, &r->a, EPOLLIN, NULL), NULL);
	assert_ok(vmoon_loop_add_fd(&r->loop, &r->b, EPOLLIN, NULL), NULL);
	assert_ok(vmoon_loop_turn(&r->loop, -1, NULL), NULL);
	assert_int_equal(r->a_ready + r->b_ready, 1);
	(void)close(r->a.fd);
	(void)close(r->b.fd);
}

static void test_evl_01__descriptor_is_added_only_once(void **state)
{
	struct rig *r = *state;
	struct vmoon_error err;

	r->a = (struct vmoon_loop_fd){on_a, r, eventfd(0, EFD_CLOEXEC)};
	assert_ok(vmoon_loop_add_fd(&r->loop, &r->a, EPOLLIN, &err), &err);
	assert_int_equal(vmoon_loop_add_fd(&r->loop, &r->a, EPOLLIN, &err),
			 VMOON_E_SYS);
	assert_non_null(strstr(err.msg, "event loop: cannot watch descriptor"));
	(void)close(r->a.fd);
}

static void *fire_and_quit(void *arg)
{
	struct rig *r = arg;

	vmoon_loop_fire(&r->event);
	vmoon_loop_quit(&r->loop);
	return NULL;
}

static void test_evl_05__other_threads_fire_and_quit(void **state)
{
	struct rig *r = *state;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, fire_and_quit, r), 0);
	assert_ok(vmoon_loop_run(&r->loop, NULL), NULL);
	(void)pthread_join(thread, NULL);
	/* Quitting may win over the event, never lose it twice. */
	assert_in_range(r->fired, 0, 1);
	r->loop.is_quitting = false;
	assert_ok(vmoon_loop_turn(&r->loop, 0, NULL), NULL);
	assert_int_equal(r->fired, 1);
}

enum { STORM = 20000 };

static void *storm(void *arg)
{
	struct rig *r = arg;

	for (int i = 0; i < STORM; i++)
		vmoon_loop_fire(&r->event);
	return NULL;
}

static void test_loop__fire_is_never_lost_in_a_storm(void **state)
{
	struct rig *r = *state;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, storm, r), 0);
	for (int i = 0; i < 3; i++)
		assert_ok(vmoon_loop_turn(&r->loop, 1000000, NULL), NULL);
	(void)pthread_join(thread, NULL);
	assert_ok(vmoon_loop_turn(&r->loop, 0, NULL), NULL);
	assert_ok(vmoon_loop_turn(&r->loop, 0, NULL), NULL);
	assert_false(r->event.is_pending);
	vmoon_loop_fire(&r->event);
	assert_true(r->loop.is_woken);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
static const struct CMUnitTest tests[] = {
	RIG(test_evl_06__turn_with_nothing_to_do_returns),
	RIG(test_loop__many_fires_are_one_call),
	RIG(test_loop__timer_fires_once_when_due),
	RIG(test_evl_02__removed_descriptor_gets_no_pending_call),
	RIG(test_evl_01__descriptor_is_added_only_once),
	RIG(test_evl_05__other_threads_fire_and_quit),
	RIG(test_loop__fire_is_never_lost_in_a_storm),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
