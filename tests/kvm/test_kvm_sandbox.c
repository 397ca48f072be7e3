/* SPDX-License-Identifier: MIT */
/*
 * test_kvm_sandbox.c - requests that threads make of KVM on some hosts, or for
 * some devices only, made here on purpose.
 */
#include "runtime/kvm/kvm.h"
#include "runtime/vm.h"
#include "tests/support/own_rig.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int got, got_errno;
static sem_t done;

/* A reset reads an MSR that the host does not let it write. */
static void read_no_msrs(void *ctx)
{
	struct vmoon_hv_vcpu *hv = ctx;
	const union {
		struct kvm_msrs list;
		unsigned char room[64];
	} none = {{0}};

	got = ioctl(hv->ops->calls(hv).fd, KVM_GET_MSRS, &none);
	got_errno = errno;
	(void)sem_post(&done);
}

/* OUT/guest/NAME, from OUT/tests/kvm/this. */
static void guest_path(const char *name, char *out, size_t cap)
{
	ssize_t len = readlink("/proc/self/exe", out, cap - 64);
	size_t at;

	assert_true(len > 0);
	out[len] = '\0';
	for (int i = 0; i < 3; i++)
		*strrchr(out, '/') = '\0';
	at = strlen(out);
	(void)snprintf(out + at, cap - at, "/guest/%s", name);
}

struct rig {
	struct vmoon_runtime *rt;
	struct vmoon_config *cfg;
	struct vmoon_vm *vm;
};

/* A VM whose guest spins, not started; false: no KVM. */
static bool create(struct rig *r, struct vmoon_error *err)
{
	char path[4096];

	memset(r, 0, sizeof(*r));
	if (vmoon_host_check(err) != VMOON_OK)
		return false;
	guest_path("spin", path, sizeof(path));
	assert_ok(vmoon_runtime_create(NULL, &r->rt, err), err);
	assert_ok(vmoon_config_create(r->rt, &r->cfg, err), err);
	assert_ok(
		vmoon_config_set_str(r->cfg, "kernel", path, strlen(path), err),
		err);
	assert_ok(vmoon_vm_create(r->rt, r->cfg, NULL, &r->vm, err), err);
	return true;
}

static void destroy(struct rig *r)
{
	vmoon_vm_destroy(r->vm);
	assert_int_equal(r->rt->denials, 0);
	vmoon_config_destroy(r->cfg);
	vmoon_runtime_destroy(r->rt);
}

static void test_x04__the_worker_may_read_msrs(void **state)
{
	static struct vmoon_loop_event event;
	struct vmoon_error err;
	struct rig r;

	(void)state;
	if (!create(&r, &err))
		SKIP_BECAUSE(err.msg);
	assert_int_equal(sem_init(&done, 0, 0), 0);
	vmoon_loop_add_event(&r.vm->loop, &event, read_no_msrs,
			     r.vm->vcpus[0].hv);
	assert_ok(vmoon_vm_start(r.vm, &err), &err);
	/* KVM has the vCPU to itself for as long as the guest runs. */
	assert_ok(vmoon_vm_pause(r.vm, &err), &err);
	vmoon_loop_fire(&event);
	while (sem_wait(&done) != 0)
		assert_int_equal(errno, EINTR);
	if (got < 0)
		fail_msg("KVM_GET_MSRS ended with %d", got_errno);
	assert_int_equal(got, 0);
	destroy(&r);
}

static void test_x04__a_devices_thread_may_set_its_line(void **state)
{
	static struct own o;
	struct vmoon_device_options opts = own_options(&o, VMOON_WORKER_OWN);
	struct vmoon_error err;
	struct rig r;

	(void)state;
	if (!create(&r, &err))
		SKIP_BECAUSE(err.msg);
	assert_ok(vmoon_vm_add_device(r.vm, &opts, NULL, &err), &err);
	assert_ok(vmoon_vm_start(r.vm, &err), &err);
	assert_ok(vmoon_vm_call_device(r.vm, "mine", own_wake, NULL, &err),
		  &err);
	own_wait(&o, OWN_WORK, 1); /* which sets it */
	destroy(&r);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_x04__the_worker_may_read_msrs),
	cmocka_unit_test(test_x04__a_devices_thread_may_set_its_line),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
