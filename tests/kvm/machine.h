/* SPDX-License-Identifier: MIT */
/* machine.h - the smallest machine: 2 MiB of RAM and vCPUs, no devices. */
#ifndef VMOON_TESTS_KVM_MACHINE_H
#define VMOON_TESTS_KVM_MACHINE_H

#include "hv.h"
#include "tests/support/fixture.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	RAM_SIZE = 2 << 20,
	CODE_AT = 0x1000,
	STACK_AT = 0x8000,
	AP_AT = 0x9000, /* start-up vector 9 */
	PML4_AT = 0xa000,
	GDT_AT = 0x500,
	IDT_AT = 0x600, /* all gates absent: a fault is a triple fault */
	CPUS_MAX = 2,
	/* A spurious return is allowed; a vCPU that only returns is not. */
	INTR_MAX = 100
};

struct machine {
	struct vmoon_hv_vm *vm;
	struct vmoon_hv_vcpu *cpu[CPUS_MAX];
	unsigned cpu_count;
	unsigned char *ram;
	struct vmoon_hv_exit exit; /* of the last run_cpu() */
	struct vmoon_error err;
};

/* Guest code of a test: GUEST(name, bits, "instructions"). */
#define GUEST(name, bits, code)                                            \
	__asm__(".pushsection .rodata\n"                                   \
		".globl guest_" #name "\n.globl guest_" #name "_end\n"     \
		"guest_" #name ":\n.code" #bits "\n" code "\nguest_" #name \
		"_end:\n.code64\n.popsection\n");                          \
	extern const unsigned char guest_##name[], guest_##name##_end[]

#define LOAD(m, at, name)                     \
	memcpy((m)->ram + (at), guest_##name, \
	       (size_t)(guest_##name##_end - guest_##name))

static inline const char *why_no_kvm(struct vmoon_error *err)
{
	return vmoon_kvm_check(err) == VMOON_OK ? NULL : err->msg;
}

#define NEED_KVM()                                         \
	do {                                               \
		struct vmoon_error kvm_err;                \
		const char *reason = why_no_kvm(&kvm_err); \
		if (reason != NULL)                        \
			SKIP_BECAUSE(reason);              \
	} while (0)

static inline void machine_init(struct machine *m, unsigned cpu_count)
{
	memset(m, 0, sizeof(*m));
	m->cpu_count = cpu_count;
	m->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(m->ram, MAP_FAILED);
	assert_ok(vmoon_kvm_create(NULL, SIGRTMIN + 3, &m->vm, &m->err),
		  &m->err);
	assert_ok(m->vm->ops->map_memory(m->vm, 0, RAM_SIZE, m->ram, &m->err),
		  &m->err);
	for (unsigned i = 0; i < cpu_count; i++)
		assert_ok(m->vm->ops->create_vcpu(m->vm, i, cpu_count,
						  &m->cpu[i], &m->err),
			  &m->err);
}

static inline void machine_fini(struct machine *m)
{
	for (unsigned i = 0; i < m->cpu_count; i++)
		m->cpu[i]->ops->destroy(m->cpu[i]);
	m->vm->ops->destroy(m->vm);
	munmap(m->ram, RAM_SIZE);
}

static inline void attach_cpu(struct machine *m, unsigned i)
{
	assert_ok(m->cpu[i]->ops->attach(m->cpu[i], &m->err), &m->err);
}

static inline void enter_at(struct machine *m, uint64_t rip)
{
	const struct vmoon_x86_entry entry = {.mode = VMOON_X86_PROT32,
					      .rip = rip,
					      .rsp = STACK_AT,
					      .rbx = 0x6000,
					      .gdt_base = GDT_AT,
					      .gdt_limit = 4 * 8 - 1,
					      .idt_base = IDT_AT,
					      .idt_limit = 0x7ff};
	/* null, null, flat 32-bit code, flat data */
	static const uint64_t gdt[4] = {0, 0, 0x00cf9b000000ffff,
					0x00cf93000000ffff};

	memcpy(m->ram + GDT_AT, gdt, sizeof(gdt));

	assert_ok(m->cpu[0]->ops->reset(m->cpu[0], &entry, &m->err), &m->err);
}

/* One CPU, attached to this thread, about to run name. */
#define MACHINE_RUNS(m, name)           \
	do {                            \
		machine_init(m, 1);     \
		attach_cpu(m, 0);       \
		LOAD(m, CODE_AT, name); \
		enter_at(m, CODE_AT);   \
	} while (0)

/* Runs to the next exit that means something. */
static inline struct vmoon_hv_exit *run_cpu(struct machine *m, unsigned i)
{
	for (int turn = 0; turn < INTR_MAX; turn++) {
		assert_ok(m->cpu[i]->ops->run(m->cpu[i], &m->exit, &m->err),
			  &m->err);
		if (m->exit.kind != VMOON_HV_EXIT_INTR)
			return &m->exit;
	}
	fail_msg("%d returns in a row for nothing", INTR_MAX);
	return &m->exit;
}

/* The next exit is `size` bytes of value written to port. */
static inline void expect_out(struct machine *m, uint64_t port, unsigned size,
			      uint32_t value)
{
	const struct vmoon_hv_exit *e = run_cpu(m, 0);
	uint32_t seen = 0;

	if (e->kind == VMOON_HV_EXIT_ERROR)
		fail_msg("%s", e->detail);
	assert_int_equal(e->kind, VMOON_HV_EXIT_PIO);
	assert_true(e->is_write);
	assert_int_equal(e->addr, port);
	assert_int_equal(e->size, size);
	assert_int_equal(e->count, 1);
	memcpy(&seen, e->data, size);
	assert_int_equal(seen, value);
}

/* A guest that hangs must not hang the suite; no test measures time. */
enum { HANG_GUARD_S = 600 };

#endif
