/* SPDX-License-Identifier: MIT */
/* test_proxy.c - mirrors runtime/proxy.c. */
#include "tests/support/proxy_rig.h"

/* As many accesses as one turn of the loop makes. */
enum { ONE_TURN = 16 };

/* ---- accesses ---- */

static void test_proxy__a_read_is_made_on_the_loop(void **state)
{
	struct proxy_rig *r = *state;

	proxy_create(r, 0);
	(void)proxy_in(r, 1, 0x24);
	assert_int_equal(r->behind->calls, 0);
	assert_int_equal(r->holds, 1);
	assert_true(r->is_held);
	proxy_turn(r);
	assert_int_equal(r->behind->calls, 1);
	assert_int_equal(r->behind->offs[0], 0x24);
	assert_int_equal(r->behind->size, 4);
	assert_int_equal(r->readies, 1);
	assert_false(r->is_held);
	assert_int_equal(proxy_in(r, 1, 0x24), 0x1024);
	assert_int_equal(r->holds, 1);
	proxy_turn(r);
	assert_int_equal(r->behind->calls, 1);
}

static void test_proxy__a_write_is_made_on_the_loop(void **state)
{
	struct proxy_rig *r = *state;

	proxy_create(r, 0);
	proxy_out(r, 1, 6, 0xabcd);
	assert_int_equal(r->behind->calls, 0);
	proxy_turn(r);
	assert_int_equal(r->behind->offs[0], 6);
	assert_int_equal(r->behind->size, 2);
	assert_int_equal(r->behind->last, 0xabcd);
	assert_int_equal(r->behind->writes, 1);
	proxy_out(r, 1, 6, 0xabcd);
	proxy_turn(r);
	assert_int_equal(r->behind->writes, 1);
	assert_int_equal(r->holds, 1);
	assert_int_equal(r->readies, 1);
}

/* What was asked for is made once, however often it is asked for. */
static void test_proxy__a_waiting_access_waits_again(void **state)
{
	struct proxy_rig *r = *state;

	proxy_create(r, 0);
	(void)proxy_in(r, 1, 8);
	(void)proxy_in(r, 1, 8);
	(void)proxy_in(r, 1, 8);
	assert_int_equal(r->holds, 3);
	proxy_turn(r);
	assert_int_equal(r->behind->calls, 1);
	assert_int_equal(proxy_in(r, 1, 8), 0x1008);
}

static void test_proxy__the_answered_request_is_free_for_the_next(void **state)
{
	struct proxy_rig *r = *state;

	proxy_create(r, 0);
	for (uint64_t off = 0; off < 40; off++) {
		(void)proxy_in(r, 1, off);
		proxy_turn(r);
		assert_int_equal(proxy_in(r, 1, off), 0x1000 + off);
	}
	assert_int_equal(r->behind->calls, 40);
	assert_int_equal(r->holds, 40);
}

static void test_proxy__all_are_served_in_the_order_of_asking(void **state)
{
	static const unsigned askers[] = {3, 1, 64, 2};
	struct proxy_rig *r = *state;

	proxy_create(r, 0);
	for (size_t i = 0; i < VMOON_COUNTOF(askers); i++)
		(void)proxy_in(r, askers[i], askers[i]);
	proxy_turn(r);
	for (size_t i = 0; i < VMOON_COUNTOF(askers); i++)
		assert_int_equal(r->behind->offs[i], askers[i]);
	for (unsigned i = VMOON_COUNTOF(askers); i-- > 0;)
		assert_int_equal(proxy_in(r, askers[i], askers[i]),
				 0x1000 + askers[i]);
	assert_int_equal(r->holds, 4);
	assert_int_equal(r->behind->calls, 4);
}

static void test_proxy__many_requests_take_several_turns(void **state)
{
	struct proxy_rig *r = *state;

	proxy_create(r, 0);
	for (unsigned i = 1; i <= VMOON_CPUS_MAX; i++)
		(void)proxy_in(r, i, i);
	for (unsigned turn = 1; turn <= VMOON_CPUS_MAX / ONE_TURN; turn++) {
		proxy_turn(r);
		assert_int_equal(r->behind->calls, turn * ONE_TURN);
	}
	proxy_turn(r);
	assert_int_equal(r->behind->calls, VMOON_CPUS_MAX);
	for (unsigned i = 1; i <= VMOON_CPUS_MAX; i++)
		assert_int_equal(proxy_in(r, i, i), 0x1000 + i);
}

static void test_proxy__who_cannot_wait_gets_nothing(void **state)
{
	static const unsigned askers[] = {0, VMOON_CPUS_MAX + 1, 9999};
	struct proxy_rig *r = *state;

	proxy_create(r, 0);
	for (size_t i = 0; i < VMOON_COUNTOF(askers); i++) {
		assert_int_equal(proxy_in(r, askers[i], 4), 0);
		proxy_out(r, askers[i], 4, 1);
		proxy_turn(r);
	}
	assert_int_equal(r->behind->calls, 0);
	assert_int_equal(r->holds, 0);
}

static void test_proxy__nothing_is_called_once_all_is_over(void **state)
{
	struct proxy_rig *r = *state;

	proxy_create(r, 0);
	(void)proxy_in(r, 1, 4);
	r->dev->ops->reset(r->dev);
	proxy_out(r, 2, 4, 1);
	r->is_over = true;
	proxy_turn(r);
	proxy_turn(r);
	assert_int_equal(r->behind->calls, 0);
	assert_int_equal(r->behind->resets, 0);
	assert_int_equal(r->readies, 0);
}

/* ---- a hold and the ready that belongs to it ---- */

/* Who is held for good would be one whose ready came before its hold. */
static void test_proxy__a_hold_comes_before_the_request_is_seen(void **state)
{
	struct proxy_rig *r = *state;
	pthread_t thread;

	proxy_create(r, 0);
	proxy_start(r, &thread);
	r->gives_way = true;
	(void)proxy_in(r, 1, 4);
	proxy_finish(r, thread, 1);
	assert_false(r->is_held);
	assert_int_equal(proxy_in(r, 1, 4), 0x1004);
}

static void test_proxy__asking_again_holds_before_the_answer(void **state)
{
	struct proxy_rig *r = *state;
	pthread_t thread;

	proxy_create(r, 0);
	proxy_block(r);
	proxy_start(r, &thread);
	(void)proxy_in(r, 1, 4);
	proxy_wait(&r->is_in);
	r->gives_way = true;
	(void)proxy_in(r, 1, 4); /* lets the running one go */
	proxy_finish(r, thread, 1);
	assert_int_equal(r->holds, 2);
	assert_false(r->is_held);
	assert_int_equal(proxy_in(r, 1, 4), 0x1004);
	assert_int_equal(r->behind->calls, 1);
}

/* ---- resets ---- */

static void test_proxy__a_reset_drops_what_waits(void **state)
{
	struct proxy_rig *r = *state;

	proxy_create(r, 0);
	(void)proxy_in(r, 1, 4);
	proxy_out(r, 2, 6, 1);
	assert_false(vmoon_proxy_is_resetting(r->p));
	r->dev->ops->reset(r->dev);
	assert_true(vmoon_proxy_is_resetting(r->p));
	assert_int_equal(r->behind->resets, 0);
	proxy_turn(r);
	assert_int_equal(r->behind->resets, 1);
	assert_int_equal(r->behind->calls, 0);
	assert_false(vmoon_proxy_is_resetting(r->p));
	assert_int_equal(r->readies, 1);
	assert_false(r->was_resetting[0]);
	(void)proxy_in(r, 1, 8);
	proxy_turn(r);
	assert_int_equal(proxy_in(r, 1, 8), 0x1008);
}

/* Nobody is left to fetch it. */
static void test_proxy__a_reset_drops_an_answer(void **state)
{
	struct proxy_rig *r = *state;

	proxy_create(r, 0);
	(void)proxy_in(r, 1, 4);
	proxy_turn(r);
	r->dev->ops->reset(r->dev);
	assert_int_equal(proxy_in(r, 1, 8), 0);
	assert_int_equal(r->holds, 2);
	proxy_turn(r);
	assert_int_equal(proxy_in(r, 1, 8), 0x1008);
}

static void test_proxy__a_reset_comes_before_what_is_asked_for_later(
	void **state)
{
	struct proxy_rig *r = *state;

	proxy_create(r, 0);
	r->dev->ops->reset(r->dev);
	(void)proxy_in(r, 1, 4);
	proxy_turn(r);
	assert_int_equal(r->behind->resets, 1);
	assert_int_equal(r->behind->calls_before_reset, 0);
	assert_int_equal(proxy_in(r, 1, 4), 0x1004);
}

static void reset_from_within(void *ctx)
{
	struct proxy_rig *r = ctx;

	r->behind->on_call = NULL;
	r->dev->ops->reset(r->dev);
	assert_true(vmoon_proxy_is_resetting(r->p));
}

static void test_proxy__a_reset_drops_what_a_running_access_gives(void **state)
{
	struct proxy_rig *r = *state;

	proxy_create(r, 0);
	r->behind->on_call = reset_from_within;
	r->behind->ctx = r;
	(void)proxy_in(r, 1, 4);
	proxy_turn(r);
	assert_int_equal(r->behind->calls, 1);
	assert_int_equal(r->behind->resets, 1);
	/* The end of the access is none of the reset. */
	assert_int_equal(r->readies, 2);
	assert_true(r->was_resetting[0]);
	assert_false(r->was_resetting[1]);
	assert_int_equal(proxy_in(r, 1, 8), 0);
	assert_int_equal(r->holds, 2);
	proxy_turn(r);
	assert_int_equal(proxy_in(r, 1, 8), 0x1008);
}

static void reset_and_ask(void *ctx)
{
	struct proxy_rig *r = ctx;

	r->behind->on_call = NULL;
	r->dev->ops->reset(r->dev);
	(void)proxy_in(r, 1, 8);
}

/* The end of the old one is not taken for that of the new one. */
static void test_proxy__who_asks_after_a_reset_gets_its_own_answer(void **state)
{
	struct proxy_rig *r = *state;

	proxy_create(r, 0);
	r->behind->on_call = reset_and_ask;
	r->behind->ctx = r;
	(void)proxy_in(r, 1, 4);
	proxy_turn(r);
	assert_int_equal(r->behind->calls, 2);
	assert_int_equal(r->behind->offs[1], 8);
	assert_int_equal(proxy_in(r, 1, 8), 0x1008);
}

static void reset_again(void *ctx)
{
	struct proxy_rig *r = ctx;

	r->behind->on_reset = NULL;
	r->dev->ops->reset(r->dev);
}

static void test_proxy__a_reset_in_a_reset_is_waited_for(void **state)
{
	struct proxy_rig *r = *state;

	proxy_create(r, 0);
	r->behind->on_reset = reset_again;
	r->behind->ctx = r;
	r->dev->ops->reset(r->dev);
	proxy_turn(r);
	assert_int_equal(r->behind->resets, 2);
	assert_true(r->was_resetting[0]);
	assert_false(r->was_resetting[1]);
}

/* Each vCPU's thread resets, asks and looks, while the loop serves. */
static void test_proxy__a_reset_beside_the_loop_loses_no_access(void **state)
{
	struct proxy_rig *r = *state;
	pthread_t thread;
	uint64_t got;

	proxy_create(r, 0);
	proxy_start(r, &thread);
	for (uint64_t i = 1; i <= 2000; i++) {
		(void)proxy_in(r, 1, i + 1000000);
		r->dev->ops->reset(r->dev);
		while ((got = proxy_in(r, 1, i)) == 0)
			(void)sched_yield();
		assert_int_equal(got, 0x1000 + i);
	}
	while (vmoon_proxy_is_resetting(r->p))
		(void)sched_yield();
	proxy_finish(r, thread, 1);
	assert_true(r->behind->resets >= 1);
}

/* ---- accesses whose end is another one's ---- */

static void hold_on(void *ctx)
{
	struct proxy_rig *r = ctx;

	r->behind->on_call = NULL;
	vmoon_proxy_hold(r->p, true);
}

/* As the loop's thread, which has the lock. */
static void let_go(struct proxy_rig *r)
{
	vmoon_lock_take(vmoon_proxy_lock(r->p));
	vmoon_proxy_hold(r->p, false);
	vmoon_lock_drop(vmoon_proxy_lock(r->p));
}

static void ask_held(struct proxy_rig *r)
{
	proxy_create(r, 0);
	r->behind->on_call = hold_on;
	r->behind->ctx = r;
	(void)proxy_in(r, 1, 4);
	proxy_turn(r);
	assert_int_equal(r->behind->calls, 1);
}

static void test_proxy__an_access_ends_when_what_is_behind_says(void **state)
{
	struct proxy_rig *r = *state;
	unsigned readies;

	ask_held(r);
	assert_int_equal(proxy_in(r, 1, 4), 0);
	assert_int_equal(r->holds, 2);
	/* Others are served meanwhile. */
	(void)proxy_in(r, 2, 8);
	proxy_turn(r);
	assert_int_equal(proxy_in(r, 2, 8), 0x1008);
	assert_int_equal(proxy_in(r, 1, 4), 0);
	readies = r->readies;
	let_go(r);
	assert_int_equal(r->readies, readies + 1);
	assert_int_equal(proxy_in(r, 1, 4), 0x1004);
	assert_int_equal(r->behind->calls, 2);
}

static void test_proxy__a_reset_drops_what_is_held(void **state)
{
	struct proxy_rig *r = *state;

	ask_held(r);
	r->dev->ops->reset(r->dev);
	proxy_turn(r);
	let_go(r);
	assert_int_equal(proxy_in(r, 1, 8), 0);
	proxy_turn(r);
	assert_int_equal(proxy_in(r, 1, 8), 0x1008);
}

static void hold_and_let_go(void *ctx)
{
	struct proxy_rig *r = ctx;

	vmoon_proxy_hold(r->p, true);
	vmoon_proxy_hold(r->p, false);
}

static void test_proxy__what_lets_go_at_once_is_not_held(void **state)
{
	struct proxy_rig *r = *state;

	proxy_create(r, 0);
	r->behind->on_call = hold_and_let_go;
	r->behind->ctx = r;
	(void)proxy_in(r, 1, 4);
	proxy_turn(r);
	assert_int_equal(proxy_in(r, 1, 4), 0x1004);
}

/* ---- its life ---- */

static void test_proxy__without_memory_nothing_is_left(void **state)
{
	struct proxy_rig *r = *state;
	struct vmoon_error err;

	r->alloc.fail_at = 1;
	assert_int_equal(proxy_make(r, 0, &err), VMOON_E_NOMEM);
	assert_string_equal(err.msg, "a device's proxy: out of memory");
	assert_true(r->is_gone);
	assert_null(r->p);
	assert_null(r->loop.events);
}

static void test_proxy__its_end_is_that_of_what_is_behind(void **state)
{
	struct proxy_rig *r = *state;

	proxy_create(r, 0);
	assert_ptr_equal(vmoon_proxy_behind(r->p), &r->behind->dev);
	(void)proxy_in(r, 1, 4); /* and nobody is there any more */
	assert_false(r->is_gone);
	r->dev->ops->destroy(r->dev);
	r->dev = NULL;
	assert_true(r->is_gone);
	assert_null(r->loop.events);
	proxy_turn(r);
}

static const struct CMUnitTest tests[] = {
	PROXY(test_proxy__a_read_is_made_on_the_loop),
	PROXY(test_proxy__a_write_is_made_on_the_loop),
	PROXY(test_proxy__a_waiting_access_waits_again),
	PROXY(test_proxy__the_answered_request_is_free_for_the_next),
	PROXY(test_proxy__all_are_served_in_the_order_of_asking),
	PROXY(test_proxy__many_requests_take_several_turns),
	PROXY(test_proxy__who_cannot_wait_gets_nothing),
	PROXY(test_proxy__nothing_is_called_once_all_is_over),
	PROXY(test_proxy__a_hold_comes_before_the_request_is_seen),
	PROXY(test_proxy__asking_again_holds_before_the_answer),
	PROXY(test_proxy__a_reset_drops_what_waits),
	PROXY(test_proxy__a_reset_drops_an_answer),
	PROXY(test_proxy__a_reset_comes_before_what_is_asked_for_later),
	PROXY(test_proxy__a_reset_drops_what_a_running_access_gives),
	PROXY(test_proxy__who_asks_after_a_reset_gets_its_own_answer),
	PROXY(test_proxy__a_reset_in_a_reset_is_waited_for),
	PROXY(test_proxy__a_reset_beside_the_loop_loses_no_access),
	PROXY(test_proxy__an_access_ends_when_what_is_behind_says),
	PROXY(test_proxy__a_reset_drops_what_is_held),
	PROXY(test_proxy__what_lets_go_at_once_is_not_held),
	PROXY(test_proxy__without_memory_nothing_is_left),
	PROXY(test_proxy__its_end_is_that_of_what_is_behind),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
