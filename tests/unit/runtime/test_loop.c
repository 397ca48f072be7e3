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

static struct vmoon_loop_fd watch(bool (*ready)(void *ctx, uint32_t events),
				  void *ctx, int fd)
{
	return (struct vmoon_loop_fd){.ready = ready, .ctx = ctx, .fd = fd};
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
static bool on_a(void *ctx, uint32_t events)
{
	struct rig *r = ctx;

	(void)events;
	r->a_ready++;
	vmoon_loop_remove_fd(&r->loop, &r->b);
	return true;
}

static bool on_b(void *ctx, uint32_t events)
{
	struct rig *r = ctx;

	(void)events;
	r->b_ready++;
	vmoon_loop_remove_fd(&r->loop, &r->a);
	return true;
}

static void test_evl_02__removed_descriptor_gets_no_pending_call(void **state)
{
	struct rig *r = *state;

	r->a = watch(on_a, r, eventfd(1, EFD_CLOEXEC));
	r->b = watch(on_b, r, eventfd(1, EFD_CLOEXEC));
	assert_ok(vmoon_loop_add_fd(&r->loop, &r->a, EPOLLIN, NULL), NULL);
	assert_ok(vmoon_loop_add_fd(&r->loop, &r->b, EPOLLIN, NULL), NULL);
	assert_ok(vmoon_loop_turn(&r->loop, -1, NULL), NULL);
	assert_int_equal(r->a_ready + r->b_ready, 1);
	(void)close(r->a.fd);
	(void)close(r->b.fd);
}

/* Adds b, which is readable already, and takes itself out. */
static bool on_a_adds_b(void *ctx, uint32_t events)
{
	struct rig *r = ctx;

	(void)events;
	r->a_ready++;
	vmoon_loop_remove_fd(&r->loop, &r->a);
	assert_ok(vmoon_loop_add_fd(&r->loop, &r->b, EPOLLIN, NULL), NULL);
	return true;
}

static void test_evl_03__handler_adds_a_descriptor_that_works(void **state)
{
	struct rig *r = *state;

	r->a = watch(on_a_adds_b, r, eventfd(1, EFD_CLOEXEC));
	r->b = watch(on_b, r, eventfd(1, EFD_CLOEXEC));
	assert_ok(vmoon_loop_add_fd(&r->loop, &r->a, EPOLLIN, NULL), NULL);
	assert_ok(vmoon_loop_turn(&r->loop, -1, NULL), NULL);
	assert_int_equal(r->b_ready, 0); /* not in the turn that added it */
	assert_ok(vmoon_loop_turn(&r->loop, 0, NULL), NULL);
	assert_int_equal(r->a_ready, 1);
	assert_int_equal(r->b_ready, 1);
	(void)close(r->a.fd);
	(void)close(r->b.fd);
}

/* The number of a closed descriptor is used again at once: epoll's trap. */
static bool on_a_reuses_b(void *ctx, uint32_t events)
{
	struct rig *r = ctx;
	int fd = r->b.fd;

	(void)events;
	if (r->a_ready++ > 0)
		return true;
	vmoon_loop_remove_fd(&r->loop, &r->b);
	(void)close(fd);
	r->b.fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(r->b.fd, fd);
	return vmoon_loop_add_fd(&r->loop, &r->b, EPOLLIN, NULL) == VMOON_OK;
}

static void test_evl_02__event_of_a_reused_number_is_dropped(void **state)
{
	struct rig *r = *state;

	r->a = watch(on_a_reuses_b, r, eventfd(1, EFD_CLOEXEC));
	r->b = watch(on_b, r, eventfd(1, EFD_CLOEXEC));
	/* epoll reports in the order in which they became ready: a first. */
	assert_ok(vmoon_loop_add_fd(&r->loop, &r->a, EPOLLIN, NULL), NULL);
	assert_ok(vmoon_loop_add_fd(&r->loop, &r->b, EPOLLIN, NULL), NULL);
	assert_ok(vmoon_loop_turn(&r->loop, -1, NULL), NULL);
	assert_int_equal(r->a_ready, 1);
	assert_int_equal(r->b_ready, 0);
	(void)close(r->a.fd);
	(void)close(r->b.fd);
}

/* Readable for ever, and nothing comes of it: the generic broken source. */
static bool on_a_in_vain(void *ctx, uint32_t events)
{
	struct rig *r = ctx;

	(void)events;
	r->a_ready++;
	return false;
}

static void turn_often(struct rig *r)
{
	for (int i = 0; i < 20; i++)
		assert_ok(vmoon_loop_turn(&r->loop, 0, NULL), NULL);
}

static void test_x18__source_without_progress_is_taken_out(void **state)
{
	struct rig *r = *state;
	struct {
		int fd;
		uint32_t events;
	} sources[] = {{eventfd(1, EFD_CLOEXEC), EPOLLIN},
		       {eventfd(0, EFD_CLOEXEC), EPOLLOUT},
		       {-1, 0},
		       {-1, 0}};
	int hup[2], broken[2];

	/* HUP and ERR come whatever the mask says. */
	assert_int_equal(pipe(hup), 0);
	(void)close(hup[1]);
	sources[2].fd = hup[0];
	assert_int_equal(pipe(broken), 0);
	(void)close(broken[0]);
	sources[3].fd = broken[1];
	for (size_t i = 0; i < VMOON_COUNTOF(sources); i++) {
		r->a = watch(on_a_in_vain, r, sources[i].fd);
		r->a_ready = 0;
		assert_ok(vmoon_loop_add_fd(&r->loop, &r->a, sources[i].events,
					    NULL),
			  NULL);
		turn_often(r);
		assert_int_equal(r->a_ready, VMOON_LOOP_IDLE_MAX);
		/* Gone: its owner may try again, with a fresh count. */
		assert_ok(vmoon_loop_add_fd(&r->loop, &r->a, sources[i].events,
					    NULL),
			  NULL);
		turn_often(r);
		assert_int_equal(r->a_ready, 2 * VMOON_LOOP_IDLE_MAX);
		(void)close(r->a.fd);
	}
}

static bool on_a_now_and_then(void *ctx, uint32_t events)
{
	struct rig *r = ctx;

	(void)events;
	return ++r->a_ready % VMOON_LOOP_IDLE_MAX == 0;
}

static void test_x18__progress_now_and_then_keeps_a_source(void **state)
{
	struct rig *r = *state;

	r->a = watch(on_a_now_and_then, r, eventfd(1, EFD_CLOEXEC));
	assert_ok(vmoon_loop_add_fd(&r->loop, &r->a, EPOLLIN, NULL), NULL);
	turn_often(r);
	assert_int_equal(r->a_ready, 20);
	(void)close(r->a.fd);
}

static void test_x18__wake_up_is_one_turn_though_nobody_reads_it(void **state)
{
	struct rig *r = *state;
	struct epoll_event ev;

	vmoon_loop_fire(&r->event);
	assert_ok(vmoon_loop_turn(&r->loop, -1, NULL), NULL);
	assert_int_equal(r->fired, 1);
	assert_int_equal(epoll_wait(r->loop.epoll_fd, &ev, 1, 0), 0);
}

static void test_evl_01__descriptor_is_added_only_once(void **state)
{
	struct rig *r = *state;
	struct vmoon_error err;

	r->a = watch(on_a, r, eventfd(0, EFD_CLOEXEC));
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

/* A handler that calls for itself is called again, in the next turn. */
static void on_fire_again(void *ctx)
{
	struct rig *r = ctx;

	if (++r->fired < 3)
		vmoon_loop_fire(&r->event);
}

static void test_evl_05__call_from_a_handler_waits_for_the_next_turn(
	void **state)
{
	struct rig *r = *state;

	r->event.fn = on_fire_again;
	vmoon_loop_fire(&r->event);
	for (unsigned turn = 1; turn <= 3; turn++) {
		assert_ok(vmoon_loop_turn(&r->loop, 0, NULL), NULL);
		assert_int_equal(r->fired, turn);
	}
	assert_ok(vmoon_loop_turn(&r->loop, 0, NULL), NULL);
	assert_int_equal(r->fired, 3);
}

static void test_sys_02__one_shot_timer_is_not_armed_after_it_expired(
	void **state)
{
	struct rig *r = *state;

	vmoon_loop_set_timer(&r->timer, 1);
	assert_int_equal(r->timer.deadline_ns, 1);
	assert_ok(vmoon_loop_turn(&r->loop, -1, NULL), NULL);
	assert_int_equal(r->timer.deadline_ns, 0);
	assert_int_equal(r->timer.expirations, 1);
}

static void test_sys_02__periodic_timer_counts_what_it_missed(void **state)
{
	const uint64_t hour = UINT64_C(3600000000000), now = vmoon_mono_ns();
	struct rig *r = *state;

	r->timer.period_ns = hour;
	vmoon_loop_set_timer(&r->timer, now - 1);
	assert_ok(vmoon_loop_turn(&r->loop, -1, NULL), NULL);
	assert_int_equal(r->fired, 1);
	assert_int_equal(r->timer.expirations, 1);
	assert_int_equal(r->timer.deadline_ns, now - 1 + hour);
	r->timer.period_ns = 1000;
	vmoon_loop_set_timer(&r->timer, now - 4500);
	assert_ok(vmoon_loop_turn(&r->loop, -1, NULL), NULL);
	assert_int_equal(r->fired, 2);
	assert_true(r->timer.expirations >= 5);
	assert_int_equal(r->timer.deadline_ns,
			 now - 4500 + r->timer.expirations * 1000);
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
	RIG(test_evl_02__event_of_a_reused_number_is_dropped),
	RIG(test_evl_03__handler_adds_a_descriptor_that_works),
	RIG(test_x18__source_without_progress_is_taken_out),
	RIG(test_x18__progress_now_and_then_keeps_a_source),
	RIG(test_x18__wake_up_is_one_turn_though_nobody_reads_it),
	RIG(test_evl_01__descriptor_is_added_only_once),
	RIG(test_evl_05__other_threads_fire_and_quit),
	RIG(test_evl_05__call_from_a_handler_waits_for_the_next_turn),
	RIG(test_sys_02__one_shot_timer_is_not_armed_after_it_expired),
	RIG(test_sys_02__periodic_timer_counts_what_it_missed),
	RIG(test_loop__fire_is_never_lost_in_a_storm),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
