/* SPDX-License-Identifier: MIT */
/*
 * test_devices.c - threads of devices: one that only asked for its own is under
 * a filter, one that is trusted is not.
 */
#include "tests/support/own_rig.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static long acted;
static int acted_errno;

static void open_socket(struct own *o)
{
	(void)o;
	acted = syscall(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	acted_errno = errno;
}

/* Started, with a device whose work is on_work. */
static void start(struct vm_rig *r, struct own *o,
		  enum vmoon_device_worker worker,
		  void (*on_work)(struct own *o))
{
	acted = 0;
	acted_errno = 0;
	rig_create(r, NULL, 1);
	own_add(r, o, worker);
	o->on_work = on_work;
	rig_start(r);
}

static void work(struct vm_rig *r, struct own *o)
{
	own_call(r, own_wake, NULL);
	own_wait(o, OWN_WORK, 1);
}

static void test_sec_09__a_denied_call_of_a_devices_thread_fails_its_vm(
	void **state)
{
	static struct own o;
	struct vm_rig *r = *state;

	r->denials = 1;
	start(r, &o, VMOON_WORKER_OWN, open_socket);
	work(r, &o);
	rig_wait(r);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_FAILED);
	assert_int_equal(r->record.reason, VMOON_EXIT_HOST_ERROR);
	assert_string_equal(r->record.message,
			    "a device's own thread: system call socket (41) is "
			    "not allowed by its sandbox; report it, or run "
			    "without (VMOON_RUNTIME_NO_SANDBOX)");
	assert_int_equal(acted, -1);
	assert_int_equal(acted_errno, EPERM);
}

static void test_sec_09__a_trusted_device_may_do_what_it_likes(void **state)
{
	static struct own o;
	struct vm_rig *r = *state;

	start(r, &o, VMOON_WORKER_TRUSTED, open_socket);
	work(r, &o);
	assert_true(acted >= 0);
	(void)close((int)acted);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_RUNNING);
}

static void look_at_filter(struct own *o)
{
	(void)o;
	acted = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0 &&
		prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0;
}

/* Nor is it one of those that others brought along. */
static void test_sec_09__a_trusted_device_is_under_no_filter(void **state)
{
	static struct own o;
	struct vm_rig *r = *state;

	start(r, &o, VMOON_WORKER_TRUSTED, look_at_filter);
	work(r, &o);
	assert_true(acted);
}

/* ---- signals ---- */

static void look_at_mask(struct own *o)
{
	sigset_t mask;

	(void)o;
	(void)pthread_sigmask(SIG_BLOCK, NULL, &mask);
	acted = sigismember(&mask, SIGUSR1) == 0 &&
		sigismember(&mask, SIGTERM) == 0 &&
		sigismember(&mask, SIGUSR2) == 1;
}

/* What it starts would have them, too. */
static void test_sec_09__a_trusted_device_has_its_starters_signals(void **state)
{
	static struct own o;
	struct vm_rig *r = *state;
	sigset_t own, before;

	(void)sigemptyset(&own);
	(void)sigaddset(&own, SIGUSR2);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &own, &before), 0);
	start(r, &o, VMOON_WORKER_TRUSTED, look_at_mask);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
	work(r, &o);
	assert_true(acted);
}

/* ---- what a device may do all the same ---- */

static void fail_and_go_on(struct own *o)
{
	struct vmoon_error err;

	VMOON_IGNORE(vmoon_fail(&err, VMOON_E_SYS, 0, "it broke") == VMOON_OK);
	o->env.report.failed(o->env.report.ctx, &err);
	o->env.tell.set(o->env.tell.ctx);
	o->env.timer.set(o->env.timer.ctx, vmoon_mono_ns() + 1);
	acted = o->env.clock.wall_s(o->env.clock.ctx, NULL) > 0;
}

static void test_x04__a_devices_thread_may_use_all_that_its_env_has(
	void **state)
{
	static struct own o;
	struct vm_rig *r = *state;

	start(r, &o, VMOON_WORKER_OWN, fail_and_go_on);
	/* What there is to tell so far would spare it the call. */
	assert_true(vmoon_runtime_dispatch(r->rt, 16) > 0);
	work(r, &o);
	own_wait(&o, OWN_TICK, 1);
	assert_true(acted);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_RUNNING);
	assert_int_equal(r->rt->denials, 0);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void lock_mutex(struct own *o)
{
	(void)sem_post(&o->is_in);
	acted = pthread_mutex_lock(&mutex) == 0 &&
		pthread_mutex_unlock(&mutex) == 0;
}

static void give_way(void)
{
	for (int i = 0; i < 20000; i++)
		(void)sched_yield();
}

/* Until the device wants it, and for a while. */
static void *hold_mutex(void *ctx)
{
	struct own *o = ctx;

	(void)pthread_mutex_lock(&mutex);
	(void)sem_post(&o->may_go);
	while (sem_wait(&o->is_in) != 0)
		continue;
	give_way();
	(void)pthread_mutex_unlock(&mutex);
	return NULL;
}

static void test_x04__a_devices_thread_may_wait_for_a_lock(void **state)
{
	static struct own o;
	struct vm_rig *r = *state;
	pthread_t holder;

	start(r, &o, VMOON_WORKER_OWN, lock_mutex);
	assert_int_equal(pthread_create(&holder, NULL, hold_mutex, &o), 0);
	while (sem_wait(&o.may_go) != 0)
		assert_int_equal(errno, EINTR);
	own_call(r, own_wake, NULL);
	own_wait(&o, OWN_WORK, 1);
	assert_int_equal(pthread_join(holder, NULL), 0);
	assert_true(acted);
}

static void wake_and_stay(void *ctx, struct vmoon_device *dev)
{
	own_wake(ctx, dev);
	give_way();
}

static void test_x04__a_devices_thread_may_wait_for_its_device(void **state)
{
	static struct own o;
	struct vm_rig *r = *state;

	start(r, &o, VMOON_WORKER_OWN, NULL);
	own_call(r, wake_and_stay, NULL);
	own_wait(&o, OWN_WORK, 1);
}

static const struct CMUnitTest tests[] = {
	RIG(test_sec_09__a_denied_call_of_a_devices_thread_fails_its_vm),
	RIG(test_sec_09__a_trusted_device_may_do_what_it_likes),
	RIG(test_sec_09__a_trusted_device_is_under_no_filter),
	RIG(test_sec_09__a_trusted_device_has_its_starters_signals),
	RIG(test_x04__a_devices_thread_may_use_all_that_its_env_has),
	RIG(test_x04__a_devices_thread_may_wait_for_a_lock),
	RIG(test_x04__a_devices_thread_may_wait_for_its_device),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
