/* SPDX-License-Identifier: MIT */
/* test_uart16550_state.c - snapshots of the serial port, good and hostile. */
#include "tests/support/uart_rig.h"

enum { SNAPSHOT_MAX = 128 };

/* A section as uart_save writes it, register by register. */
struct section {
	uint8_t dll, dlm, ier, lcr, mcr, msr, scr;
	uint8_t has_fifo, is_overrun, is_thre_latched, count;
};

static size_t write_section(unsigned char *buf, const struct section *s,
			    size_t bytes)
{
	struct vmoon_state_writer w = {.buf = buf, .size = 512};

	vmoon_state_begin(&w, "uart16550", 1);
	vmoon_state_put_bytes(&w, s, sizeof(*s));
	for (size_t i = 0; i < bytes; i++)
		vmoon_state_put(&w, 'A' + i % 26, 1);
	assert_false(w.is_overflow);
	return w.len;
}

static void test_ser_18__a_round_trip_keeps_registers_and_input(void **state)
{
	struct uart_rig *from = *state, to;
	unsigned char a[SNAPSHOT_MAX], b[SNAPSHOT_MAX];
	size_t len;

	fake_out(from->dev, UART_LCR, LCR_DLAB | 0x1b);
	fake_out(from->dev, 0, 0x01);
	fake_out(from->dev, 1, 0x02);
	fake_out(from->dev, UART_LCR, 0x1b);
	fake_out(from->dev, UART_IER, IER_RDA);
	fake_out(from->dev, UART_FCR, 0x01);
	fake_out(from->dev, UART_MCR, 0x0b);
	fake_out(from->dev, UART_SCR, 0x5a);
	/* Turn the ring around, so that order and place differ. */
	assert_int_equal(vmoon_uart_receive(from->dev, "..........", 10), 10);
	for (unsigned i = 0; i < 10; i++)
		(void)fake_in(from->dev, UART_DATA);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(
			vmoon_uart_receive(from->dev, &(char){(char)i}, 1), 1);
	len = uart_rig_save(from, a, sizeof(a));
	uart_rig_init(&to);
	assert_int_equal(uart_rig_load(&to, a, len), VMOON_OK);
	assert_int_equal(uart_rig_save(&to, b, sizeof(b)), len);
	assert_memory_equal(a, b, len);
	assert_int_equal(fake_in(to.dev, UART_IER), IER_RDA);
	assert_int_equal(fake_in(to.dev, UART_IIR), 0xc4);
	assert_int_equal(fake_in(to.dev, UART_LCR), 0x1b);
	assert_int_equal(fake_in(to.dev, UART_MCR), 0x0b);
	assert_int_equal(fake_in(to.dev, UART_MSR), 0xb0);
	assert_int_equal(fake_in(to.dev, UART_SCR), 0x5a);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(fake_in(to.dev, UART_DATA), i);
	fake_out(to.dev, UART_LCR, LCR_DLAB);
	assert_int_equal(fake_in(to.dev, 0), 0x01);
	assert_int_equal(fake_in(to.dev, 1), 0x02);
	to.dev->ops->destroy(to.dev);
}

static void test_ser_19__more_input_than_the_fifo_takes_is_refused(void **state)
{
	struct uart_rig *r = *state;
	unsigned char buf[512], before[SNAPSHOT_MAX], after[SNAPSHOT_MAX];
	struct vmoon_error err;
	size_t len;

	assert_int_equal(vmoon_uart_receive(r->dev, "keep", 4), 4);
	len = uart_rig_save(r, before, sizeof(before));
	for (unsigned count = 65; count < 256; count++) {
		struct section s = {.ier = 1, .count = (uint8_t)count};
		struct vmoon_state_reader reader = {.buf = buf};

		reader.size = write_section(buf, &s, count);
		assert_int_equal(r->dev->ops->load(r->dev, &reader, &err),
				 VMOON_E_IMAGE);
		assert_non_null(strstr(err.msg, "uart16550: the snapshot"));
		assert_int_equal(uart_rig_save(r, after, sizeof(after)), len);
		assert_memory_equal(before, after, len);
	}
}

static void test_ser_20__a_pending_transmit_cause_is_signalled_again(
	void **state)
{
	struct uart_rig *from = *state, to;
	unsigned char buf[SNAPSHOT_MAX];
	size_t len;

	fake_out(from->dev, UART_IER, IER_THRE);
	len = uart_rig_save(from, buf, sizeof(buf));
	uart_rig_init(&to);
	assert_int_equal(uart_rig_load(&to, buf, len), VMOON_OK);
	assert_int_equal(to.irq.edges, 1);
	assert_int_equal(uart_rig_cause(&to), IIR_THRE);
	assert_int_equal(uart_rig_cause(&to), IIR_NONE);
	/* Into a port whose line is high already, too. */
	fake_out(to.dev, UART_IER, 0);
	fake_out(to.dev, UART_IER, IER_THRE);
	to.irq.edges = 0;
	assert_int_equal(uart_rig_load(&to, buf, len), VMOON_OK);
	assert_int_equal(to.irq.edges, 1);
	assert_true(to.irq.level);
	to.dev->ops->destroy(to.dev);
}

static void test_uart16550__loading_a_quiet_port_lowers_the_line(void **state)
{
	struct uart_rig *r = *state;
	unsigned char buf[SNAPSHOT_MAX];
	size_t len = uart_rig_save(r, buf, sizeof(buf));

	fake_out(r->dev, UART_IER, IER_THRE);
	assert_true(r->irq.level);
	assert_int_equal(uart_rig_load(r, buf, len), VMOON_OK);
	assert_false(r->irq.level);
	assert_int_equal(uart_rig_cause(r), IIR_NONE);
}

static void test_ser_21__registers_out_of_range_are_masked(void **state)
{
	struct uart_rig *r = *state;
	unsigned char buf[512];
	struct section s;
	size_t len;

	memset(&s, 0xff, sizeof(s));
	s.count = 3;
	s.lcr = 0x7f;
	s.mcr = 0xef; /* no loopback */
	len = write_section(buf, &s, 3);
	assert_int_equal(uart_rig_load(r, buf, len), VMOON_OK);
	assert_int_equal(fake_in(r->dev, UART_IER), 0x0f);
	assert_int_equal(fake_in(r->dev, UART_MCR), 0x0f);
	assert_int_equal(fake_in(r->dev, UART_MSR), 0xf0);
	assert_int_equal(fake_in(r->dev, UART_LSR),
			 LSR_EMPTY | LSR_DR | LSR_OE);
	assert_int_equal(vmoon_uart_room(r->dev), 61);
	assert_int_equal(fake_in(r->dev, UART_IIR), 0xc4);
}

static void test_uart16550__a_latched_cause_that_is_masked_is_dropped(
	void **state)
{
	struct uart_rig *r = *state;
	unsigned char buf[512];
	struct section s = {.ier = IER_RDA, .is_thre_latched = 1};
	size_t len = write_section(buf, &s, 0);

	assert_int_equal(uart_rig_load(r, buf, len), VMOON_OK);
	assert_false(r->irq.level);
	assert_int_equal(uart_rig_cause(r), IIR_NONE);
}

static void test_uart16550__a_cut_snapshot_changes_nothing(void **state)
{
	struct uart_rig *from = *state, to;
	unsigned char a[SNAPSHOT_MAX], before[SNAPSHOT_MAX];
	unsigned char after[SNAPSHOT_MAX];
	size_t len, mark;

	fake_out(from->dev, UART_IER, 0x0f);
	assert_int_equal(vmoon_uart_receive(from->dev, "hello", 5), 5);
	len = uart_rig_save(from, a, sizeof(a));
	uart_rig_init(&to);
	mark = uart_rig_save(&to, before, sizeof(before));
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(uart_rig_load(&to, a, cut), VMOON_E_IMAGE);
		assert_int_equal(uart_rig_save(&to, after, sizeof(after)),
				 mark);
		assert_memory_equal(before, after, mark);
	}
	assert_int_equal(to.irq.edges, 0);
	to.dev->ops->destroy(to.dev);
}

static void test_uart16550__another_devices_section_is_refused(void **state)
{
	struct uart_rig *r = *state;
	unsigned char buf[SNAPSHOT_MAX];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};

	vmoon_state_begin(&w, "rtc-cmos", 1);
	for (unsigned i = 0; i < 64; i++)
		vmoon_state_put(&w, 0, 1);
	assert_int_equal(uart_rig_load(r, buf, w.len), VMOON_E_IMAGE);
}

static const struct CMUnitTest tests[] = {
	uart_test(test_ser_18__a_round_trip_keeps_registers_and_input),
	uart_test(test_ser_19__more_input_than_the_fifo_takes_is_refused),
	uart_test(test_ser_20__a_pending_transmit_cause_is_signalled_again),
	uart_test(test_uart16550__loading_a_quiet_port_lowers_the_line),
	uart_test(test_ser_21__registers_out_of_range_are_masked),
	uart_test(test_uart16550__a_latched_cause_that_is_masked_is_dropped),
	uart_test(test_uart16550__a_cut_snapshot_changes_nothing),
	uart_test(test_uart16550__another_devices_section_is_refused),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
