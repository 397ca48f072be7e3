/* SPDX-License-Identifier: MIT */
/* test_vm_end.c - a VM ends in spite of a deaf vCPU and a stuck reader. */
#include "tests/support/vm_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

/* ---- a vCPU that hears no kick for a while ---- */

struct deaf {
	pthread_mutex_t lock;
	pthread_cond_t kicked;
	unsigned kicks;
	bool hears;
	const struct vmoon_hv_vcpu_ops *real;
	struct vmoon_hv_vcpu_ops ops;
};

static struct deaf deaf = {.lock = PTHREAD_MUTEX_INITIALIZER,
			   .kicked = PTHREAD_COND_INITIALIZER};

static void kick_deaf(struct vmoon_hv_vcpu *hv)
{
	bool hears;

	(void)pthread_mutex_lock(&deaf.lock);
	deaf.kicks++;
	hears = deaf.hears;
	(void)pthread_cond_broadcast(&deaf.kicked);
	(void)pthread_mutex_unlock(&deaf.lock);
	if (hears)
		deaf.real->kick(hv);
}

static void make_deaf(struct vmoon_hv_vcpu *hv)
{
	deaf.real = hv->ops;
	deaf.ops = *hv->ops;
	deaf.ops.kick = kick_deaf;
	hv->ops = &deaf.ops;
}

static void *stop(void *vm)
{
	return vmoon_vm_stop(vm, NULL) == VMOON_OK ? vm : NULL;
}

static void test_x12__stop_waits_for_a_deaf_vcpu_no_longer(void **state)
{
	struct vm_rig *r = *state;
	pthread_t thread;
	void *result;

	rig_create(r, NULL, 1);
	make_deaf(r->vm->vcpus[0].hv);
	rig_start(r);
	assert_int_equal(pthread_create(&thread, NULL, stop, r->vm), 0);
	(void)pthread_mutex_lock(&deaf.lock);
	while (deaf.kicks == 0)
		(void)pthread_cond_wait(&deaf.kicked, &deaf.lock);
	deaf.hears = true;
	(void)pthread_mutex_unlock(&deaf.lock);
	/* One kick is all that there was: it must not be the last chance. */
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_ptr_equal(result, r->vm);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_STOPPED);
}

/* ---- a reader of the console that is stuck ---- */

static void test_x12__stop_leaves_a_stuck_reader_behind(void **state)
{
	static const struct vmoon_fake_step steps[] = {TEXT("unread\n")};
	static const struct vmoon_fake_script script = {steps, 1};
	struct vm_rig *r = *state;
	struct vmoon_error err;
	char fill[4096] = {0};
	int out[2];

	assert_int_equal(pipe2(out, O_CLOEXEC | O_NONBLOCK), 0);
	while (write(out[1], fill, sizeof(fill)) > 0)
		continue;
	assert_int_equal(errno, EAGAIN);
	rig_create(r, &script, 1);
	assert_ok(vmoon_stream_copy_to(vmoon_vm_stream(r->vm, "serial0"),
				       out[1], &err),
		  &err);
	rig_start(r);
	vmoon_fake_hv_wait_end(&r->hv, 0);
	assert_ok(vmoon_vm_stop(r->vm, &err), &err);
	assert_int_equal(vmoon_vm_get_state(r->vm), VMOON_VM_STOPPED);
	(void)close(out[0]);
	(void)close(out[1]);
}

/* ---- the host's signals ---- */

static void test_x05__no_handler_is_installed(void **state)
{
	struct sigaction before[NSIG], after;
	struct vm_rig *r = *state;

	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, NULL, &before[sig]);
	rig_create(r, NULL, 2);
	rig_start(r);
	for (int sig = 1; sig < NSIG; sig++) {
		if (sigaction(sig, NULL, &after) != 0)
			continue; /* the C library's own */
		assert_ptr_equal(after.sa_handler, before[sig].sa_handler);
		assert_int_equal(after.sa_flags, before[sig].sa_flags);
	}
}

static const struct CMUnitTest tests[] = {
	RIG(test_x12__stop_waits_for_a_deaf_vcpu_no_longer),
	RIG(test_x12__stop_leaves_a_stuck_reader_behind),
	RIG(test_x05__no_handler_is_installed),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
