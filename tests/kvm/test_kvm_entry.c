/* SPDX-License-Identifier: MIT */
/* test_kvm_entry.c - how the boot processor enters the guest, mode by mode. */
#include "machine.h"

GUEST(real16, 16,
      "here: movw %cs, %ax; outw %ax, $0x84\n"
      "call 1f\n1: popw %ax; outw %ax, $0x84\n"
      "movw %ds, %ax; outw %ax, $0x84\n"
      "movw %ss, %ax; outw %ax, $0x84\n"
      "movw %sp, %ax; outw %ax, $0x84\n"
      "movl %cr0, %eax; outl %eax, $0x84\n"
      "pushfl; popl %eax; outl %eax, $0x84\n"
      "int $0x20; outw %ax, $0x84\n");
/* The handler that the vector table at address 0 names. */
GUEST(vector, 16, "movw $0x1234, %ax; iretw\n");

static void enter_real(struct machine *m, uint16_t cs, uint16_t ip)
{
	const struct vmoon_x86_entry entry = {
		.mode = VMOON_X86_REAL16, .cs = cs, .rip = ip, .rsp = 0x8ff0};
	const uint32_t vector = AP_AT << 12; /* AP_AT / 16 : 0 */

	memcpy(m->ram + 0x20 * 4, &vector, sizeof(vector));
	LOAD(m, AP_AT, vector);
	LOAD(m, (uint64_t)cs * 16 + ip, real16);
	assert_ok(m->cpu[0]->ops->reset(m->cpu[0], &entry, &m->err), &m->err);
}

static void expect_real(struct machine *m, uint16_t cs, uint16_t ip)
{
	expect_out(m, 0x84, 2, cs);
	expect_out(m, 0x84, 2, ip + 7u);
	expect_out(m, 0x84, 2, 0);
	expect_out(m, 0x84, 2, 0);
	expect_out(m, 0x84, 2, 0x8ff0);
	expect_out(m, 0x84, 4, 0x10); /* only what is always set */
	expect_out(m, 0x84, 4, 2);
	expect_out(m, 0x84, 2, 0x1234);
}

static void test_kvm_05__real_mode_begins_at_its_segment(void **s)
{
	static const uint16_t at[][2] = {
		{0, 0x7c00}, {0x7c0, 0}, {0x1234, 0x5678}, {0xf000, 0xff00}};
	struct machine m;

	(void)s;
	NEED_KVM();
	machine_init(&m, 1);
	attach_cpu(&m, 0);
	/* The second and later ones come from wherever the last one was. */
	for (size_t i = 0; i < VMOON_COUNTOF(at); i++) {
		enter_real(&m, at[i][0], at[i][1]);
		expect_real(&m, at[i][0], at[i][1]);
	}
	machine_fini(&m);
}

GUEST(prot32, 32,
      "outl %eax, $0x84; movl %ebx, %eax; outl %eax, $0x84\n"
      "pushfl; popl %eax; outl %eax, $0x84\n"
      "movl %cr0, %eax; outl %eax, $0x84\n");

static void test_kvm_05__protected_mode_has_its_magic_after_real_mode(void **s)
{
	const struct vmoon_x86_entry entry = {.mode = VMOON_X86_PROT32,
					      .rip = CODE_AT,
					      .rsp = STACK_AT,
					      .rax = 0x2badb002,
					      .rbx = 0x6000,
					      .gdt_base = GDT_AT,
					      .gdt_limit = 4 * 8 - 1};
	struct machine m;

	(void)s;
	NEED_KVM();
	machine_init(&m, 1);
	attach_cpu(&m, 0);
	enter_real(&m, 0, 0x7c00);
	expect_out(&m, 0x84, 2, 0);
	LOAD(&m, CODE_AT, prot32);
	assert_ok(m.cpu[0]->ops->reset(m.cpu[0], &entry, &m.err), &m.err);
	expect_out(&m, 0x84, 4, 0x2badb002);
	expect_out(&m, 0x84, 4, 0x6000);
	expect_out(&m, 0x84, 4, 2);
	expect_out(&m, 0x84, 4, 0x31);
	machine_fini(&m);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kvm_05__real_mode_begins_at_its_segment),
		cmocka_unit_test(
			test_kvm_05__protected_mode_has_its_magic_after_real_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
