/* SPDX-License-Identifier: MIT */
/* test_hv.c - what every hypervisor refuses alike, and the fake like KVM. */
#include "tests/support/fake_hv.h"
#include "tests/support/fixture.h"
#include "vmoon/state.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static enum vmoon_status check(uint64_t addr, uint8_t size, bool is_pio)
{
	const struct vmoon_hv_ioeventfd io = {
		.addr = addr, .size = size, .is_pio = is_pio};

	return vmoon_hv_check_ioeventfd(&io, NULL);
}

static void test_kvm_09__an_ioeventfd_has_the_size_of_a_write(void **state)
{
	(void)state;
	for (unsigned size = 0; size < 256; size++) {
		const bool is_port =
			size == 0 || size == 1 || size == 2 || size == 4;

		assert_int_equal(check(0x700, (uint8_t)size, true),
				 is_port ? VMOON_OK : VMOON_E_INVAL);
		assert_int_equal(check(0x700, (uint8_t)size, false),
				 is_port || size == 8 ? VMOON_OK
						      : VMOON_E_INVAL);
	}
	assert_int_equal(check(0xffff, 1, true), VMOON_OK);
	assert_int_equal(check(0xffff, 2, true), VMOON_E_INVAL);
	assert_int_equal(check(0x10000, 0, true), VMOON_E_INVAL);
	assert_int_equal(check(UINT64_MAX - 7, 8, false), VMOON_OK);
	assert_int_equal(check(UINT64_MAX - 6, 8, false), VMOON_E_INVAL);
}

static enum vmoon_status match(uint8_t size, uint64_t value)
{
	const struct vmoon_hv_ioeventfd io = {.addr = 0x1000,
					      .size = size,
					      .has_datamatch = true,
					      .datamatch = value};

	return vmoon_hv_check_ioeventfd(&io, NULL);
}

static void test_kvm_09__a_datamatch_fits_the_width_of_the_write(void **state)
{
	(void)state;
	assert_int_equal(match(0, 0), VMOON_E_INVAL);
	assert_int_equal(match(1, 0xff), VMOON_OK);
	assert_int_equal(match(1, 0x100), VMOON_E_INVAL);
	assert_int_equal(match(4, UINT32_MAX), VMOON_OK);
	assert_int_equal(match(4, UINT64_C(1) << 32), VMOON_E_INVAL);
	assert_int_equal(match(8, UINT64_MAX), VMOON_OK);
}

static void test_hv__the_words_of_a_dirty_log_are_rounded_up(void **state)
{
	(void)state;
	assert_int_equal(vmoon_hv_dirty_words(0), 0);
	assert_int_equal(vmoon_hv_dirty_words(4096), 1);
	assert_int_equal(vmoon_hv_dirty_words(64 * 4096), 1);
	assert_int_equal(vmoon_hv_dirty_words(65 * 4096), 2);
}

/* ---- the fake ---- */

struct rig {
	struct vmoon_fake_hv fake;
	const struct vmoon_hv_vm_ops *ops;
	struct vmoon_error err;
};

static int setup(void **state)
{
	static struct rig rig;

	vmoon_fake_hv_init(&rig.fake, NULL, 0);
	rig.ops = rig.fake.vm.ops;
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	vmoon_fake_hv_fini(&r->fake);
	return 0;
}

static void test_kvm_03__the_fake_keeps_a_dirty_log(void **state)
{
	struct rig *r = *state;
	struct vmoon_hv_vm *vm = &r->fake.vm;
	uint64_t bits[3] = {0, 8, 0};
	static char ram[4096];

	assert_ok(r->ops->map_memory(vm, 0x10000, 130 * 4096, ram, &r->err),
		  &r->err);
	assert_int_equal(r->ops->take_dirty(vm, 0x10000, bits, 3, &r->err),
			 VMOON_E_STATE);
	assert_int_equal(r->ops->log_dirty(vm, 0, true, &r->err),
			 VMOON_E_INVAL);
	vmoon_fake_hv_touch(&r->fake, 0x10000, 1);
	assert_ok(r->ops->log_dirty(vm, 0x10000, true, &r->err), &r->err);
	vmoon_fake_hv_touch(&r->fake, 0x10000 + 4095, 2);
	vmoon_fake_hv_touch(&r->fake, 0x10000 + 129 * 4096, 4096);
	vmoon_fake_hv_touch(&r->fake, 0x10000 + 130 * 4096, 1);
	assert_int_equal(r->ops->take_dirty(vm, 0x10000, bits, 2, &r->err),
			 VMOON_E_INVAL);
	assert_ok(r->ops->take_dirty(vm, 0x10000, bits, 3, &r->err), &r->err);
	assert_int_equal(bits[0], 3);
	assert_int_equal(bits[1], 8);
	assert_int_equal(bits[2], 2);
	memset(bits, 0, sizeof(bits));
	assert_ok(r->ops->take_dirty(vm, 0x10000, bits, 3, &r->err), &r->err);
	assert_int_equal(bits[0] | bits[1] | bits[2], 0);
}

static void test_kvm_09__the_fake_refuses_irqfds_as_kvm_does(void **state)
{
	struct rig *r = *state;
	struct vmoon_hv_vm *vm = &r->fake.vm;

	assert_ok(r->ops->add_irqfd(vm, 4, 7, 8, &r->err), &r->err);
	assert_int_equal(r->fake.irqfds[0].resample_fd, 8);
	assert_int_equal(r->ops->add_irqfd(vm, 5, 7, -1, &r->err), VMOON_E_SYS);
	assert_int_equal(r->err.sys, EBUSY);
	assert_int_equal(r->ops->add_irqfd(vm, 5, -1, -1, &r->err),
			 VMOON_E_SYS);
	assert_int_equal(r->err.sys, EBADF);
	assert_int_equal(r->ops->add_irqfd(vm, VMOON_GSI_COUNT, 9, -1, &r->err),
			 VMOON_E_INVAL);
	assert_ok(r->ops->remove_irqfd(vm, 5, 7, &r->err), &r->err);
	assert_int_equal(r->fake.irqfd_count, 1);
	assert_ok(r->ops->remove_irqfd(vm, 4, 7, &r->err), &r->err);
	assert_int_equal(r->fake.irqfd_count, 0);
}

static void test_kvm_09__the_fake_signals_instead_of_an_exit(void **state)
{
	static const struct vmoon_fake_step steps[] = {
		FAKE_OUT(0x700, 2, 7), FAKE_OUT(0x700, 2, 8),
		FAKE_OUT(0x700, 2, 7), FAKE_EXIT(VMOON_HV_EXIT_HALT)};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	struct vmoon_hv_ioeventfd io = {.addr = 0x700,
					.size = 2,
					.is_pio = true,
					.has_datamatch = true,
					.datamatch = 7,
					.fd = eventfd(0, EFD_NONBLOCK)};
	struct rig *r = *state;
	struct vmoon_hv_vm *vm = &r->fake.vm;
	struct vmoon_hv_vcpu *cpu = &r->fake.cpu[0].hv;
	struct vmoon_hv_exit e;
	uint64_t n = 0;

	r->fake.cpu[0].script = script;
	assert_ok(r->ops->add_ioeventfd(vm, &io, &r->err), &r->err);
	assert_int_equal(r->ops->add_ioeventfd(vm, &io, &r->err), VMOON_E_SYS);
	assert_int_equal(r->err.sys, EEXIST);
	assert_ok(cpu->ops->attach(cpu, &r->err), &r->err);
	assert_ok(cpu->ops->run(cpu, &e, &r->err), &r->err);
	assert_int_equal(e.data[0], 8);
	assert_ok(cpu->ops->run(cpu, &e, &r->err), &r->err);
	assert_int_equal(e.kind, VMOON_HV_EXIT_HALT);
	assert_int_equal(read(io.fd, &n, sizeof(n)), sizeof(n));
	assert_int_equal(n, 2);
	assert_ok(r->ops->remove_ioeventfd(vm, &io, &r->err), &r->err);
	assert_int_equal(r->ops->remove_ioeventfd(vm, &io, &r->err),
			 VMOON_E_SYS);
	assert_int_equal(r->err.sys, ENOENT);
	(void)close(io.fd);
}

static void test_kvm_08__the_fake_goes_on_where_it_was_saved(void **state)
{
	static const struct vmoon_fake_step steps[] = {FAKE_OUT(0x80, 1, 1),
						       FAKE_OUT(0x80, 1, 2),
						       FAKE_OUT(0x80, 1, 3)};
	const struct vmoon_fake_script script = {steps, VMOON_COUNTOF(steps)};
	unsigned char buf[256];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};
	struct vmoon_state_reader in = {.buf = buf};
	struct rig *r = *state;
	struct vmoon_hv_vcpu *a = &r->fake.cpu[0].hv;
	struct vmoon_fake_hv other;
	struct vmoon_hv_vcpu *b = &other.cpu[0].hv;
	struct vmoon_hv_exit e;

	r->fake.cpu[0].script = script;
	assert_ok(a->ops->attach(a, &r->err), &r->err);
	assert_ok(a->ops->run(a, &e, &r->err), &r->err);
	assert_int_equal(r->ops->set_irq(&r->fake.vm, 4, true), VMOON_OK);
	assert_ok(r->ops->save(&r->fake.vm, &w, &r->err), &r->err);
	assert_ok(a->ops->save(a, &w, &r->err), &r->err);
	vmoon_fake_hv_init(&other, &script, 1);
	for (in.size = 0; in.size < w.len; in.size++) {
		in.off = 0;
		in.is_bad = false;
		if (r->ops->load(&other.vm, &in, &r->err) == VMOON_OK)
			assert_int_equal(b->ops->load(b, &in, &r->err),
					 VMOON_E_IMAGE);
	}
	in.off = 0;
	in.is_bad = false;
	assert_ok(r->ops->load(&other.vm, &in, &r->err), &r->err);
	assert_ok(b->ops->load(b, &in, &r->err), &r->err);
	assert_int_equal(in.off, w.len);
	assert_true(other.levels[4]);
	assert_ok(b->ops->attach(b, &r->err), &r->err);
	assert_ok(b->ops->run(b, &e, &r->err), &r->err);
	assert_int_equal(e.data[0], 2);
	vmoon_fake_hv_fini(&other);
}

#define FAKED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_kvm_09__an_ioeventfd_has_the_size_of_a_write),
	cmocka_unit_test(test_kvm_09__a_datamatch_fits_the_width_of_the_write),
	cmocka_unit_test(test_hv__the_words_of_a_dirty_log_are_rounded_up),
	FAKED(test_kvm_03__the_fake_keeps_a_dirty_log),
	FAKED(test_kvm_09__the_fake_refuses_irqfds_as_kvm_does),
	FAKED(test_kvm_09__the_fake_signals_instead_of_an_exit),
	FAKED(test_kvm_08__the_fake_goes_on_where_it_was_saved),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
