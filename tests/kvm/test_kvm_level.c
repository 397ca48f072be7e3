/* SPDX-License-Identifier: MIT */
/*
 * test_kvm_level.c - a level line beyond those of ISA, raised and ended in both
 * ways that KVM has: KVM_IRQ_LINE, and an irqfd that KVM lowers at the guest's
 * end of interrupt. Prints what a round costs; no verdict depends on that.
 */
#include "machine.h"

#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 16, VECTOR = 0x40, HANDLER_AT = 0x2000, ROUNDS = 2000 };

#define EOI "movl $0, 0xfee000b0\n"

/* Local APIC on, IOAPIC pin 16 to vector 0x40 as a level; then wait. */
GUEST(wait, 32,
      "movl $0x1ff, 0xfee000f0\n"
      "movl $0x31, 0xfec00000; movl $0, 0xfec00010\n"
      "movl $0x30, 0xfec00000; movl $0x8040, 0xfec00010\n"
      "outb %al, $0x80; sti; 1: hlt; jmp 1b");
/* Says that it began, ends the interrupt, says that, and waits. */
GUEST(handler, 32,
      "outb %al, $0x81\n" EOI "outb %al, $0x82\n"
      "addl $12, %esp; sti; 1: hlt; jmp 1b");

/* How a line is raised and lowered, and what the guest's end brings. */
struct way {
	void (*raise)(struct machine *m, const struct way *way);
	void (*lower)(struct machine *m, const struct way *way);
	int trigger_fd, ended_fd; /* of an irqfd */
};

static void raise_by_call(struct machine *m, const struct way *way)
{
	(void)way;
	assert_int_equal(m->vm->ops->set_irq(m->vm, LINE, true), VMOON_OK);
}

static void lower_by_call(struct machine *m, const struct way *way)
{
	(void)way;
	assert_int_equal(m->vm->ops->set_irq(m->vm, LINE, false), VMOON_OK);
}

static void raise_by_fd(struct machine *m, const struct way *way)
{
	const uint64_t one = 1;

	(void)m;
	assert_int_equal(write(way->trigger_fd, &one, sizeof(one)),
			 sizeof(one));
}

static void lower_by_itself(struct machine *m, const struct way *way)
{
	(void)m;
	(void)way;
}

static void start(struct machine *m)
{
	const uint64_t gate =
		(HANDLER_AT & 0xffff) | 0x10 << 16 | UINT64_C(0x8e00) << 32;

	MACHINE_RUNS(m, wait);
	LOAD(m, HANDLER_AT, handler);
	memcpy(m->ram + IDT_AT + VECTOR * 8, &gate, sizeof(gate));
	assert_int_equal(run_cpu(m, 0)->addr, 0x80);
}

static void start_by_fd(struct machine *m, struct way *way)
{
	start(m);
	way->raise = raise_by_fd;
	way->lower = lower_by_itself;
	way->trigger_fd = eventfd(0, EFD_CLOEXEC);
	way->ended_fd = eventfd(0, EFD_CLOEXEC);
	assert_true(way->trigger_fd >= 0 && way->ended_fd >= 0);
	assert_ok(m->vm->ops->add_irqfd(m->vm, LINE, way->trigger_fd,
					way->ended_fd, &m->err),
		  &m->err);
}

static void end_by_fd(struct machine *m, const struct way *way)
{
	machine_fini(m);
	close(way->trigger_fd);
	close(way->ended_fd);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void round_of(struct machine *m, const struct way *way)
{
	way->raise(m, way);
	assert_int_equal(run_cpu(m, 0)->addr, 0x81);
	way->lower(m, way);
	assert_int_equal(run_cpu(m, 0)->addr, 0x82);
}

static void run_rounds(struct machine *m, const struct way *way,
		       const char *name)
{
	const uint64_t from = now_ns();

	for (int i = 0; i < ROUNDS; i++)
		round_of(m, way);
	print_message("%s: %llu ns a round\n", name,
		      (unsigned long long)((now_ns() - from) / ROUNDS));
}

static void test_kvm__a_called_line_interrupts_at_each_raise(void **s)
{
	const struct way way = {raise_by_call, lower_by_call, -1, -1};
	struct machine m;

	(void)s;
	NEED_KVM();
	start(&m);
	run_rounds(&m, &way, "KVM_IRQ_LINE, twice");
	machine_fini(&m);
}

/* As whoever has to raise it again: in a thread of its own. */
static void *hear_ends(void *ctx)
{
	const int fd = ((const struct way *)ctx)->ended_fd;
	uint64_t n, heard = 0;

	while (heard < ROUNDS && read(fd, &n, sizeof(n)) > 0)
		heard += n;
	return NULL;
}

static void test_kvm__an_ending_line_tells_of_each_end(void **s)
{
	struct way way;
	struct machine m;
	pthread_t t;

	(void)s;
	NEED_KVM();
	start_by_fd(&m, &way);
	assert_int_equal(pthread_create(&t, NULL, hear_ends, &way), 0);
	run_rounds(&m, &way, "irqfd that is resampled");
	assert_int_equal(pthread_join(t, NULL), 0);
	end_by_fd(&m, &way);
}

/* A device that still asserts when the guest ends the interrupt. */
static void test_kvm__a_line_raised_at_its_end_interrupts_again(void **s)
{
	struct way way;
	struct machine m;
	uint64_t n;

	(void)s;
	NEED_KVM();
	start_by_fd(&m, &way);
	for (int i = 0; i < 10; i++) {
		round_of(&m, &way);
		assert_int_equal(read(way.ended_fd, &n, sizeof(n)), sizeof(n));
		assert_int_equal(n, 1);
	}
	end_by_fd(&m, &way);
}

/* Nobody lowers it for the guest: what was called stays up. */
static void test_kvm__a_called_line_that_stays_up_interrupts_again(void **s)
{
	struct machine m;

	(void)s;
	NEED_KVM();
	start(&m);
	raise_by_call(&m, NULL);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(run_cpu(&m, 0)->addr, 0x81);
		assert_int_equal(run_cpu(&m, 0)->addr, 0x82);
	}
	machine_fini(&m);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_kvm__a_called_line_interrupts_at_each_raise),
	cmocka_unit_test(test_kvm__an_ending_line_tells_of_each_end),
	cmocka_unit_test(test_kvm__a_line_raised_at_its_end_interrupts_again),
	cmocka_unit_test(
		test_kvm__a_called_line_that_stays_up_interrupts_again),
};

int main(void)
{
	alarm(HANG_GUARD_S);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
