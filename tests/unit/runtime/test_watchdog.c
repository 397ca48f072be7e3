/* SPDX-License-Identifier: MIT */
/*
 * test_watchdog.c - mirrors runtime/watchdog.c: who is late is told, and nobody
 * else. Tests wait for what must happen; that something does not happen is
 * looked at behind something that did.
 */
#include "vmoon/watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/fixture.h"

#define MS UINT64_C(1000000)
#define HOUR (UINT64_C(3600) * 1000 * MS)

struct counted {
	unsigned late; /* atomic */
	pthread_t thread;
};

static struct vmoon_watchdog *open_dog(void)
{
	struct vmoon_watchdog *dog = NULL;
	struct vmoon_error err;

	assert_ok(vmoon_watchdog_create(NULL, &dog, &err), &err);
	return dog;
}

static void count(void *ctx)
{
	struct counted *c = ctx;

	c->thread = pthread_self();
	__atomic_fetch_add(&c->late, 1, __ATOMIC_RELAXED);
}

static unsigned late_of(struct counted *c)
{
	return __atomic_load_n(&c->late, __ATOMIC_RELAXED);
}

/* A short rest: what the sanitizer for threads delivers signals at. */
static void rest(void)
{
	const struct timespec t = {.tv_nsec = 100000};

	(void)nanosleep(&t, NULL);
}

static void wait_late(struct counted *c, unsigned at_least)
{
	while (late_of(c) < at_least)
		rest();
}

/* Some milliseconds of the watchdog's: another watch is told of n of them. */
static void pass_ticks(struct vmoon_watchdog *dog, unsigned n)
{
	struct counted c = {0};
	struct vmoon_watch w;

	assert_int_equal(vmoon_watch_init(&w, dog, count, &c, NULL), VMOON_OK);
	vmoon_watch_begin(&w, 0);
	wait_late(&c, n);
	assert_true(vmoon_watch_end(&w));
	vmoon_watch_fini(&w);
}

static void test_watchdog__who_is_late_is_told_until_it_ends(void **state)
{
	struct vmoon_watchdog *dog = open_dog();
	struct counted c = {0};
	struct vmoon_watch w;
	unsigned before;

	(void)state;
	assert_int_equal(vmoon_watch_init(&w, dog, count, &c, NULL), VMOON_OK);
	vmoon_watch_begin(&w, MS);
	wait_late(&c, 3);
	assert_true(pthread_equal(c.thread, pthread_self()));
	assert_true(vmoon_watch_end(&w));
	before = late_of(&c);
	pass_ticks(dog, 5);
	assert_int_equal(late_of(&c), before);
	vmoon_watch_begin(&w, HOUR); /* a new run, a new budget */
	pass_ticks(dog, 5);
	assert_int_equal(late_of(&c), before);
	assert_false(vmoon_watch_end(&w));
	vmoon_watch_fini(&w);
	vmoon_watchdog_destroy(dog);
}

static void test_watchdog__many_short_runs_are_not_one_long_one(void **state)
{
	struct vmoon_watchdog *dog = open_dog();
	struct counted c = {0}, other = {0};
	struct vmoon_watch w, clock;

	(void)state;
	assert_int_equal(vmoon_watch_init(&w, dog, count, &c, NULL), VMOON_OK);
	assert_int_equal(vmoon_watch_init(&clock, dog, count, &other, NULL),
			 VMOON_OK);
	vmoon_watch_begin(&clock, 0);
	/* An hour's budget each, and 30 ticks in all. */
	while (late_of(&other) < 30) {
		vmoon_watch_begin(&w, HOUR);
		assert_false(vmoon_watch_end(&w));
		rest();
	}
	assert_true(vmoon_watch_end(&clock));
	assert_int_equal(late_of(&c), 0);
	vmoon_watch_fini(&clock);
	vmoon_watch_fini(&w);
	vmoon_watchdog_destroy(dog);
}

static void test_watchdog__nested_ones_are_told_apart(void **state)
{
	struct vmoon_watchdog *dog = open_dog();
	struct counted outer = {0}, inner = {0};
	struct vmoon_watch a, b;

	(void)state;
	assert_int_equal(vmoon_watch_init(&a, dog, count, &outer, NULL),
			 VMOON_OK);
	assert_int_equal(vmoon_watch_init(&b, dog, count, &inner, NULL),
			 VMOON_OK);
	vmoon_watch_begin(&a, HOUR);
	vmoon_watch_begin(&b, MS);
	wait_late(&inner, 2);
	assert_true(vmoon_watch_end(&b));
	assert_int_equal(late_of(&outer), 0);
	assert_false(vmoon_watch_end(&a));
	vmoon_watch_begin(&a, MS);
	vmoon_watch_begin(&b, HOUR);
	wait_late(&outer, 2);
	assert_false(vmoon_watch_end(&b));
	assert_true(vmoon_watch_end(&a));
	vmoon_watch_fini(&b);
	vmoon_watch_fini(&a);
	vmoon_watchdog_destroy(dog);
}

static void *begin_only(void *arg)
{
	vmoon_watch_begin(arg, 0);
	return NULL;
}

static void test_watchdog__a_thread_that_has_ended_is_nobodys(void **state)
{
	struct vmoon_watchdog *dog = open_dog();
	struct counted c = {0};
	struct vmoon_watch w;
	pthread_t thread;

	(void)state;
	assert_int_equal(vmoon_watch_init(&w, dog, count, &c, NULL), VMOON_OK);
	assert_int_equal(pthread_create(&thread, NULL, begin_only, &w), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pass_ticks(dog, 5);
	vmoon_watch_fini(&w);
	vmoon_watchdog_destroy(dog);
}

static void test_watchdog__there_are_1024_seats(void **state)
{
	struct vmoon_watchdog *dog = open_dog();
	struct vmoon_watch *w = calloc(1025, sizeof(*w));
	struct vmoon_error err;

	(void)state;
	assert_non_null(w);
	for (int i = 0; i < 1024; i++)
		assert_ok(vmoon_watch_init(&w[i], dog, count, NULL, &err),
			  &err);
	assert_int_equal(vmoon_watch_init(&w[1024], dog, count, NULL, &err),
			 VMOON_E_NOMEM);
	assert_string_equal(err.msg, "watchdog: all 1024 watches are in use");
	vmoon_watch_fini(&w[500]);
	assert_ok(vmoon_watch_init(&w[1024], dog, count, NULL, &err), &err);
	for (int i = 0; i < 1025; i++)
		if (i != 500)
			vmoon_watch_fini(&w[i]);
	free(w);
	vmoon_watchdog_destroy(dog);
}

/* Long enough that it sleeps; the test is right as well if it does not. */
static void test_watchdog__one_that_sleeps_wakes(void **state)
{
	const struct timespec t = {.tv_nsec = 600000000};
	struct vmoon_watchdog *dog = open_dog();

	(void)state;
	(void)nanosleep(&t, NULL);
	pass_ticks(dog, 2);
	vmoon_watchdog_destroy(dog);
}

/* On a busy host others have the processor: that is no thread's fault. */
static void test_watchdog__who_is_kept_from_running_is_not_late(void **state)
{
	const struct timespec t = {.tv_nsec = 300000000};
	struct vmoon_watchdog *dog = open_dog();
	struct counted c = {0};
	struct vmoon_watch w;

	(void)state;
	assert_int_equal(vmoon_watch_init(&w, dog, count, &c, NULL), VMOON_OK);
	vmoon_watch_begin(&w, UINT64_C(100) * MS);
	(void)nanosleep(&t, NULL);
	assert_false(vmoon_watch_end(&w));
	assert_int_equal(late_of(&c), 0);
	/* But one that waits as if for ever is. */
	vmoon_watch_begin(&w, MS);
	wait_late(&c, 1);
	assert_true(vmoon_watch_end(&w));
	vmoon_watch_fini(&w);
	vmoon_watchdog_destroy(dog);
}

static void *be_late(void *arg)
{
	struct counted c = {0};
	struct vmoon_watch w;

	if (vmoon_watch_init(&w, arg, count, &c, NULL) != VMOON_OK)
		return arg;
	for (int i = 0; i < 20; i++) {
		unsigned before = late_of(&c);

		vmoon_watch_begin(&w, (uint64_t)(i % 3) * MS);
		wait_late(&c, before + 1);
		if (!vmoon_watch_end(&w))
			return arg;
	}
	vmoon_watch_fini(&w);
	return pthread_equal(c.thread, pthread_self()) ? NULL : arg;
}

static void test_watchdog__each_thread_is_told_of_its_own(void **state)
{
	struct vmoon_watchdog *dogs[2] = {open_dog(), open_dog()};
	pthread_t threads[8];
	sigset_t all, old;
	void *result;

	(void)state;
	(void)sigfillset(&all); /* as the library's own threads */
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	for (int i = 0; i < 8; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, be_late, dogs[i % 2]),
			0);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_null(result);
	}
	vmoon_watchdog_destroy(dogs[0]);
	vmoon_watchdog_destroy(dogs[1]);
}

static void on_signal(int signal)
{
	(void)signal;
}

static void test_watchdog__an_embedders_handler_is_left_alone(void **state)
{
	struct sigaction own = {.sa_handler = on_signal}, now;
	struct vmoon_watchdog_options opts = {.signal = SIGRTMIN + 7};
	struct vmoon_watchdog *dog = NULL;
	struct vmoon_error err;

	(void)state;
	assert_int_equal(sigaction(SIGRTMIN + 7, &own, NULL), 0);
	assert_int_equal(vmoon_watchdog_create_with(&opts, &dog, &err),
			 VMOON_E_INVAL);
	assert_null(dog);
	assert_int_equal(sigaction(SIGRTMIN + 7, NULL, &now), 0);
	assert_true(now.sa_handler == on_signal);
	opts.signal = SIGTERM;
	assert_int_equal(vmoon_watchdog_create_with(&opts, &dog, &err),
			 VMOON_E_INVAL);
	opts.signal = SIGRTMIN + 8;
	opts.flags = VMOON_WATCHDOG_NO_SANDBOX;
	assert_ok(vmoon_watchdog_create_with(&opts, &dog, &err), &err);
	pass_ticks(dog, 2);
	vmoon_watchdog_destroy(dog);
}

static void test_watchdog__a_signal_of_nobodys_does_no_harm(void **state)
{
	struct vmoon_watchdog *dog = open_dog();

	(void)state;
	assert_int_equal(raise(SIGRTMIN + 2), 0);
	pass_ticks(dog, 1);
	assert_int_equal(raise(SIGRTMIN + 2), 0);
	vmoon_watchdog_destroy(dog);
	assert_int_equal(raise(SIGRTMIN + 2), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_watchdog__who_is_late_is_told_until_it_ends),
	cmocka_unit_test(test_watchdog__many_short_runs_are_not_one_long_one),
	cmocka_unit_test(test_watchdog__nested_ones_are_told_apart),
	cmocka_unit_test(test_watchdog__a_thread_that_has_ended_is_nobodys),
	cmocka_unit_test(test_watchdog__there_are_1024_seats),
	cmocka_unit_test(test_watchdog__one_that_sleeps_wakes),
	cmocka_unit_test(test_watchdog__who_is_kept_from_running_is_not_late),
	cmocka_unit_test(test_watchdog__each_thread_is_told_of_its_own),
	cmocka_unit_test(test_watchdog__an_embedders_handler_is_left_alone),
	cmocka_unit_test(test_watchdog__a_signal_of_nobodys_does_no_harm),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
