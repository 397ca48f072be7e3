/* SPDX-License-Identifier: MIT */
/* test_kvm_save.c - a guest that goes on in another VM; hostile snapshots. */
#include "kvm/kvm.h"
#include "machine.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { SNAPSHOT_MAX = 128 * 1024 };

/*
 * Counts in memory and in a register; the stack, a debug register and an MSR
 * (KERNEL_GS_BASE) hold what the end of each round looks at again.
 */
GUEST(counter, 32,
      "movl $0x1000, %esi; pushl $0x1357\n"
      "movl $0x4321, %eax; movl %eax, %dr0\n"
      "movl $0xc0000102, %ecx; movl $0x2468, %eax; xorl %edx, %edx; wrmsr\n"
      "1: incl 0x6000; incl %esi; movl 0x6000, %eax; outl %eax, $0x84\n"
      "movl %esi, %eax; outl %eax, $0x85\n"
      "popl %eax; pushl %eax; outl %eax, $0x86\n"
      "movl %dr0, %eax; outl %eax, $0x87\n"
      "rdmsr; outl %eax, $0x88\n"
      "jmp 1b");

static void expect_round(struct machine *m, uint32_t n)
{
	expect_out(m, 0x84, 4, n);
	expect_out(m, 0x85, 4, 0x1000 + n);
	expect_out(m, 0x86, 4, 0x1357);
	expect_out(m, 0x87, 4, 0x4321);
	expect_out(m, 0x88, 4, 0x2468);
}

struct snapshot {
	unsigned char *bytes; /* owned */
	size_t len, vm_len;   /* the VM's section comes first */
	unsigned char *ram;   /* owned */
};

static void snapshot_take(struct snapshot *s, struct machine *m)
{
	struct vmoon_state_writer w = {.size = SNAPSHOT_MAX};

	w.buf = s->bytes = malloc(SNAPSHOT_MAX);
	s->ram = malloc(RAM_SIZE);
	assert_true(s->bytes != NULL && s->ram != NULL);
	assert_ok(m->vm->ops->save(m->vm, &w, &m->err), &m->err);
	s->vm_len = w.len;
	for (unsigned i = 0; i < m->cpu_count; i++)
		assert_ok(m->cpu[i]->ops->save(m->cpu[i], &w, &m->err),
			  &m->err);
	assert_false(w.is_overflow);
	s->len = w.len;
	memcpy(s->ram, m->ram, RAM_SIZE);
}

static void snapshot_free(struct snapshot *s)
{
	free(s->bytes);
	free(s->ram);
}

static void snapshot_load(const struct snapshot *s, struct machine *m)
{
	struct vmoon_state_reader r = {.buf = s->bytes, .size = s->len};

	memcpy(m->ram, s->ram, RAM_SIZE);
	assert_ok(m->vm->ops->load(m->vm, &r, &m->err), &m->err);
	for (unsigned i = 0; i < m->cpu_count; i++)
		assert_ok(m->cpu[i]->ops->load(m->cpu[i], &r, &m->err),
			  &m->err);
	assert_int_equal(r.off, s->len);
}

static void test_kvm_08__a_counter_goes_on_in_another_vm(void **state)
{
	struct machine a, b;
	struct snapshot s;

	(void)state;
	NEED_KVM();
	MACHINE_RUNS(&a, counter);
	for (uint32_t n = 1; n <= 3; n++)
		expect_round(&a, n);
	snapshot_take(&s, &a);
	machine_init(&b, 1);
	attach_cpu(&b, 0);
	snapshot_load(&s, &b);
	for (uint32_t n = 4; n <= 6; n++)
		expect_round(&b, n);
	/* Who was saved goes on as well. */
	for (uint32_t n = 4; n <= 6; n++)
		expect_round(&a, n);
	snapshot_free(&s);
	machine_fini(&a);
	machine_fini(&b);
}

/* What is saved, loaded and saved again is the same but for what counts on. */
static void test_kvm_08__all_registers_survive_the_way(void **state)
{
	struct machine a, b;
	struct snapshot s, again;
	struct vmoon_kvm_saved x, y;
	struct vmoon_state_reader r;

	(void)state;
	NEED_KVM();
	MACHINE_RUNS(&a, counter);
	expect_round(&a, 1);
	snapshot_take(&s, &a);
	machine_init(&b, 1);
	attach_cpu(&b, 0);
	snapshot_load(&s, &b);
	snapshot_take(&again, &b);
	assert_int_equal(s.len, again.len);
	r = (struct vmoon_state_reader){
		.buf = s.bytes, .size = s.len, .off = s.vm_len};
	vmoon_kvm_saved_init(&x, vmoon_kvm_vcpu_of(a.cpu[0]));
	assert_ok(vmoon_kvm_saved_get(&x, &r, &a.err), &a.err);
	r = (struct vmoon_state_reader){
		.buf = again.bytes, .size = again.len, .off = again.vm_len};
	vmoon_kvm_saved_init(&y, vmoon_kvm_vcpu_of(b.cpu[0]));
	assert_ok(vmoon_kvm_saved_get(&y, &r, &a.err), &a.err);
	assert_memory_equal(&x.core.regs, &y.core.regs, sizeof(x.core.regs));
	assert_memory_equal(&x.core.sregs, &y.core.sregs, sizeof(x.core.sregs));
	assert_memory_equal(&x.core.xcrs, &y.core.xcrs, sizeof(x.core.xcrs));
	assert_memory_equal(&x.core.debugregs, &y.core.debugregs,
			    sizeof(x.core.debugregs));
	assert_memory_equal(x.xsave, y.xsave, x.xsave_size);
	assert_int_equal(x.cpuid->nent, y.cpuid->nent);
	assert_memory_equal(x.cpuid->entries, y.cpuid->entries,
			    x.cpuid->nent * sizeof(x.cpuid->entries[0]));
	assert_int_equal(x.core.msrs->nmsrs, y.core.msrs->nmsrs);
	vmoon_kvm_saved_fini(&x);
	vmoon_kvm_saved_fini(&y);
	snapshot_free(&again);
	snapshot_free(&s);
	machine_fini(&a);
	machine_fini(&b);
}

static enum vmoon_status try_load(struct machine *m, const struct snapshot *s,
				  size_t len)
{
	struct vmoon_state_reader r = {.buf = s->bytes, .size = len};
	enum vmoon_status st = m->vm->ops->load(m->vm, &r, &m->err);

	return st != VMOON_OK ? st
			      : m->cpu[0]->ops->load(m->cpu[0], &r, &m->err);
}

static void test_kvm_08__a_cut_snapshot_is_refused_and_a_whole_one_works(
	void **state)
{
	struct machine a, b;
	struct snapshot s;

	(void)state;
	NEED_KVM();
	MACHINE_RUNS(&a, counter);
	expect_round(&a, 1);
	snapshot_take(&s, &a);
	machine_init(&b, 1);
	attach_cpu(&b, 0);
	for (size_t len = 0; len < s.len; len += 37)
		assert_int_equal(try_load(&b, &s, len), VMOON_E_IMAGE);
	assert_int_equal(try_load(&b, &s, s.len - 1), VMOON_E_IMAGE);
	snapshot_load(&s, &b);
	expect_round(&b, 2);
	snapshot_free(&s);
	machine_fini(&a);
	machine_fini(&b);
}

static void test_kvm_08__bytes_turned_at_random_never_hang_or_crash(
	void **state)
{
	struct machine a, b;
	struct snapshot s;
	struct vmoon_hv_exit e;
	uint32_t seed = 1;

	(void)state;
	NEED_KVM();
	MACHINE_RUNS(&a, counter);
	expect_round(&a, 1);
	snapshot_take(&s, &a);
	for (int round = 0; round < 20; round++) {
		unsigned char old;
		size_t at;

		seed = seed * 1664525 + 1013904223;
		at = seed % s.len;
		old = s.bytes[at];
		s.bytes[at] ^= (unsigned char)(1u << (seed >> 28 & 7));
		machine_init(&b, 1);
		attach_cpu(&b, 0);
		memcpy(b.ram, s.ram, RAM_SIZE);
		if (try_load(&b, &s, s.len) == VMOON_OK) {
			b.cpu[0]->ops->kick(b.cpu[0]);
			/* Whatever it says: it comes back. */
			VMOON_IGNORE(b.cpu[0]->ops->run(b.cpu[0], &e, &b.err) !=
				     VMOON_OK);
		}
		machine_fini(&b);
		s.bytes[at] = old;
	}
	snapshot_free(&s);
	machine_fini(&a);
}

/* A VM without interrupt chips. */
static int bare_vm(void)
{
	struct vmoon_error err;
	int sys_fd, fd;

	assert_ok(vmoon_kvm_open("/dev/kvm", &sys_fd, &err), &err);
	fd = ioctl(sys_fd, KVM_CREATE_VM, 0);
	assert_true(fd >= 0);
	(void)close(sys_fd);
	return fd;
}

/* The local APIC of a VM whose interrupt chips were not created. */
static void test_kvm_10__a_lapic_before_the_irqchip_is_an_error(void **state)
{
	struct vmoon_kvm_vm vm = {.fd = -1};
	struct vmoon_hv_vcpu *hv = NULL;
	struct machine m;
	struct vmoon_error err;

	(void)state;
	NEED_KVM();
	machine_init(&m, 1);
	vm = *vmoon_kvm_vm_of(m.vm);
	vm.fd = bare_vm();
	assert_int_equal(vmoon_kvm_vcpu_create(&vm.hv, 0, 1, &hv, &err),
			 VMOON_E_SYS);
	assert_int_equal(err.sys, EINVAL);
	assert_string_equal(err.msg, "KVM_GET_LAPIC of vCPU 0: Invalid "
				     "argument");
	assert_null(hv);
	(void)close(vm.fd);
	machine_fini(&m);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_kvm_08__a_counter_goes_on_in_another_vm),
	cmocka_unit_test(test_kvm_08__all_registers_survive_the_way),
	cmocka_unit_test(
		test_kvm_08__a_cut_snapshot_is_refused_and_a_whole_one_works),
	cmocka_unit_test(
		test_kvm_08__bytes_turned_at_random_never_hang_or_crash),
	cmocka_unit_test(test_kvm_10__a_lapic_before_the_irqchip_is_an_error),
};

int main(void)
{
	alarm(HANG_GUARD_S);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
