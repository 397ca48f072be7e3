/* SPDX-License-Identifier: MIT */
/* test_kvm_reset.c - power-on state, interrupt wiring, refused requests. */
#include "machine.h"

#include <errno.h>
#include <unistd.h>

/* What the second guest of a test prints, one 32-bit value after another. */
static void expect_words(struct machine *m, const uint32_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect_out(m, 0x84, 4, words[i]);
}

/* ---- power-on state ---- */

GUEST(entry_state, 32,
      "movl %ebx, %eax; outl %eax, $0x84\n"
      "movl %cs, %eax; outl %eax, $0x84; movl %ds, %eax; outl %eax, $0x84\n"
      "movl %cr0, %eax; outl %eax, $0x84\n"
      "movl %cr4, %eax; outl %eax, $0x84\n"
      "pushfl; popl %eax; outl %eax, $0x84\n"
      "movl $0xc0000080, %ecx; rdmsr; outl %eax, $0x84\n"
      "movl $0x2ff, %ecx; rdmsr; outl %eax, $0x84\n");

static void test_kvm__the_pvh_entry_finds_flat_segments_and_no_paging(void **s)
{
	static const uint32_t words[] = {0x6000, 0x10, 0x18, 0x31,
					 0,      2,    0,    0x806};
	struct machine m;

	(void)s;
	NEED_KVM();
	MACHINE_RUNS(&m, entry_state);
	expect_words(&m, words, VMOON_COUNTOF(words));
	machine_fini(&m);
}

/* Software-paged KVM emulates FXSAVE and FXRSTOR, but hardly other FPU code. */
GUEST(make_dirty, 32,
      "xorl %edx, %edx; movl $0x12345678, %eax; movl %eax, %ebp\n"
      "movl $0xc0000082, %ecx; wrmsr\n" /* LSTAR */
      "movl $0x2ff, %ecx; movl $0xc00, %eax; wrmsr\n"
      "movl $0x174, %ecx; movl $0x99, %eax; wrmsr\n" /* SYSENTER_CS */
      "movl $0x5000, %eax; movl %eax, %dr0\n"
      "movl $0x600, %eax; movl %eax, %cr4\n" /* OSFXSR */
      "fxrstor 0x3000\n"
      "movb $0xff, %al; outb %al, $0x21; outb %al, $0xa1\n" /* PIC masks */
      "movl $0x1ff, 0xfee000f0\n"                           /* LAPIC on */
      "movl $0x20, 0xfee00080\n"                            /* TPR */
      "movl $1, %eax; outl %eax, $0x84; 1: jmp 1b\n");

GUEST(show, 32,
      "movl %ebp, %eax; outl %eax, $0x84\n"
      "movl $0xc0000082, %ecx; rdmsr; outl %eax, $0x84\n"
      "movl $0x2ff, %ecx; rdmsr; outl %eax, $0x84\n"
      "movl $0x174, %ecx; rdmsr; outl %eax, $0x84\n"
      "movl %dr0, %eax; outl %eax, $0x84\n"
      "movl %cr4, %eax; outl %eax, $0x84\n"
      "movl 0xfee000f0, %eax; outl %eax, $0x84\n"
      "movl 0xfee00350, %eax; outl %eax, $0x84\n"
      "movl 0xfee00080, %eax; outl %eax, $0x84\n"
      "xorl %eax, %eax; inb $0x21, %al; outl %eax, $0x84\n"
      "movl $0x600, %eax; movl %eax, %cr4\n"
      "fxsave 0x3000; outl %eax, $0x84\n");

enum { FXSAVE_AT = 0x3000, FXSAVE_MXCSR = 24, FXSAVE_XMM3 = 160 + 3 * 16 };

static void put_fpu(struct machine *m, uint16_t fcw, uint32_t mxcsr,
		    uint32_t xmm3)
{
	memset(m->ram + FXSAVE_AT, 0, 512);
	memcpy(m->ram + FXSAVE_AT, &fcw, sizeof(fcw));
	memcpy(m->ram + FXSAVE_AT + FXSAVE_MXCSR, &mxcsr, sizeof(mxcsr));
	memcpy(m->ram + FXSAVE_AT + FXSAVE_XMM3, &xmm3, sizeof(xmm3));
}

static void expect_power_on(struct machine *m)
{
	static const uint32_t words[] = {STACK_AT, 0,     0x806, 0, 0,    0,
					 0xff,     0x700, 0,     0, 0x600};
	uint16_t fcw;
	uint32_t mxcsr, xmm3;

	put_fpu(m, 0xffff, 0xffff, 0xffff);
	expect_words(m, words, VMOON_COUNTOF(words));
	memcpy(&fcw, m->ram + FXSAVE_AT, sizeof(fcw));
	memcpy(&mxcsr, m->ram + FXSAVE_AT + FXSAVE_MXCSR, sizeof(mxcsr));
	memcpy(&xmm3, m->ram + FXSAVE_AT + FXSAVE_XMM3, sizeof(xmm3));
	assert_int_equal(fcw, 0x37f);
	assert_int_equal(mxcsr, 0x1f80);
	assert_int_equal(xmm3, 0);
}

static void test_kvm__a_reset_brings_back_the_whole_power_on_state(void **s)
{
	struct machine m;

	(void)s;
	NEED_KVM();
	MACHINE_RUNS(&m, show);
	expect_power_on(&m);
	LOAD(&m, CODE_AT, make_dirty);
	put_fpu(&m, 0x27f, 0x1fa0, 0x66666666);
	enter_at(&m, CODE_AT);
	expect_out(&m, 0x84, 4, 1);
	LOAD(&m, CODE_AT, show);
	assert_ok(m.vm->ops->reset(m.vm, &m.err), &m.err);
	enter_at(&m, CODE_AT);
	expect_power_on(&m);
	machine_fini(&m);
}

/* The clock's page of KVM's own guests: MSR 0x4b564d01, address + 1. */
GUEST(clock_on, 32,
      "movl $0x4b564d01, %ecx; movl $0x6001, %eax; xorl %edx, %edx; wrmsr\n"
      "outb %al, $0x80; outb %al, $0x80\n");
GUEST(idle, 32, "movl $1000, %ecx; 1: loop 1b; outb %al, $0x80; 2: jmp 2b");

static void test_kvm__after_a_reset_the_host_writes_no_guest_memory(void **s)
{
	unsigned char zero[64] = {0};
	struct machine m;

	(void)s;
	NEED_KVM();
	MACHINE_RUNS(&m, clock_on);
	expect_out(&m, 0x80, 1, 1);
	expect_out(&m, 0x80, 1, 1);
	assert_memory_not_equal(m.ram + 0x6000, zero, 32);
	assert_ok(m.vm->ops->reset(m.vm, &m.err), &m.err);
	enter_at(&m, CODE_AT);
	memset(m.ram + 0x6000, 0, sizeof(zero));
	LOAD(&m, CODE_AT, idle);
	for (int i = 0; i < 3; i++) {
		expect_out(&m, 0x80, 1, 0);
		enter_at(&m, CODE_AT);
	}
	assert_memory_equal(m.ram + 0x6000, zero, sizeof(zero));
	machine_fini(&m);
}

GUEST(read_port, 32, "inl $0x70, %eax; 1: jmp 1b");
GUEST(read_string, 32,
      "movl $0x4000, %edi; movl $5000, %ecx; movw $0x70, %dx; rep insl");
GUEST(read_memory, 32, "movl 0xd0000000, %eax; 1: jmp 1b");
GUEST(write_string, 32,
      "movl $0x1000, %esi; movl $0xd0000000, %edi; movl $3000, %ecx\n"
      "rep movsl");
GUEST(show_regs, 32,
      "outl %eax, $0x84; movl %ecx, %eax; outl %eax, $0x84\n"
      "movl %edi, %eax; outl %eax, $0x84\n");

/* An access is left open; KVM must not complete it in the next life. */
static void reset_during(const unsigned char *code, size_t len)
{
	static const uint32_t words[] = {0, 0, 0};
	struct machine m;
	const struct vmoon_hv_exit *e;

	machine_init(&m, 1);
	attach_cpu(&m, 0);
	memcpy(m.ram + CODE_AT, code, len);
	enter_at(&m, CODE_AT);
	e = run_cpu(&m, 0);
	assert_true(e->kind == VMOON_HV_EXIT_PIO ||
		    e->kind == VMOON_HV_EXIT_MMIO);
	memset(e->data, 0x5a, (size_t)e->size * e->count);
	assert_ok(m.vm->ops->reset(m.vm, &m.err), &m.err);
	enter_at(&m, CODE_AT);
	LOAD(&m, CODE_AT, show_regs);
	expect_words(&m, words, VMOON_COUNTOF(words));
	machine_fini(&m);
}

#define RESET_DURING(name) \
	reset_during(guest_##name, (size_t)(guest_##name##_end - guest_##name))

static void test_kvm__a_reset_forgets_the_access_it_interrupts(void **s)
{
	(void)s;
	NEED_KVM();
	RESET_DURING(read_port);
	RESET_DURING(read_string);
	RESET_DURING(read_memory);
	RESET_DURING(write_string);
}

/* ---- interrupts ---- */

static void set_gate(struct machine *m, unsigned vector, uint32_t handler)
{
	const uint64_t gate = (uint64_t)(handler & 0xffff) | 0x10 << 16 |
			      UINT64_C(0x8e00) << 32 |
			      (uint64_t)(handler & 0xffff0000) << 32;

	memcpy(m->ram + IDT_AT + vector * 8, &gate, sizeof(gate));
}

/* 8259: vectors from 0x20, only IRQ 4 open; then wait. */
GUEST(pic, 32,
      "movb $0x11, %al; outb %al, $0x20; movb $0x20, %al; outb %al, $0x21\n"
      "movb $4, %al; outb %al, $0x21; movb $1, %al; outb %al, $0x21\n"
      "movb $0xef, %al; outb %al, $0x21\n"
      "outb %al, $0x80; sti; 1: hlt; jmp 1b");
GUEST(handler, 32, "movb $0x99, %al; outb %al, $0x81; 1: jmp 1b");

static void test_kvm__a_line_reaches_the_guest_through_the_pic(void **s)
{
	struct machine m;

	(void)s;
	NEED_KVM();
	MACHINE_RUNS(&m, pic);
	LOAD(&m, 0x2000, handler);
	set_gate(&m, 0x24, 0x2000);
	expect_out(&m, 0x80, 1, 0xef);
	assert_int_equal(m.vm->ops->set_irq(m.vm, 4, true), VMOON_OK);
	expect_out(&m, 0x81, 1, 0x99);
	/* A line that was high is low after a reset. */
	assert_ok(m.vm->ops->reset(m.vm, &m.err), &m.err);
	LOAD(&m, CODE_AT, pic);
	enter_at(&m, CODE_AT);
	expect_out(&m, 0x80, 1, 0xef);
	assert_int_equal(m.vm->ops->set_irq(m.vm, 4, true), VMOON_OK);
	expect_out(&m, 0x81, 1, 0x99);
	machine_fini(&m);
}

/* PIC masked, IOAPIC pin 2 to vector 0x40, then the PIT's channel 0 as rate
 * generator. */
GUEST(timer, 32,
      "movb $0xff, %al; outb %al, $0x21; outb %al, $0xa1\n"
      "movl $0x1ff, 0xfee000f0\n"
      "movl $0x14, 0xfec00000; movl $0x40, 0xfec00010\n"
      "movl $0x15, 0xfec00000; movl $0, 0xfec00010\n"
      "movb $0x34, %al; outb %al, $0x43\n"
      "movb $0, %al; outb %al, $0x40; movb $0x40, %al; outb %al, $0x40\n"
      "sti; 1: hlt; jmp 1b");

static void test_kvm__the_timer_is_on_ioapic_pin_2_as_the_madt_says(void **s)
{
	struct machine m;

	(void)s;
	NEED_KVM();
	MACHINE_RUNS(&m, timer);
	LOAD(&m, 0x2000, handler);
	set_gate(&m, 0x40, 0x2000);
	expect_out(&m, 0x81, 1, 0x99);
	machine_fini(&m);
}

static void test_kvm__a_line_beyond_the_ioapic_is_refused(void **s)
{
	struct machine m;

	(void)s;
	NEED_KVM();
	machine_init(&m, 1);
	assert_int_equal(m.vm->ops->set_irq(m.vm, VMOON_GSI_COUNT - 1, true),
			 VMOON_OK);
	assert_int_equal(m.vm->ops->set_irq(m.vm, VMOON_GSI_COUNT, true),
			 VMOON_E_INVAL);
	assert_int_equal(m.vm->ops->set_irq(m.vm, UINT32_MAX, true),
			 VMOON_E_INVAL);
	machine_fini(&m);
}

/* ---- what is refused ---- */

static void test_kvm_02__an_impossible_vcpu_number_is_refused(void **s)
{
	static const unsigned bad[][2] = {
		{1, 1}, {0, 0}, {0, 65}, {65537, 65538}};
	struct vmoon_hv_vcpu *cpu = NULL;
	struct machine m;

	(void)s;
	NEED_KVM();
	machine_init(&m, 1);
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++)
		assert_int_equal(m.vm->ops->create_vcpu(m.vm, bad[i][0],
							bad[i][1], &cpu,
							&m.err),
				 VMOON_E_INVAL);
	/* Twice the same one: KVM's own refusal comes through. */
	assert_int_equal(m.vm->ops->create_vcpu(m.vm, 0, 1, &cpu, &m.err),
			 VMOON_E_SYS);
	assert_int_equal(m.err.sys, EEXIST);
	assert_null(cpu);
	machine_fini(&m);
}

static void test_kvm__a_signal_that_cannot_wake_is_refused(void **s)
{
	static const int bad[] = {0, -1, SIGKILL, SIGSTOP, 32, 1000};
	struct vmoon_hv_vm *vm = NULL;
	struct vmoon_error err;

	(void)s;
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++)
		assert_int_equal(vmoon_kvm_create(NULL, bad[i], &vm, &err),
				 VMOON_E_INVAL);
	assert_null(vm);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(
		test_kvm__the_pvh_entry_finds_flat_segments_and_no_paging),
	cmocka_unit_test(
		test_kvm__a_reset_brings_back_the_whole_power_on_state),
	cmocka_unit_test(
		test_kvm__after_a_reset_the_host_writes_no_guest_memory),
	cmocka_unit_test(test_kvm__a_reset_forgets_the_access_it_interrupts),
	cmocka_unit_test(test_kvm__a_line_reaches_the_guest_through_the_pic),
	cmocka_unit_test(
		test_kvm__the_timer_is_on_ioapic_pin_2_as_the_madt_says),
	cmocka_unit_test(test_kvm__a_line_beyond_the_ioapic_is_refused),
	cmocka_unit_test(test_kvm_02__an_impossible_vcpu_number_is_refused),
	cmocka_unit_test(test_kvm__a_signal_that_cannot_wake_is_refused),
};

int main(void)
{
	alarm(HANG_GUARD_S);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
