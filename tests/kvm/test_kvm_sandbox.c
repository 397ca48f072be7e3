/* SPDX-License-Identifier: MIT */
/*
 * test_kvm_sandbox.c - requests that the worker makes of KVM on some hosts
 * only, made here on purpose.
 */
#include "runtime/kvm/kvm.h"
#include "runtime/vm.h"
#include "tests/support/fixture.h"

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

static void test_x04__the_worker_may_read_msrs(void **state)
{
	static struct vmoon_loop_event event;
	struct vmoon_runtime *rt = NULL;
	struct vmoon_config *cfg = NULL;
	struct vmoon_vm *vm = NULL;
	struct vmoon_error err;
	char path[4096];

	(void)state;
	if (vmoon_host_check(&err) != VMOON_OK)
		SKIP_BECAUSE(err.msg);
	guest_path("spin", path, sizeof(path));
	assert_int_equal(sem_init(&done, 0, 0), 0);
	assert_ok(vmoon_runtime_create(NULL, &rt, &err), &err);
	assert_ok(vmoon_config_create(rt, &cfg, &err), &err);
	assert_ok(vmoon_config_set_str(cfg, "kernel", path, strlen(path), &err),
		  &err);
	assert_ok(vmoon_vm_create(rt, cfg, NULL, &vm, &err), &err);
	vmoon_loop_add_event(&vm->loop, &event, read_no_msrs, vm->vcpus[0].hv);
	assert_ok(vmoon_vm_start(vm, &err), &err);
	/* KVM has the vCPU to itself for as long as the guest runs. */
	assert_ok(vmoon_vm_pause(vm, &err), &err);
	vmoon_loop_fire(&event);
	while (sem_wait(&done) != 0)
		assert_int_equal(errno, EINTR);
	if (got < 0)
		fail_msg("KVM_GET_MSRS ended with %d", got_errno);
	assert_int_equal(got, 0);
	vmoon_vm_destroy(vm);
	vmoon_config_destroy(cfg);
	vmoon_runtime_destroy(rt);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_x04__the_worker_may_read_msrs),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
