/* SPDX-License-Identifier: MIT */
/*
 * test_hosts.c - calls that only some hosts bring about (no clock in the vDSO,
 * an older kernel, a heap that grows another way), made here on purpose.
 */
#include "tests/support/own_rig.h"
#include "vmoon/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* One page, for the calls that want memory. */
enum { PAGE = 4096 };

/* The first that did not end as it should; 0: none. */
struct outcome {
	long call;
	int sys;
};

static const struct vmoon_hv_vcpu_ops *fake_ops;
static struct outcome seen;
static sem_t done;
static struct vmoon_watchdog *watchdog; /* borrowed: the test's */
static bool is_late;
static struct vmoon_vm *own_vm; /* borrowed: the rig's */

static void expect(long call, long got, int sys)
{
	const int want = got == -1 ? errno : 0;

	if (seen.call == 0 && want != sys)
		seen = (struct outcome){call, want};
}

static void count_late(void *ctx)
{
	__atomic_fetch_add((unsigned *)ctx, 1, __ATOMIC_RELAXED);
}

/* A hook that does not end before the watchdog's signal. */
static void run_late(void)
{
	unsigned late = 0;
	struct vmoon_watch w;

	if (vmoon_watch_init(&w, watchdog, count_late, &late, NULL) != VMOON_OK)
		return;
	vmoon_watch_begin(&w, 1000000);
	while (__atomic_load_n(&late, __ATOMIC_RELAXED) == 0)
		continue;
	is_late = vmoon_watch_end(&w);
	vmoon_watch_fini(&w);
}

/* The clocks, on a host whose vDSO has none. */
static void read_clock(clockid_t clock)
{
	struct timespec ts;

	expect(SYS_clock_gettime, syscall(SYS_clock_gettime, clock, &ts), 0);
}

static enum vmoon_status run_after_hook(struct vmoon_hv_vcpu *hv,
					struct vmoon_hv_exit *out,
					struct vmoon_error *err)
{
	run_late();
	(void)sem_post(&done);
	return fake_ops->run(hv, out, err);
}

static enum vmoon_status run_after_calls(struct vmoon_hv_vcpu *hv,
					 struct vmoon_hv_exit *out,
					 struct vmoon_error *err)
{
	read_clock(CLOCK_MONOTONIC);
	read_clock(CLOCK_REALTIME);
	(void)sem_post(&done);
	return fake_ops->run(hv, out, err);
}

/* The C library's heap, however it grows and shrinks. */
static void use_heap(void)
{
	void *page = mmap(NULL, PAGE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	expect(SYS_mmap, page == MAP_FAILED ? -1 : 0, 0);
	expect(SYS_mprotect, mprotect(page, PAGE, PROT_READ | PROT_WRITE), 0);
	expect(SYS_munmap, munmap(page, PAGE), 0);
	expect(SYS_brk, syscall(SYS_brk, 0), 0);
	expect(SYS_openat,
	       syscall(SYS_openat, AT_FDCWD, "/proc/sys/vm/overcommit_memory",
		       O_RDONLY | O_CLOEXEC),
	       EACCES);
}

static void act_as_worker(void *ctx)
{
	const struct vmoon_loop *loop = ctx;
	const struct timespec none = {0};
	struct epoll_event ev;

	read_clock(CLOCK_MONOTONIC);
	use_heap();
	expect(SYS_epoll_wait, epoll_wait(loop->epoll_fd, &ev, 1, 0), 0);
	expect(SYS_ppoll, syscall(SYS_ppoll, NULL, 0, &none, NULL, 0), 0);
	/* Nothing was interrupted. */
	expect(SYS_restart_syscall, syscall(SYS_restart_syscall), EINTR);
	(void)sem_post(&done);
}

static void hook_as_worker(void *ctx)
{
	(void)ctx;
	run_late();
	(void)sem_post(&done);
}

static void wait_done(void)
{
	while (sem_wait(&done) != 0)
		assert_int_equal(errno, EINTR);
	if (seen.call != 0)
		fail_msg("call %ld ended with %d", seen.call, seen.sys);
}

/* Of a device that has one of its own. */
static void act_as_device(struct own *o)
{
	const struct vmoon_loop *loop = &own_vm->own_workers->loop;
	struct epoll_event ev;

	(void)o;
	read_clock(CLOCK_MONOTONIC);
	read_clock(CLOCK_REALTIME);
	expect(SYS_epoll_wait, epoll_wait(loop->epoll_fd, &ev, 1, 0), 0);
	(void)sem_post(&done);
}

static void hook_as_device(struct own *o)
{
	hook_as_worker(o);
}

/* As a device's own thread. */
static void act_on_own(struct vm_rig *r, void (*on_work)(struct own *o))
{
	static struct own o;

	seen = (struct outcome){0};
	assert_int_equal(sem_init(&done, 0, 0), 0);
	rig_create(r, NULL, 1);
	own_add(r, &o, VMOON_WORKER_OWN);
	own_vm = r->vm;
	o.on_work = on_work;
	rig_start(r);
	own_call(r, own_wake, NULL);
	wait_done();
}

static void test_y_02__a_vcpu_is_told_that_its_hook_is_late(void **state)
{
	static struct vmoon_hv_vcpu_ops ops;
	struct vm_rig *r = *state;
	struct vmoon_error err;

	is_late = false;
	assert_int_equal(sem_init(&done, 0, 0), 0);
	assert_ok(vmoon_watchdog_create(NULL, &watchdog, &err), &err);
	rig_create(r, NULL, 1);
	fake_ops = r->hv.cpu[0].hv.ops;
	ops = *fake_ops;
	ops.run = run_after_hook;
	r->hv.cpu[0].hv.ops = &ops;
	rig_start(r);
	wait_done();
	assert_true(is_late);
	vmoon_watchdog_destroy(watchdog);
}

static void test_y_02__a_worker_is_told_that_its_hook_is_late(void **state)
{
	static struct vmoon_loop_event event;
	struct vm_rig *r = *state;
	struct vmoon_error err;

	is_late = false;
	assert_int_equal(sem_init(&done, 0, 0), 0);
	assert_ok(vmoon_watchdog_create(NULL, &watchdog, &err), &err);
	rig_create(r, NULL, 1);
	vmoon_loop_add_event(&r->vm->loop, &event, hook_as_worker, NULL);
	rig_start(r);
	vmoon_loop_fire(&event);
	wait_done();
	assert_true(is_late);
	vmoon_watchdog_destroy(watchdog);
}

static void test_y_02__a_devices_thread_is_told_that_its_hook_is_late(
	void **state)
{
	struct vmoon_error err;

	is_late = false;
	assert_ok(vmoon_watchdog_create(NULL, &watchdog, &err), &err);
	act_on_own(*state, hook_as_device);
	assert_true(is_late);
	vmoon_watchdog_destroy(watchdog);
}

static void test_x04__a_vcpu_may_ask_the_kernel_for_the_time(void **state)
{
	static struct vmoon_hv_vcpu_ops ops;
	struct vm_rig *r = *state;

	seen = (struct outcome){0};
	assert_int_equal(sem_init(&done, 0, 0), 0);
	rig_create(r, NULL, 1);
	fake_ops = r->hv.cpu[0].hv.ops;
	ops = *fake_ops;
	ops.run = run_after_calls;
	r->hv.cpu[0].hv.ops = &ops;
	rig_start(r);
	wait_done();
}

static void test_x04__a_worker_may_do_what_its_host_needs(void **state)
{
	static struct vmoon_loop_event event;
	struct vm_rig *r = *state;

	seen = (struct outcome){0};
	assert_int_equal(sem_init(&done, 0, 0), 0);
	rig_create(r, NULL, 1);
	vmoon_loop_add_event(&r->vm->loop, &event, act_as_worker, &r->vm->loop);
	rig_start(r);
	vmoon_loop_fire(&event);
	wait_done();
}

static void test_x04__a_devices_thread_may_do_what_its_host_needs(void **state)
{
	act_on_own(*state, act_as_device);
}

static const struct CMUnitTest tests[] = {
	RIG(test_y_02__a_vcpu_is_told_that_its_hook_is_late),
	RIG(test_y_02__a_worker_is_told_that_its_hook_is_late),
	RIG(test_y_02__a_devices_thread_is_told_that_its_hook_is_late),
	RIG(test_x04__a_vcpu_may_ask_the_kernel_for_the_time),
	RIG(test_x04__a_worker_may_do_what_its_host_needs),
	RIG(test_x04__a_devices_thread_may_do_what_its_host_needs),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
