/* SPDX-License-Identifier: MIT */
/* test_kvm_vms.c - several VMs of one process on KVM at once, by the API. */
#include "vmoon/vmoon.h"

#include "tests/support/check_alloc.h"

#include "tests/kvm/guest_image.h"

enum { VMS = 3 };
/* A hang guard only. */
#define TIMEOUT_NS INT64_C(60000000000)

static struct vmoon_vm *create(struct vmoon_runtime *rt, int kernel_fd)
{
	struct vmoon_config *cfg = NULL;
	struct vmoon_vm *vm = NULL;
	struct vmoon_error err;

	assert_ok(vmoon_config_create(rt, &cfg, &err), &err);
	assert_ok(vmoon_config_set_fd(cfg, "kernel", kernel_fd, &err), &err);
	assert_ok(vmoon_config_set_str(cfg, "memory", "16M", 3, &err), &err);
	assert_ok(vmoon_vm_create(rt, cfg, NULL, &vm, &err), &err);
	vmoon_config_destroy(cfg);
	return vm;
}

static void send(struct vmoon_stream *s, const char *text)
{
	struct vmoon_error err;
	size_t taken;

	assert_ok(vmoon_stream_write(s, text, strlen(text), &taken, &err),
		  &err);
	assert_int_equal(taken, strlen(text));
}

static void expect(struct vmoon_stream *s, const char *text)
{
	const struct vmoon_pattern p = {VMOON_PATTERN_TEXT, text, strlen(text)};
	struct vmoon_match m = VMOON_INIT(struct vmoon_match);
	struct vmoon_error err;

	assert_ok(vmoon_stream_expect(s, &p, 1, TIMEOUT_NS, &m, &err), &err);
}

/* All wait for input at the same time, and each gets its own. */
static void test_kvm_vms__three_vms_of_one_process_run_at_once(void **state)
{
	static const char *const words[VMS] = {"one", "two", "three"};
	struct vmoon_runtime_options opts =
		VMOON_INIT(struct vmoon_runtime_options);
	struct check_alloc a = {0};
	struct vmoon_allocator how = check_allocator(&a);
	struct vmoon_runtime *rt = NULL;
	struct vmoon_vm *vms[VMS];
	struct vmoon_error err;
	int fd;

	(void)state;
	NEED_KVM();
	fd = guest_open("echo");
	assert_true(fd >= 0);
	opts.allocator = &how;
	assert_ok(vmoon_runtime_create(&opts, &rt, &err), &err);
	for (int i = 0; i < VMS; i++) {
		vms[i] = create(rt, fd);
		assert_ok(vmoon_vm_start(vms[i], &err), &err);
	}
	(void)close(fd);
	for (int i = 0; i < VMS; i++)
		expect(vmoon_vm_stream(vms[i], "serial0"), "ready");
	for (int i = 0; i < VMS; i++)
		send(vmoon_vm_stream(vms[i], "serial0"), words[i]);
	for (int i = 0; i < VMS; i++)
		expect(vmoon_vm_stream(vms[i], "serial0"), words[i]);
	for (int i = 0; i < VMS; i++) {
		struct vmoon_exit_record end =
			VMOON_INIT(struct vmoon_exit_record);

		send(vmoon_vm_stream(vms[i], "serial0"), "\n");
		assert_ok(vmoon_vm_wait(vms[i], TIMEOUT_NS, &err), &err);
		vmoon_vm_get_exit(vms[i], &end);
		assert_int_equal(end.reason, VMOON_EXIT_DEBUG_EXIT);
		assert_int_equal(end.guest_status, 2);
		vmoon_vm_destroy(vms[i]);
	}
	vmoon_runtime_destroy(rt);
	check_alloc_assert_empty(&a); /* KVM's structs included */
}

/* vmoon_vm_create with the n-th request for memory refused. */
static enum vmoon_status create_with(struct check_alloc *a, const char *kernel)
{
	struct vmoon_runtime_options opts =
		VMOON_INIT(struct vmoon_runtime_options);
	struct vmoon_allocator how = check_allocator(a);
	const size_t fail_at = a->fail_at;
	struct vmoon_runtime *rt = NULL;
	struct vmoon_config *cfg = NULL;
	struct vmoon_vm *vm = NULL;
	struct vmoon_error err;
	enum vmoon_status st;

	a->fail_at = 0;
	opts.allocator = &how;
	assert_ok(vmoon_runtime_create(&opts, &rt, &err), &err);
	assert_ok(vmoon_config_create(rt, &cfg, &err), &err);
	assert_ok(vmoon_config_set_str(cfg, "kernel", kernel, strlen(kernel),
				       &err),
		  &err);
	assert_ok(vmoon_config_set_str(cfg, "memory", "16M", 3, &err), &err);
	a->calls = 0;
	a->fail_at = fail_at;
	st = vmoon_vm_create(rt, cfg, NULL, &vm, &err);
	vmoon_vm_destroy(vm);
	vmoon_config_destroy(cfg);
	vmoon_runtime_destroy(rt);
	return st;
}

static void test_kvm_vms__each_refusal_of_memory_is_an_error(void **state)
{
	struct guest_path kernel = guest_path("echo");
	enum vmoon_status st = VMOON_E_NOMEM;

	(void)state;
	NEED_KVM();
	for (size_t n = 1; n < 500 && st != VMOON_OK; n++) {
		struct check_alloc a = {.fail_at = n};

		st = create_with(&a, kernel.text);
		check_alloc_assert_empty(&a);
		if (st != VMOON_OK)
			assert_int_equal(st, VMOON_E_NOMEM);
	}
	assert_int_equal(st, VMOON_OK);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_kvm_vms__three_vms_of_one_process_run_at_once),
		cmocka_unit_test(
			test_kvm_vms__each_refusal_of_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
