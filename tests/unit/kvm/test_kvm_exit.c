/* SPDX-License-Identifier: MIT */
/* test_kvm_exit.c - what each exit of KVM means; hostile run pages. */
#include "kvm/kvm.h"
#include "tests/support/fixture.h"

#include <stdlib.h>
#include <string.h>

enum { MAP_BYTES = 3 * 4096, PIO_AT = 4096 };

/* As large as KVM's mapping, so that ASan sees a step outside. */
struct page {
	struct kvm_run *run;
	struct vmoon_hv_exit e;
};

static int setup(void **state)
{
	struct page *p = calloc(1, sizeof(*p));

	p->run = calloc(1, MAP_BYTES);
	memset(&p->e, 0xaa, sizeof(p->e));
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct page *p = *state;

	free(p->run);
	free(p);
	return 0;
}

static enum vmoon_hv_exit_kind decode(struct page *p, uint32_t reason)
{
	p->run->exit_reason = reason;
	vmoon_kvm_decode(p->run, MAP_BYTES, 3, &p->e);
	return p->e.kind;
}

static void set_io(struct page *p, uint8_t size, uint32_t count,
		   uint64_t offset)
{
	p->run->io.direction = KVM_EXIT_IO_OUT;
	p->run->io.port = 0x3f8;
	p->run->io.size = size;
	p->run->io.count = count;
	p->run->io.data_offset = offset;
}

static void test_b04__a_string_access_keeps_size_and_count(void **state)
{
	static const uint8_t sizes[] = {1, 2, 4};
	struct page *p = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(sizes); i++) {
		set_io(p, sizes[i], 1024, PIO_AT);
		assert_int_equal(decode(p, KVM_EXIT_IO), VMOON_HV_EXIT_PIO);
		assert_true(p->e.is_write);
		assert_int_equal(p->e.addr, 0x3f8);
		assert_int_equal(p->e.size, sizes[i]);
		assert_int_equal(p->e.count, 1024);
		assert_ptr_equal(p->e.data, (unsigned char *)p->run + PIO_AT);
	}
	p->run->io.direction = KVM_EXIT_IO_IN;
	assert_int_equal(decode(p, KVM_EXIT_IO), VMOON_HV_EXIT_PIO);
	assert_false(p->e.is_write);
}

static void test_b04__a_string_that_leaves_the_page_is_an_error(void **state)
{
	static const struct {
		uint8_t size;
		uint32_t count;
		uint64_t offset;
	} bad[] = {
		{1, 0, PIO_AT},
		{0, 1, PIO_AT},
		{3, 1, PIO_AT},
		{8, 1, PIO_AT},
		{255, 1, PIO_AT},
		{4, 4096, PIO_AT},
		{1, MAP_BYTES - PIO_AT + 1, PIO_AT},
		{4, UINT32_MAX, PIO_AT},
		{4, 0x40000000, PIO_AT}, /* 0 bytes in 32 bits */
		{4, 0x40000001, PIO_AT}, /* 4 */
		{1, 1, MAP_BYTES},
		{2, 1, MAP_BYTES - 1},
		{1, 1, UINT64_MAX},
		{4, 1, UINT64_MAX - 3},
		{1, 1, 0},
		{1, 1, sizeof(struct kvm_run) - 1},
	};
	struct page *p = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		set_io(p, bad[i].size, bad[i].count, bad[i].offset);
		assert_int_equal(decode(p, KVM_EXIT_IO), VMOON_HV_EXIT_ERROR);
		assert_non_null(strstr(p->e.detail, "vCPU 3"));
		assert_null(p->e.data);
	}
	set_io(p, 1, MAP_BYTES - PIO_AT, PIO_AT);
	assert_int_equal(decode(p, KVM_EXIT_IO), VMOON_HV_EXIT_PIO);
}

static void test_kvm_05__each_length_of_an_access_has_its_answer(void **state)
{
	struct page *p = *state;

	p->run->mmio.phys_addr = 0xd0000000;
	for (uint32_t len = 1; len <= 8; len++) {
		const bool is_register = (len & (len - 1)) == 0;

		p->run->mmio.len = len;
		memset(p->run->mmio.data, 0x11, 8);
		assert_int_equal(decode(p, KVM_EXIT_MMIO),
				 is_register ? VMOON_HV_EXIT_MMIO
					     : VMOON_HV_EXIT_INTR);
		for (uint32_t i = 0; i < 8; i++)
			assert_int_equal(p->run->mmio.data[i],
					 !is_register && i < len ? 0xff : 0x11);
		if (is_register) {
			assert_int_equal(p->e.size, len);
			assert_int_equal(p->e.count, 1);
			assert_int_equal(p->e.addr, 0xd0000000);
		}
	}
	p->run->mmio.len = 0;
	assert_int_equal(decode(p, KVM_EXIT_MMIO), VMOON_HV_EXIT_ERROR);
	p->run->mmio.len = 9;
	assert_int_equal(decode(p, KVM_EXIT_MMIO), VMOON_HV_EXIT_ERROR);
	p->run->mmio.len = UINT32_MAX;
	assert_int_equal(decode(p, KVM_EXIT_MMIO), VMOON_HV_EXIT_ERROR);
}

static enum vmoon_hv_exit_kind kind_of(uint32_t reason)
{
	switch (reason) {
	case KVM_EXIT_INTR: return VMOON_HV_EXIT_INTR;
	case KVM_EXIT_HLT: return VMOON_HV_EXIT_HALT;
	case KVM_EXIT_SHUTDOWN: return VMOON_HV_EXIT_SHUTDOWN;
	default: return VMOON_HV_EXIT_ERROR;
	}
}

/* All fields 0: a port access of 0 bytes and event 0 are errors, too. */
static void test_s16_kvm_06__every_exit_reason_has_a_defined_result(
	void **state)
{
	struct page *p = *state;

	for (uint32_t reason = 0; reason < 64; reason++) {
		assert_int_equal(decode(p, reason), kind_of(reason));
		if (p->e.kind == VMOON_HV_EXIT_ERROR) {
			assert_true(strlen(p->e.detail) > 10);
			assert_null(strchr(p->e.detail, '\n'));
		}
	}
	assert_int_equal(decode(p, UINT32_MAX), VMOON_HV_EXIT_ERROR);
	assert_string_equal(p->e.detail, "vCPU 3: KVM exit reason 4294967295, "
					 "which is not known here");
}

static void test_kvm_06__a_refused_entry_and_an_inner_error_say_why(
	void **state)
{
	struct page *p = *state;

	p->run->fail_entry.hardware_entry_failure_reason = 0x80000021;
	assert_int_equal(decode(p, KVM_EXIT_FAIL_ENTRY), VMOON_HV_EXIT_ERROR);
	assert_string_equal(p->e.detail,
			    "vCPU 3: the CPU refused the guest's state, reason "
			    "0x80000021");
	p->run->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
	assert_int_equal(decode(p, KVM_EXIT_INTERNAL_ERROR),
			 VMOON_HV_EXIT_ERROR);
	assert_string_equal(p->e.detail,
			    "vCPU 3: KVM could not emulate an instruction of "
			    "the guest (internal error 1)");
	for (uint32_t i = 2; i < 10; i++) {
		p->run->internal.suberror = i;
		assert_int_equal(decode(p, KVM_EXIT_INTERNAL_ERROR),
				 VMOON_HV_EXIT_ERROR);
	}
}

static void test_kvm_06__system_events_are_told_apart(void **state)
{
	static const enum vmoon_hv_system known[] = {
		VMOON_HV_POWEROFF, VMOON_HV_RESET, VMOON_HV_CRASH};
	struct page *p = *state;

	for (uint32_t type = 1; type <= 3; type++) {
		p->run->system_event.type = type;
		assert_int_equal(decode(p, KVM_EXIT_SYSTEM_EVENT),
				 VMOON_HV_EXIT_SYSTEM);
		assert_int_equal(p->e.system, known[type - 1]);
	}
	p->run->system_event.type = 77;
	assert_int_equal(decode(p, KVM_EXIT_SYSTEM_EVENT), VMOON_HV_EXIT_ERROR);
	assert_non_null(strstr(p->e.detail, "77"));
}

static void test_kvm_13__a_memory_fault_names_the_address(void **state)
{
	const uint64_t fault[3] = {8, 0x123000, 0x1000};
	struct page *p = *state;

	memcpy(p->run->padding, fault, sizeof(fault));
	assert_int_equal(decode(p, 39), VMOON_HV_EXIT_ERROR);
	assert_string_equal(p->e.detail,
			    "vCPU 3: the memory at 0x123000, 0x1000 bytes, "
			    "cannot be accessed (flags 0x8)");
}

#define WITH_PAGE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static const struct CMUnitTest tests[] = {
	WITH_PAGE(test_b04__a_string_access_keeps_size_and_count),
	WITH_PAGE(test_b04__a_string_that_leaves_the_page_is_an_error),
	WITH_PAGE(test_kvm_05__each_length_of_an_access_has_its_answer),
	WITH_PAGE(test_s16_kvm_06__every_exit_reason_has_a_defined_result),
	WITH_PAGE(test_kvm_06__a_refused_entry_and_an_inner_error_say_why),
	WITH_PAGE(test_kvm_06__system_events_are_told_apart),
	WITH_PAGE(test_kvm_13__a_memory_fault_names_the_address),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
