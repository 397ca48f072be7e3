/* SPDX-License-Identifier: MIT */
/* test_proxy_lock.c - others who call what is behind a proxy: its lock. */
#include "tests/support/proxy_rig.h"

static void *hold_lock(void *ctx)
{
	struct proxy_rig *r = ctx;

	vmoon_lock_take(vmoon_proxy_lock(r->p));
	(void)sem_post(&r->is_in);
	while (sem_wait(&r->may_go) != 0)
		continue;
	vmoon_lock_drop(vmoon_proxy_lock(r->p));
	return NULL;
}

static void begin_holding(struct proxy_rig *r, pthread_t *thread)
{
	assert_int_equal(pthread_create(thread, NULL, hold_lock, r), 0);
	proxy_wait(&r->is_in);
}

static void end_holding(struct proxy_rig *r, pthread_t thread)
{
	(void)sem_post(&r->may_go);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void test_proxy__its_lock_is_taken_with_patience(void **state)
{
	struct proxy_rig *r = *state;
	struct vmoon_error err;
	pthread_t thread;

	proxy_create(r, 5000000);
	begin_holding(r, &thread);
	assert_int_equal(vmoon_proxy_take(r->p, "mine", &err), VMOON_E_TIMEOUT);
	assert_string_equal(err.msg,
			    "mine: its own code has been busy for 0.005 s");
	assert_int_equal(vmoon_proxy_take(r->p, "mine", NULL), VMOON_E_TIMEOUT);
	end_holding(r, thread);
	assert_ok(vmoon_proxy_take(r->p, "mine", &err), &err);
	vmoon_lock_drop(vmoon_proxy_lock(r->p));
}

static void *take_and_drop(void *ctx)
{
	struct proxy_rig *r = ctx;
	const enum vmoon_status st = vmoon_proxy_take(r->p, "mine", NULL);

	if (st == VMOON_OK)
		vmoon_lock_drop(vmoon_proxy_lock(r->p));
	return st == VMOON_OK ? r : NULL;
}

/* Without a word about patience it is far more than this. */
static void test_proxy__its_lock_is_waited_for(void **state)
{
	struct proxy_rig *r = *state;
	pthread_t holder, taker;
	void *got = NULL;

	proxy_create(r, 0);
	begin_holding(r, &holder);
	assert_int_equal(pthread_create(&taker, NULL, take_and_drop, r), 0);
	for (int i = 0; i < 100; i++) /* each may take a busy host a while */
		(void)sched_yield();
	end_holding(r, holder);
	assert_int_equal(pthread_join(taker, &got), 0);
	assert_ptr_equal(got, r);
}

static void test_proxy__what_is_behind_is_called_under_its_lock(void **state)
{
	struct proxy_rig *r = *state;
	struct vmoon_error err;
	pthread_t thread;

	proxy_create(r, 5000000);
	proxy_block(r);
	proxy_start(r, &thread);
	(void)proxy_in(r, 1, 4);
	proxy_wait(&r->is_in);
	assert_int_equal(vmoon_proxy_take(r->p, "mine", &err), VMOON_E_TIMEOUT);
	(void)sem_post(&r->may_go);
	proxy_finish(r, thread, 1);
	assert_ok(vmoon_proxy_take(r->p, "mine", &err), &err);
	vmoon_lock_drop(vmoon_proxy_lock(r->p));
}

static void test_proxy__snapshots_are_those_of_what_is_behind(void **state)
{
	struct proxy_rig *r = *state;
	unsigned char buf[64], same[64];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};
	struct vmoon_state_writer own = {.buf = same, .size = sizeof(same)};
	struct vmoon_state_reader in = {.buf = buf};
	struct vmoon_error err;

	proxy_create(r, 0);
	r->behind->value = 0x3000;
	r->dev->ops->save(r->dev, &w);
	behind_save(&r->behind->dev, &own);
	assert_true(w.len > 8);
	assert_int_equal(w.len, own.len);
	assert_memory_equal(buf, same, w.len);
	r->behind->value = 0;
	in.size = w.len;
	assert_ok(r->dev->ops->load(r->dev, &in, &err), &err);
	assert_int_equal(r->behind->value, 0x3000);
	in = (struct vmoon_state_reader){.buf = buf, .size = 1};
	assert_int_equal(r->dev->ops->load(r->dev, &in, &err), VMOON_E_IMAGE);
	assert_string_equal(err.msg, "nothing behind");
}

static void test_proxy__no_snapshot_of_a_busy_device(void **state)
{
	struct proxy_rig *r = *state;
	unsigned char buf[64];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};
	struct vmoon_state_reader in = {.buf = buf};
	struct vmoon_error err;
	pthread_t thread;

	proxy_create(r, 5000000);
	begin_holding(r, &thread);
	r->dev->ops->save(r->dev, &w);
	assert_int_equal(w.len, 0);
	assert_int_equal(r->dev->ops->load(r->dev, &in, &err), VMOON_E_TIMEOUT);
	assert_string_equal(err.msg,
			    "behind: its own code has been busy for 0.005 s");
	assert_int_equal(r->behind->loads, 0);
	end_holding(r, thread);
	r->dev->ops->save(r->dev, &w);
	assert_true(w.len > 8);
}

static const struct CMUnitTest tests[] = {
	PROXY(test_proxy__its_lock_is_taken_with_patience),
	PROXY(test_proxy__its_lock_is_waited_for),
	PROXY(test_proxy__what_is_behind_is_called_under_its_lock),
	PROXY(test_proxy__snapshots_are_those_of_what_is_behind),
	PROXY(test_proxy__no_snapshot_of_a_busy_device),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
