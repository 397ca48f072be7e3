/* SPDX-License-Identifier: MIT */
/*
 * test_kvm_faults.c - the n-th call to the host fails over the life of a VM on
 * KVM; and many lives leave nothing.
 */
#include "tests/support/vm_life.h"

#include "machine.h"

#include <errno.h>
#include <fcntl.h>

/* Resets once, which its clock's memory outlives, then is done. */
GUEST(life, 64,
      "mov $0x41, %al\n out %al, $0x70\n in $0x71, %al\n"
      "mov $0x3f8, %dx\n"
      "cmp $0x5a, %al\n je 1f\n"
      "mov $0x5a, %al\n out %al, $0x71\n out %al, %dx\n"
      "mov $0xfe, %al\n out %al, $0x64\n"
      "0: hlt\n jmp 0b\n"
      "1: out %al, %dx\n xor %eax, %eax\n out %al, $0xf4\n jmp 0b\n");

enum vmoon_status life_create(struct life *l, struct vmoon_runtime *rt,
			      struct vmoon_config *cfg,
			      struct vmoon_vm **out_vm)
{
	return vmoon_vm_create(rt, cfg, NULL, out_vm, &l->err);
}

void life_over(void)
{
}

static int setup(void **state)
{
	struct vmoon_error err;

	if (why_no_kvm(&err) != NULL)
		return 0;
	return life_setup(state, guest_life,
			  (size_t)(guest_life_end - guest_life));
}

static int teardown(void **state)
{
	return *state == NULL ? 0 : life_teardown(state);
}

static void test_faults__each_ioctl_is_an_error_or_harmless(void **state)
{
	struct life_sums sums;

	NEED_KVM();
	sums = life_sweep_both(*state, VMOON_FAULT_IOCTL, EIO);
	assert_true(sums.errors > 50);
	assert_true(sums.ends > 20);
}

static void test_x11__no_memory_with_kvm_is_an_error_each_time(void **state)
{
	NEED_KVM();
	life_sweep_needed(*state, VMOON_FAULT_HEAP, ENOMEM, VMOON_E_NOMEM);
}

static void test_x11__no_mapping_with_kvm_is_an_error_each_time(void **state)
{
	NEED_KVM();
	life_sweep_needed(*state, VMOON_FAULT_MMAP, ENOMEM, VMOON_E_NOMEM);
}

static void test_x10__no_descriptor_with_kvm_is_an_error_each_time(void **state)
{
	NEED_KVM();
	(void)life_sweep_both(*state, VMOON_FAULT_OPEN, EMFILE);
}

#ifdef VMOON_CHECK_LOCKS
enum { LIVES = 50 }; /* a sanitizer build is slow */
#else
enum { LIVES = 200 };
#endif

static void test_kvm__two_hundred_lives_leave_nothing(void **state)
{
	struct census before;

	NEED_KVM();
	before = take_census();
	for (int i = 0; i < LIVES; i++) {
		struct life *l = *state;

		life_live(l);
		assert_int_equal(l->end, LIFE_WHOLE);
		assert_int_equal(life_drain(l), l->whole_bytes);
	}
	assert_same_census(before);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_faults__each_ioctl_is_an_error_or_harmless),
	cmocka_unit_test(test_x11__no_memory_with_kvm_is_an_error_each_time),
	cmocka_unit_test(test_x11__no_mapping_with_kvm_is_an_error_each_time),
	cmocka_unit_test(
		test_x10__no_descriptor_with_kvm_is_an_error_each_time),
	cmocka_unit_test(test_kvm__two_hundred_lives_leave_nothing),
};

int main(void)
{
	return cmocka_run_group_tests(tests, setup, teardown);
}
