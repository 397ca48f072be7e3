/* SPDX-License-Identifier: MIT */
/* test_kvm_host.c - a KVM that refuses, fails and answers oddly. */
#include "fake_kvm.h"

#include <stdio.h>

struct rig {
	struct vmoon_hv_vm *vm;
	struct vmoon_hv_vcpu *cpu;
	struct vmoon_hv_exit e;
	struct vmoon_error err;
	unsigned fds;
};

static int setup(void **state)
{
	static struct rig rig;

	fake_kvm_init();
	rig = (struct rig){.fds = fake_open_fds()};
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	fake.fail_at = 0;
	fake.run_sys = EINTR;
	if (r->cpu != NULL)
		r->cpu->ops->destroy(r->cpu);
	if (r->vm != NULL)
		r->vm->ops->destroy(r->vm);
	return fake_open_fds() == r->fds ? 0 : -1;
}

static void start(struct rig *r)
{
	assert_ok(fake_create(&r->vm, &r->err), &r->err);
	assert_ok(fake_create_cpu(r->vm, &r->cpu, &r->err), &r->err);
}

/* ---- what must be there ---- */

static void test_kvm_01__each_missing_capability_is_named(void **state)
{
	static const struct {
		int cap;
		const char *name;
	} caps[] = {
		{KVM_CAP_USER_MEMORY, "USER_MEMORY"},
		{KVM_CAP_IRQCHIP, "IRQCHIP"},
		{KVM_CAP_IRQFD, "IRQFD"},
		{KVM_CAP_IRQFD_RESAMPLE, "IRQFD_RESAMPLE"},
		{KVM_CAP_IOEVENTFD, "IOEVENTFD"},
		{KVM_CAP_SET_TSS_ADDR, "SET_TSS_ADDR"},
		{KVM_CAP_EXT_CPUID, "EXT_CPUID"},
		{KVM_CAP_IMMEDIATE_EXIT, "IMMEDIATE_EXIT"},
	};
	struct rig *r = *state;
	char want[64];

	for (size_t i = 0; i < VMOON_COUNTOF(caps); i++) {
		fake.missing = caps[i].cap;
		assert_int_equal(fake_create(&r->vm, &r->err), VMOON_E_NOKVM);
		(void)snprintf(want, sizeof(want),
			       "lacks KVM_CAP_%s:", caps[i].name);
		assert_non_null(strstr(r->err.msg, want));
		assert_null(r->vm);
		assert_int_equal(fake_open_fds(), r->fds);
	}
}

static void test_kvm_01__another_api_version_is_refused(void **state)
{
	struct rig *r = *state;

	for (fake.version = 0; fake.version < 20; fake.version++)
		if (fake.version != 12)
			assert_int_equal(fake_create(&r->vm, &r->err),
					 VMOON_E_NOKVM);
	assert_non_null(strstr(r->err.msg, "API version 19 instead of 12"));
}

static void test_kvm_12__the_list_of_msrs_grows_as_the_host_says(void **state)
{
	static const uint32_t counts[] = {1, 512, 513, 4000, 4096};
	struct rig *r = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(counts); i++) {
		fake.msrs = counts[i];
		assert_ok(fake_create(&r->vm, &r->err), &r->err);
		assert_int_equal(vmoon_kvm_vm_of(r->vm)->msrs->nmsrs,
				 counts[i]);
		r->vm->ops->destroy(r->vm);
		r->vm = NULL;
	}
	fake.msrs = 4097;
	assert_int_equal(fake_create(&r->vm, &r->err), VMOON_E_UNSUPPORTED);
	assert_string_equal(r->err.msg, "this KVM lists more than 4096 MSRs");
}

static void test_kvm_12__more_than_256_cpuid_entries_are_refused(void **state)
{
	struct rig *r = *state;

	fake.cpuid_sys = E2BIG;
	assert_int_equal(fake_create(&r->vm, &r->err), VMOON_E_UNSUPPORTED);
	assert_string_equal(r->err.msg,
			    "this KVM reports more than 256 CPUID entries");
	fake.cpuid_sys = ENOSYS;
	assert_int_equal(fake_create(&r->vm, &r->err), VMOON_E_SYS);
}

static void test_kvm_10__chips_come_before_cpus_and_cpus_before_lapics(
	void **state)
{
	struct rig *r = *state;
	size_t chip, cpu;

	start(r);
	chip = fake_find(KVM_CREATE_IRQCHIP, 0);
	cpu = fake_find(KVM_CREATE_VCPU, 0);
	assert_true(chip < cpu && cpu != SIZE_MAX);
	assert_true(fake_find(KVM_SET_TSS_ADDR, 0) < cpu);
	assert_true(fake_find(KVM_SET_IDENTITY_MAP_ADDR, 0) < cpu);
	assert_true(chip < fake_find(KVM_SET_GSI_ROUTING, 0));
	assert_true(cpu < fake_find(KVM_SET_LAPIC, 0));
	assert_true(fake_find(KVM_SET_CPUID2, 0) < fake_find(KVM_SET_MSRS, 0));
}

/* The n-th system call fails, for every n: an error and nothing left. */
static void test_kvm__each_failing_call_of_creation_leaves_nothing(void **state)
{
	struct rig *r = *state;
	unsigned n = 0, refused = 0;

	do {
		fake.count = 0;
		fake.fail_at = ++n;
		fake.fail_sys = EIO;
		r->vm = NULL;
		r->cpu = NULL;
		if (fake_create(&r->vm, &r->err) != VMOON_OK ||
		    fake_create_cpu(r->vm, &r->cpu, &r->err) != VMOON_OK) {
			refused++;
			assert_true(r->err.msg[0] != '\0');
		}
		if (r->cpu != NULL)
			r->cpu->ops->destroy(r->cpu);
		if (r->vm != NULL)
			r->vm->ops->destroy(r->vm);
		assert_int_equal(fake_open_fds(), r->fds);
	} while (n <= fake.count);
	r->vm = NULL;
	r->cpu = NULL;
	assert_true(refused > 30);
}

/* ---- KVM_RUN ---- */

static enum vmoon_status run(struct rig *r, int sys, uint32_t reason)
{
	fake.run_sys = sys;
	fake.run_reason = reason;
	return r->cpu->ops->run(r->cpu, &r->e, &r->err);
}

static void test_s16__each_run_is_one_call_whatever_it_answers(void **state)
{
	static const int answers[] = {EINTR, EAGAIN, 0};
	struct rig *r = *state;

	start(r);
	for (size_t i = 0; i < VMOON_COUNTOF(answers); i++) {
		const size_t before = fake.count;

		for (int turn = 0; turn < 1000; turn++) {
			assert_ok(run(r, answers[i], KVM_EXIT_SHUTDOWN),
				  &r->err);
			assert_int_equal(r->e.kind,
					 answers[i] == 0
						 ? VMOON_HV_EXIT_SHUTDOWN
						 : VMOON_HV_EXIT_INTR);
		}
		assert_int_equal(fake.count - before, 1000);
	}
}

static void test_s16__a_failing_run_is_the_hosts_trouble(void **state)
{
	struct rig *r = *state;

	start(r);
	assert_int_equal(run(r, ENOMEM, KVM_EXIT_UNKNOWN), VMOON_E_NOMEM);
	assert_string_equal(r->err.msg,
			    "KVM_RUN of vCPU 0: Cannot allocate memory");
	assert_int_equal(run(r, EFAULT, KVM_EXIT_UNKNOWN), VMOON_E_SYS);
	assert_int_equal(r->err.sys, EFAULT);
	assert_ok(run(r, 0, KVM_EXIT_HLT), &r->err);
	assert_int_equal(r->e.kind, VMOON_HV_EXIT_HALT);
}

static void test_kvm_13__a_memory_fault_is_an_exit_though_run_fails(
	void **state)
{
	static const int errnos[] = {EFAULT, EHWPOISON};
	struct rig *r = *state;

	start(r);
	for (size_t i = 0; i < VMOON_COUNTOF(errnos); i++) {
		assert_ok(run(r, errnos[i], KVM_EXIT_MEMORY_FAULT), &r->err);
		assert_int_equal(r->e.kind, VMOON_HV_EXIT_ERROR);
		assert_non_null(strstr(r->e.detail, "cannot be accessed"));
	}
}

/* Nothing asks KVM for MSR exits, so one is like any other unknown exit. */
static void test_kvm_06__an_msr_exit_stops_the_guest_and_nothing_enables_it(
	void **state)
{
	struct rig *r = *state;

	start(r);
	assert_int_equal(fake_find(KVM_ENABLE_CAP, 0), SIZE_MAX);
	for (uint32_t reason = KVM_EXIT_X86_RDMSR; reason <= KVM_EXIT_X86_WRMSR;
	     reason++) {
		assert_ok(run(r, 0, reason), &r->err);
		assert_int_equal(r->e.kind, VMOON_HV_EXIT_ERROR);
	}
}

static void test_kvm_07__a_kick_is_kept_for_the_next_run(void **state)
{
	struct rig *r = *state;

	start(r);
	r->cpu->ops->kick(r->cpu);
	assert_int_equal(fake.run->immediate_exit, 1);
	/* Only the answer to it takes it away. */
	assert_ok(run(r, EAGAIN, 0), &r->err);
	assert_int_equal(fake.run->immediate_exit, 1);
	assert_ok(run(r, EINTR, 0), &r->err);
	assert_int_equal(fake.run->immediate_exit, 0);
}

#define HOST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static const struct CMUnitTest tests[] = {
	HOST(test_kvm_01__each_missing_capability_is_named),
	HOST(test_kvm_01__another_api_version_is_refused),
	HOST(test_kvm_12__the_list_of_msrs_grows_as_the_host_says),
	HOST(test_kvm_12__more_than_256_cpuid_entries_are_refused),
	HOST(test_kvm_10__chips_come_before_cpus_and_cpus_before_lapics),
	HOST(test_kvm__each_failing_call_of_creation_leaves_nothing),
	HOST(test_s16__each_run_is_one_call_whatever_it_answers),
	HOST(test_s16__a_failing_run_is_the_hosts_trouble),
	HOST(test_kvm_13__a_memory_fault_is_an_exit_though_run_fails),
	HOST(test_kvm_06__an_msr_exit_stops_the_guest_and_nothing_enables_it),
	HOST(test_kvm_07__a_kick_is_kept_for_the_next_run),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
