/* SPDX-License-Identifier: MIT */
/* test_kvm_eventfd.c - descriptors in the place of exits and of lines. */
#include "machine.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ---- ioeventfd ---- */

GUEST(kicks, 32,
      "movw $7, %ax; movw $0x700, %dx; outw %ax, %dx\n"
      "movb $8, %al; outb %al, %dx\n"
      "movw $8, %ax; outw %ax, %dx\n"
      "movl $0xd0000000, %ebx; movl $5, (%ebx); movw $5, (%ebx)\n"
      "outb %al, $0x80\n");

static int new_fd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	assert_true(fd >= 0);
	return fd;
}

/* How often it was signalled since the last look. */
static uint64_t taken(int fd)
{
	uint64_t n = 0;

	if (read(fd, &n, sizeof(n)) != (ssize_t)sizeof(n))
		assert_int_equal(errno, EAGAIN);
	return n;
}

static void expect_write(struct machine *m, enum vmoon_hv_exit_kind kind,
			 unsigned size, unsigned char value)
{
	const struct vmoon_hv_exit *e = run_cpu(m, 0);

	assert_int_equal(e->kind, kind);
	assert_true(e->is_write);
	assert_int_equal(e->size, size);
	assert_int_equal(e->data[0], value);
}

static void test_kvm_09__a_matching_write_signals_and_is_no_exit(void **s)
{
	const struct vmoon_hv_ioeventfd port = {.addr = 0x700,
						.size = 2,
						.is_pio = true,
						.has_datamatch = true,
						.datamatch = 7,
						.fd = new_fd()};
	const struct vmoon_hv_ioeventfd any = {.addr = 0xd0000000,
					       .fd = new_fd()};
	struct machine m;

	(void)s;
	NEED_KVM();
	MACHINE_RUNS(&m, kicks);
	assert_ok(m.vm->ops->add_ioeventfd(m.vm, &port, &m.err), &m.err);
	assert_ok(m.vm->ops->add_ioeventfd(m.vm, &any, &m.err), &m.err);
	expect_write(&m, VMOON_HV_EXIT_PIO, 1, 8); /* another width */
	expect_write(&m, VMOON_HV_EXIT_PIO, 2, 8); /* another value */
	expect_write(&m, VMOON_HV_EXIT_PIO, 1, 8); /* port 0x80 */
	assert_int_equal(taken(port.fd), 1);
	assert_int_equal(taken(any.fd), 2);
	assert_ok(m.vm->ops->remove_ioeventfd(m.vm, &port, &m.err), &m.err);
	assert_ok(m.vm->ops->remove_ioeventfd(m.vm, &any, &m.err), &m.err);
	enter_at(&m, CODE_AT);
	expect_write(&m, VMOON_HV_EXIT_PIO, 2, 7);
	expect_write(&m, VMOON_HV_EXIT_PIO, 1, 8);
	expect_write(&m, VMOON_HV_EXIT_PIO, 2, 8);
	expect_write(&m, VMOON_HV_EXIT_MMIO, 4, 5);
	assert_int_equal(taken(port.fd) + taken(any.fd), 0);
	machine_fini(&m);
	close(port.fd);
	close(any.fd);
}

static void test_kvm_09__an_ioeventfd_twice_or_unknown_is_an_error(void **s)
{
	struct vmoon_hv_ioeventfd io = {
		.addr = 0x700, .size = 2, .is_pio = true, .fd = new_fd()};
	const int good = io.fd;
	struct machine m;

	(void)s;
	NEED_KVM();
	machine_init(&m, 1);
	assert_int_equal(m.vm->ops->remove_ioeventfd(m.vm, &io, &m.err),
			 VMOON_E_SYS);
	assert_int_equal(m.err.sys, ENOENT);
	assert_string_equal(m.err.msg, "ioeventfd at 0x700, 2 bytes: No such "
				       "file or directory");
	assert_ok(m.vm->ops->add_ioeventfd(m.vm, &io, &m.err), &m.err);
	assert_int_equal(m.vm->ops->add_ioeventfd(m.vm, &io, &m.err),
			 VMOON_E_SYS);
	assert_int_equal(m.err.sys, EEXIST);
	io.has_datamatch = true; /* not what was added */
	assert_int_equal(m.vm->ops->remove_ioeventfd(m.vm, &io, &m.err),
			 VMOON_E_SYS);
	assert_int_equal(m.err.sys, ENOENT);
	io.has_datamatch = false;
	assert_ok(m.vm->ops->remove_ioeventfd(m.vm, &io, &m.err), &m.err);
	io.fd = -1;
	assert_int_equal(m.vm->ops->add_ioeventfd(m.vm, &io, &m.err),
			 VMOON_E_SYS);
	assert_int_equal(m.err.sys, EBADF);
	io.size = 3;
	assert_int_equal(m.vm->ops->add_ioeventfd(m.vm, &io, &m.err),
			 VMOON_E_INVAL);
	machine_fini(&m);
	close(good);
}

/* ---- irqfd ---- */

static void set_gate(struct machine *m, unsigned vector, uint32_t handler)
{
	const uint64_t gate = (uint64_t)(handler & 0xffff) | 0x10 << 16 |
			      UINT64_C(0x8e00) << 32 |
			      (uint64_t)(handler & 0xffff0000) << 32;

	memcpy(m->ram + IDT_AT + vector * 8, &gate, sizeof(gate));
}

/* 8259: vectors from 0x20, only IRQ 4 open; then wait. */
GUEST(wait, 32,
      "movb $0x11, %al; outb %al, $0x20; movb $0x20, %al; outb %al, $0x21\n"
      "movb $4, %al; outb %al, $0x21; movb $1, %al; outb %al, $0x21\n"
      "movb $0xef, %al; outb %al, $0x21\n"
      "outb %al, $0x80; sti; 1: hlt; jmp 1b");
/* Tells of the interrupt, ends it, tells of that, waits. No KVM that emulates
 * a guest knows IRET in protected mode. */
GUEST(handler, 32,
      "outb %al, $0x81; movb $0x20, %al; outb %al, $0x20; outb %al, $0x82\n"
      "addl $12, %esp; sti; 1: hlt; jmp 1b");

static void start_wait(struct machine *m)
{
	MACHINE_RUNS(m, wait);
	LOAD(m, 0x2000, handler);
	set_gate(m, 0x24, 0x2000);
	expect_out(m, 0x80, 1, 0xef);
}

static void signal_fd(int fd)
{
	const uint64_t one = 1;

	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
}

static void test_kvm_09__a_signalled_irqfd_interrupts_the_guest(void **s)
{
	const int fd = new_fd();
	struct machine m;

	(void)s;
	NEED_KVM();
	start_wait(&m);
	assert_ok(m.vm->ops->add_irqfd(m.vm, 4, fd, -1, &m.err), &m.err);
	for (int i = 0; i < 3; i++) {
		signal_fd(fd);
		assert_int_equal(run_cpu(&m, 0)->addr, 0x81);
		assert_int_equal(run_cpu(&m, 0)->addr, 0x82);
	}
	machine_fini(&m);
	close(fd);
}

static void test_kvm_09__the_end_of_a_level_interrupt_is_told(void **s)
{
	const int fd = new_fd(), resample = new_fd();
	struct machine m;

	(void)s;
	NEED_KVM();
	start_wait(&m);
	assert_ok(m.vm->ops->add_irqfd(m.vm, 4, fd, resample, &m.err), &m.err);
	signal_fd(fd);
	assert_int_equal(run_cpu(&m, 0)->addr, 0x81);
	assert_int_equal(taken(resample), 0);
	assert_int_equal(run_cpu(&m, 0)->addr, 0x82);
	assert_int_equal(taken(resample), 1);
	machine_fini(&m);
	close(fd);
	close(resample);
}

static void test_kvm_09__an_irqfd_has_one_line_and_is_removed_freely(void **s)
{
	const int fd = new_fd();
	struct machine m;

	(void)s;
	NEED_KVM();
	machine_init(&m, 1);
	assert_ok(m.vm->ops->add_irqfd(m.vm, 4, fd, -1, &m.err), &m.err);
	assert_int_equal(m.vm->ops->add_irqfd(m.vm, 4, fd, -1, &m.err),
			 VMOON_E_SYS);
	assert_int_equal(m.err.sys, EBUSY);
	assert_string_equal(
		m.err.msg,
		"irqfd of interrupt line 4: Device or resource busy");
	assert_ok(m.vm->ops->remove_irqfd(m.vm, 4, fd, &m.err), &m.err);
	assert_ok(m.vm->ops->remove_irqfd(m.vm, 4, fd, &m.err), &m.err);
	assert_ok(m.vm->ops->add_irqfd(m.vm, 5, fd, -1, &m.err), &m.err);
	assert_int_equal(m.vm->ops->add_irqfd(m.vm, 4, -1, -1, &m.err),
			 VMOON_E_SYS);
	assert_int_equal(m.err.sys, EBADF);
	assert_int_equal(
		m.vm->ops->add_irqfd(m.vm, VMOON_GSI_COUNT, fd, -1, &m.err),
		VMOON_E_INVAL);
	machine_fini(&m);
	close(fd);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_kvm_09__a_matching_write_signals_and_is_no_exit),
	cmocka_unit_test(
		test_kvm_09__an_ioeventfd_twice_or_unknown_is_an_error),
	cmocka_unit_test(test_kvm_09__a_signalled_irqfd_interrupts_the_guest),
	cmocka_unit_test(test_kvm_09__the_end_of_a_level_interrupt_is_told),
	cmocka_unit_test(
		test_kvm_09__an_irqfd_has_one_line_and_is_removed_freely),
};

int main(void)
{
	alarm(HANG_GUARD_S);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
