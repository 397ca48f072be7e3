/* SPDX-License-Identifier: MIT */
/* test_kvm.c - what a guest does comes out as exits, on any KVM. */
#include "machine.h"

#include <unistd.h>

/* ---- exits ---- */

GUEST(pio, 32,
      "movb $0x41, %al; outb %al, $0x80\n"
      "movw $0x1234, %ax; outw %ax, $0x82\n"
      "movl $0xdeadbeef, %eax; outl %eax, $0x84\n"
      "movw $0x3f8, %dx; inb %dx, %al; outl %eax, $0x84\n"
      "inw %dx, %ax; outl %eax, $0x84\n"
      "inl %dx, %eax; outl %eax, $0x84\n");

static void answer(struct machine *m, unsigned size, uint32_t value)
{
	const struct vmoon_hv_exit *e = run_cpu(m, 0);

	assert_int_equal(e->kind, VMOON_HV_EXIT_PIO);
	assert_false(e->is_write);
	assert_int_equal(e->addr, 0x3f8);
	assert_int_equal(e->size, size);
	memcpy(e->data, &value, size);
}

static void test_kvm_04__port_accesses_of_each_width_keep_their_value(void **s)
{
	struct machine m;

	(void)s;
	NEED_KVM();
	MACHINE_RUNS(&m, pio);
	expect_out(&m, 0x80, 1, 0x41);
	expect_out(&m, 0x82, 2, 0x1234);
	expect_out(&m, 0x84, 4, 0xdeadbeef);
	answer(&m, 1, 0x11);
	expect_out(&m, 0x84, 4, 0xdeadbe11);
	answer(&m, 2, 0x2222);
	expect_out(&m, 0x84, 4, 0xdead2222);
	answer(&m, 4, 0x33333333);
	expect_out(&m, 0x84, 4, 0x33333333);
	machine_fini(&m);
}

GUEST(outs, 32,
      "9: movl $0x1000 + text - 9b, %esi\n"
      "movl $12, %ecx; movw $0x3f8, %dx; cld; rep outsb\n"
      "movl $3, %ecx; movl $0x3000, %esi; rep outsl\n"
      "outb %al, $0x80\n"
      "text: .ascii \"hello, world\"\n");

/* Collects a string write until the port changes; KVM decides the batches. */
static size_t collect(struct machine *m, unsigned size, unsigned char *buf,
		      size_t cap)
{
	size_t used = 0;

	for (;;) {
		const struct vmoon_hv_exit *e = run_cpu(m, 0);
		const size_t len = (size_t)e->size * e->count;

		assert_int_equal(e->kind, VMOON_HV_EXIT_PIO);
		assert_true(e->is_write);
		if (e->addr == 0x80)
			return used;
		assert_int_equal(e->addr, 0x3f8);
		assert_true(size == 0 || e->size == size);
		assert_true(len > 0 && len <= cap - used);
		memcpy(buf + used, e->data, len);
		used += len;
	}
}

static void test_kvm_04__string_writes_arrive_in_order_and_complete(void **s)
{
	const uint32_t words[3] = {0x11111111, 0x22222222, 0x33333333};
	unsigned char seen[64];
	struct machine m;

	(void)s;
	NEED_KVM();
	machine_init(&m, 1);
	attach_cpu(&m, 0);
	LOAD(&m, CODE_AT, outs);
	memcpy(m.ram + 0x3000, words, sizeof(words));
	enter_at(&m, CODE_AT);
	assert_int_equal(collect(&m, 0, seen, sizeof(seen)), 12 + 12);
	assert_memory_equal(seen, "hello, world", 12);
	assert_memory_equal(seen + 12, words, sizeof(words));
	machine_fini(&m);
}

GUEST(ins, 32,
      "movl $0x4000, %edi; movl $2000, %ecx; movw $0x3f8, %dx; cld\n"
      "rep insb\n"
      "outb %al, $0x80\n");

static void test_kvm_04__a_string_read_fills_guest_memory(void **s)
{
	struct machine m;
	unsigned given = 0;

	(void)s;
	NEED_KVM();
	MACHINE_RUNS(&m, ins);
	for (;;) {
		const struct vmoon_hv_exit *e = run_cpu(&m, 0);

		assert_int_equal(e->kind, VMOON_HV_EXIT_PIO);
		if (e->is_write)
			break;
		assert_int_equal(e->size, 1);
		for (uint32_t i = 0; i < e->count; i++)
			e->data[i] = (unsigned char)(given++ * 7);
	}
	assert_int_equal(given, 2000);
	for (unsigned i = 0; i < given; i++)
		assert_int_equal(m.ram[0x4000 + i], (unsigned char)(i * 7));
	machine_fini(&m);
}

/* 8 bytes need MMX or long mode: see the LONG64 test. */
GUEST(mmio, 32,
      "movl $0xd0000000, %ebx; xorl %eax, %eax\n"
      "movb (%ebx), %al; outl %eax, $0x84\n"
      "movw 2(%ebx), %ax; outl %eax, $0x84\n"
      "movl 4(%ebx), %eax; outl %eax, $0x84\n"
      "movb $0x55, 8(%ebx); movw $0x6666, 10(%ebx)\n"
      "movl $0x77777777, 12(%ebx)\n");

static void expect_mmio(struct machine *m, uint64_t addr, unsigned size,
			bool is_write, uint64_t value)
{
	const struct vmoon_hv_exit *e = run_cpu(m, 0);

	assert_int_equal(e->kind, VMOON_HV_EXIT_MMIO);
	assert_int_equal(e->addr, addr);
	assert_int_equal(e->size, size);
	assert_int_equal(e->count, 1);
	assert_int_equal(e->is_write, is_write);
	if (is_write)
		assert_memory_equal(e->data, &value, size);
	else
		memcpy(e->data, &value, size);
}

static void test_kvm_05__memory_mapped_accesses_fill_their_size(void **s)
{
	struct machine m;

	(void)s;
	NEED_KVM();
	MACHINE_RUNS(&m, mmio);
	expect_mmio(&m, 0xd0000000, 1, false, UINT64_MAX);
	expect_out(&m, 0x84, 4, 0xff);
	expect_mmio(&m, 0xd0000002, 2, false, UINT64_MAX);
	expect_out(&m, 0x84, 4, 0xffff);
	expect_mmio(&m, 0xd0000004, 4, false, 0x12345678);
	expect_out(&m, 0x84, 4, 0x12345678);
	expect_mmio(&m, 0xd0000008, 1, true, 0x55);
	expect_mmio(&m, 0xd000000a, 2, true, 0x6666);
	expect_mmio(&m, 0xd000000c, 4, true, 0x77777777);
	machine_fini(&m);
}

GUEST(long64, 64,
      "movl $0x8000000, %ebx; movq (%rbx), %rax\n"
      "rolq $32, %rax; outl %eax, $0x84\n"
      "movq %rax, 8(%rbx)\n"
      "movl %esi, %eax; outl %eax, $0x84\n"
      "movl %esp, %eax; outl %eax, $0x84\n"
      "movl %cs, %eax; outl %eax, $0x84\n"
      "movl %ds, %eax; outl %eax, $0x84\n"
      "str %eax; outl %eax, $0x84\n");

static void enter_long_mode(struct machine *m)
{
	static const uint64_t gdt[4] = {0, 0, 0x00af9b000000ffff,
					0x00cf93000000ffff};
	const struct vmoon_x86_entry entry = {.mode = VMOON_X86_LONG64,
					      .rip = CODE_AT,
					      .rsp = STACK_AT,
					      .rsi = 0x7000,
					      .cr3 = PML4_AT,
					      .gdt_base = GDT_AT,
					      .gdt_limit = sizeof(gdt) - 1};
	const uint64_t pml4 = PML4_AT + 0x1003, pdpt = PML4_AT + 0x2003;

	memcpy(m->ram + GDT_AT, gdt, sizeof(gdt));
	memcpy(m->ram + PML4_AT, &pml4, 8);
	memcpy(m->ram + PML4_AT + 0x1000, &pdpt, 8);
	for (uint64_t i = 0; i < 512; i++) {
		const uint64_t pde = i << 21 | 0x83;

		memcpy(m->ram + PML4_AT + 0x2000 + i * 8, &pde, 8);
	}
	assert_ok(m->cpu[0]->ops->reset(m->cpu[0], &entry, &m->err), &m->err);
}

static void test_kvm_05__long_mode_is_entered_and_has_8_byte_accesses(void **s)
{
	struct machine m;

	(void)s;
	NEED_KVM();
	machine_init(&m, 1);
	attach_cpu(&m, 0);
	LOAD(&m, CODE_AT, long64);
	enter_long_mode(&m);
	expect_mmio(&m, 0x8000000, 8, false, UINT64_C(0x1122334455667788));
	expect_out(&m, 0x84, 4, 0x11223344);
	expect_mmio(&m, 0x8000008, 8, true, UINT64_C(0x5566778811223344));
	expect_out(&m, 0x84, 4, 0x7000);
	expect_out(&m, 0x84, 4, STACK_AT);
	expect_out(&m, 0x84, 4, 0x10);
	expect_out(&m, 0x84, 4, 0x18);
	expect_out(&m, 0x84, 4, 0x20);
	machine_fini(&m);
}

GUEST(page_border, 32,
      "movl $0xd0000ffd, %ebx; movl (%ebx), %eax; outl %eax, $0x84\n");

/* 3 bytes belong to one page, 1 to the next: only the latter is an access. */
static void test_kvm_05__an_access_of_three_bytes_reads_all_ones(void **s)
{
	struct machine m;
	struct vmoon_hv_exit *e;

	(void)s;
	NEED_KVM();
	MACHINE_RUNS(&m, page_border);
	e = run_cpu(&m, 0);
	if (e->kind == VMOON_HV_EXIT_MMIO) {
		assert_int_equal(e->addr, 0xd0001000);
		assert_int_equal(e->size, 1);
		e->data[0] = 0x12;
	}
	expect_out(&m, 0x84, 4, 0x12ffffff);
	machine_fini(&m);
}

GUEST(triple_fault, 32, "ud2");

static void test_kvm_06__a_triple_fault_is_a_shutdown(void **s)
{
	struct machine m;

	(void)s;
	NEED_KVM();
	MACHINE_RUNS(&m, triple_fault);
	assert_int_equal(run_cpu(&m, 0)->kind, VMOON_HV_EXIT_SHUTDOWN);
	assert_string_equal(m.exit.detail, "vCPU 0: triple fault");
	enter_at(&m, CODE_AT);
	assert_int_equal(run_cpu(&m, 0)->kind, VMOON_HV_EXIT_SHUTDOWN);
	machine_fini(&m);
}

static void test_kvm_07__a_kick_completes_the_pending_access_first(void **s)
{
	struct machine m;
	uint32_t value = 0x5a5a5a5a;

	(void)s;
	NEED_KVM();
	MACHINE_RUNS(&m, ins);
	assert_int_equal(run_cpu(&m, 0)->kind, VMOON_HV_EXIT_PIO);
	memcpy(m.exit.data, &value, 1);
	m.cpu[0]->ops->kick(m.cpu[0]);
	/* A longer string may ask for more before it gives way. */
	for (int i = 0; m.exit.kind != VMOON_HV_EXIT_INTR; i++) {
		assert_true(i < 2000);
		assert_ok(m.cpu[0]->ops->run(m.cpu[0], &m.exit, &m.err),
			  &m.err);
	}
	assert_int_equal(m.ram[0x4000], 0x5a);
	machine_fini(&m);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(
		test_kvm_04__port_accesses_of_each_width_keep_their_value),
	cmocka_unit_test(
		test_kvm_04__string_writes_arrive_in_order_and_complete),
	cmocka_unit_test(test_kvm_04__a_string_read_fills_guest_memory),
	cmocka_unit_test(test_kvm_05__memory_mapped_accesses_fill_their_size),
	cmocka_unit_test(
		test_kvm_05__long_mode_is_entered_and_has_8_byte_accesses),
	cmocka_unit_test(test_kvm_05__an_access_of_three_bytes_reads_all_ones),
	cmocka_unit_test(test_kvm_06__a_triple_fault_is_a_shutdown),
	cmocka_unit_test(
		test_kvm_07__a_kick_completes_the_pending_access_first),
};

int main(void)
{
	alarm(HANG_GUARD_S);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
