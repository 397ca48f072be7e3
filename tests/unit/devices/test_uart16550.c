/* SPDX-License-Identifier: MIT */
/* test_uart16550.c - registers, interrupts and bytes of the serial port. */
#include "tests/support/uart_rig.h"

static void test_ser_01__power_on_values(void **state)
{
	struct uart_rig *r = *state;

	assert_int_equal(fake_in(r->dev, UART_DATA), 0);
	assert_int_equal(fake_in(r->dev, UART_IER), 0);
	assert_int_equal(uart_rig_cause(r), IIR_NONE);
	assert_int_equal(fake_in(r->dev, UART_LCR), 0x03);
	assert_int_equal(fake_in(r->dev, UART_MCR), 0x08);
	assert_int_equal(fake_in(r->dev, UART_LSR), 0x60);
	assert_int_equal(fake_in(r->dev, UART_MSR), 0xb0);
	assert_int_equal(fake_in(r->dev, UART_SCR), 0);
	fake_out(r->dev, UART_LCR, LCR_DLAB);
	assert_int_equal(fake_in(r->dev, 0), 0x0c);
	assert_int_equal(fake_in(r->dev, 1), 0);
	assert_int_equal(vmoon_uart_room(r->dev), 64);
	assert_false(r->irq.level);
}

static void test_ser_02__bytes_reach_the_sink_in_order_one_by_one(void **state)
{
	struct uart_rig *r = *state;

	fake_out(r->dev, UART_DATA, 'a');
	fake_out(r->dev, UART_DATA, 'b');
	fake_out(r->dev, UART_DATA, 'c');
	assert_int_equal(r->out.len, 3);
	assert_memory_equal(r->out.buf, "abc", 3);
	assert_int_equal(r->out.calls, 3);
	assert_int_equal(uart_rig_stats(r).tx_bytes, 3);
}

static void test_ser_03__receiving_nothing_changes_nothing(void **state)
{
	struct uart_rig *r = *state;
	char in[64] = {0};

	fake_out(r->dev, UART_IER, IER_RDA);
	assert_int_equal(vmoon_uart_receive(r->dev, in, 0), 0);
	assert_int_equal(fake_in(r->dev, UART_LSR), LSR_EMPTY);
	assert_int_equal(r->irq.edges, 0);
	assert_int_equal(vmoon_uart_receive(r->dev, in, 64), 64);
	assert_int_equal(vmoon_uart_receive(r->dev, NULL, 0), 0);
	assert_int_equal(r->irq.edges, 1);
	assert_int_equal(vmoon_uart_room(r->dev), 0);
}

static void test_ser_04__received_bytes_signal_once_and_read_in_order(
	void **state)
{
	struct uart_rig *r = *state;

	fake_out(r->dev, UART_IER, IER_RDA);
	assert_int_equal(vmoon_uart_receive(r->dev, "xyz", 3), 3);
	assert_int_equal(r->irq.edges, 1);
	assert_int_equal(fake_in(r->dev, UART_DATA), 'x');
	assert_int_equal(fake_in(r->dev, UART_DATA), 'y');
	assert_int_equal(fake_in(r->dev, UART_LSR), LSR_EMPTY | LSR_DR);
	assert_int_equal(fake_in(r->dev, UART_DATA), 'z');
	assert_int_equal(fake_in(r->dev, UART_LSR), LSR_EMPTY);
	assert_int_equal(r->irq.edges, 1);
	assert_false(r->irq.level);
	assert_int_equal(fake_in(r->dev, UART_DATA), 0); /* empty reads 0 */
}

static void test_ser_05__a_sent_byte_signals_once_until_iir_is_read(
	void **state)
{
	struct uart_rig *r = *state;

	fake_out(r->dev, UART_FCR, 1);
	fake_out(r->dev, UART_IER, IER_THRE);
	assert_int_equal(fake_in(r->dev, UART_IIR), 0xc2); /* for enabling */
	assert_int_equal(r->irq.edges, 1);
	fake_out(r->dev, UART_DATA, 'a');
	assert_int_equal(r->irq.edges, 2);
	assert_int_equal(fake_in(r->dev, UART_IIR), 0xc2);
	assert_int_equal(fake_in(r->dev, UART_IIR), 0xc1);
	assert_false(r->irq.level);
}

static void test_ser_06__of_65_bytes_64_are_taken(void **state)
{
	struct uart_rig *r = *state;
	char in[65];

	memset(in, 'x', sizeof(in));
	assert_int_equal(vmoon_uart_receive(r->dev, in, 65), 64);
	assert_int_equal(vmoon_uart_room(r->dev), 0);
	assert_int_equal(uart_rig_stats(r).rx_bytes, 64);
}

static void test_ser_07__a_full_fifo_takes_nothing_and_keeps_its_bytes(
	void **state)
{
	struct uart_rig *r = *state;
	char in[64];

	for (unsigned i = 0; i < 64; i++)
		in[i] = (char)i;
	assert_int_equal(vmoon_uart_receive(r->dev, in, 64), 64);
	assert_int_equal(vmoon_uart_receive(r->dev, "zzz", 3), 0);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(fake_in(r->dev, UART_DATA), i);
	assert_int_equal(fake_in(r->dev, UART_LSR), LSR_EMPTY);
}

static void test_ser_09__in_loopback_input_is_refused(void **state)
{
	struct uart_rig *r = *state;

	fake_out(r->dev, UART_IER, IER_RDA);
	fake_out(r->dev, UART_MCR, MCR_LOOP);
	assert_int_equal(vmoon_uart_room(r->dev), 0);
	assert_int_equal(vmoon_uart_receive(r->dev, "a", 1), 0);
	assert_int_equal(fake_in(r->dev, UART_LSR), LSR_EMPTY);
	assert_false(r->irq.level);
	fake_out(r->dev, UART_MCR, 0);
	assert_int_equal(r->room.count, 1); /* the feeder may go on */
	assert_int_equal(vmoon_uart_receive(r->dev, "a", 1), 1);
}

static void test_ser_10__a_loopback_byte_comes_back_and_not_out(void **state)
{
	struct uart_rig *r = *state;

	fake_out(r->dev, UART_MCR, MCR_LOOP);
	fake_out(r->dev, UART_DATA, 'q');
	assert_int_equal(r->out.calls, 0);
	assert_int_equal(fake_in(r->dev, UART_DATA), 'q');
	assert_int_equal(uart_rig_stats(r).tx_bytes, 0);
}

static void test_ser_11__of_65_loopback_bytes_64_come_back(void **state)
{
	struct uart_rig *r = *state;

	fake_out(r->dev, UART_MCR, MCR_LOOP);
	for (unsigned i = 0; i < 65; i++)
		fake_out(r->dev, UART_DATA, 100 + i);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(fake_in(r->dev, UART_DATA), 100 + i);
	assert_int_equal(fake_in(r->dev, UART_LSR) & LSR_DR, 0);
}

static void test_ser_12__lsr_and_msr_writes_have_no_effect(void **state)
{
	struct uart_rig *r = *state;

	for (unsigned val = 0; val < 256; val++) {
		fake_out(r->dev, UART_LSR, val);
		fake_out(r->dev, UART_MSR, val);
		assert_int_equal(fake_in(r->dev, UART_LSR), LSR_EMPTY);
		assert_int_equal(fake_in(r->dev, UART_MSR), 0xb0);
	}
}

static void test_ser_13__offsets_past_the_window_read_0(void **state)
{
	struct uart_rig *r = *state;

	for (unsigned off = 8; off < 256; off++) {
		fake_out(r->dev, off, 0xff);
		assert_int_equal(fake_in(r->dev, off), 0);
	}
	assert_int_equal(r->out.calls, 0);
	assert_int_equal(uart_rig_stats(r).refused, 2 * 248);
}

static void test_ser_14__ier_keeps_its_low_four_bits(void **state)
{
	struct uart_rig *r = *state;

	for (unsigned val = 0; val < 256; val++) {
		fake_out(r->dev, UART_IER, val);
		assert_int_equal(fake_in(r->dev, UART_IER), val & 0x0f);
	}
}

static void test_ser_15__scr_lcr_and_mcr_read_back(void **state)
{
	struct uart_rig *r = *state;

	for (unsigned val = 0; val < 256; val++) {
		fake_out(r->dev, UART_SCR, val);
		fake_out(r->dev, UART_LCR, val);
		fake_out(r->dev, UART_MCR, val);
		assert_int_equal(fake_in(r->dev, UART_SCR), val);
		assert_int_equal(fake_in(r->dev, UART_LCR), val);
		assert_int_equal(fake_in(r->dev, UART_MCR), val & 0x1f);
	}
}

static void test_uart16550__the_divisor_is_kept_apart_from_data_and_ier(
	void **state)
{
	struct uart_rig *r = *state;

	fake_out(r->dev, UART_IER, 0x05);
	fake_out(r->dev, UART_LCR, LCR_DLAB | 3);
	fake_out(r->dev, 0, 0x34);
	fake_out(r->dev, 1, 0x12);
	assert_int_equal(fake_in(r->dev, 0), 0x34);
	assert_int_equal(fake_in(r->dev, 1), 0x12);
	fake_out(r->dev, UART_LCR, 3);
	assert_int_equal(fake_in(r->dev, UART_IER), 0x05);
	assert_int_equal(r->out.calls, 0);
}

/* Every IER value, every cause there is: line and IIR stay within IER. */
static void test_ser_16__a_masked_cause_never_shows(void **state)
{
	static const unsigned needs[] = {
		[IIR_NONE] = 0,
		[IIR_THRE] = IER_THRE,
		[IIR_RDA] = IER_RDA,
		[IIR_RLS] = IER_RLS,
	};

	(void)state;
	for (unsigned ier = 0; ier < 16; ier++) {
		struct uart_rig r;
		unsigned cause;

		uart_rig_init(&r);
		fake_out(r.dev, UART_IER, ier);
		fake_out(r.dev, UART_MCR, MCR_LOOP);
		for (unsigned i = 0; i < 65; i++)
			fake_out(r.dev, UART_DATA, i);
		assert_int_equal(r.irq.level, (ier & 7) != 0);
		for (unsigned i = 0; i < 4; i++) {
			cause = uart_rig_cause(&r);
			assert_int_equal(needs[cause] & ~ier, 0);
		}
		fake_out(r.dev, UART_IER, 0);
		assert_false(r.irq.level);
		assert_int_equal(uart_rig_cause(&r), IIR_NONE);
		r.dev->ops->destroy(r.dev);
	}
}

static void test_ser_17__a_lost_byte_is_counted_and_never_stalls(void **state)
{
	struct uart_rig *r = *state;

	fake_out(r->dev, UART_IER, IER_THRE);
	assert_int_equal(uart_rig_cause(r), IIR_THRE);
	r->out.is_failing = true;
	fake_out(r->dev, UART_DATA, 'a');
	assert_int_equal(uart_rig_stats(r).tx_lost, 1);
	assert_int_equal(uart_rig_stats(r).tx_bytes, 0);
	assert_int_equal(uart_rig_cause(r), IIR_THRE);
	assert_int_equal(fake_in(r->dev, UART_LSR), LSR_EMPTY);
	r->out.is_failing = false;
	fake_out(r->dev, UART_DATA, 'b');
	assert_int_equal(r->out.len, 1);
	assert_int_equal(r->out.buf[0], 'b');
	assert_int_equal(uart_rig_stats(r).tx_bytes, 1);
}

static void test_ser_22__enabling_thre_signals_an_empty_transmitter(
	void **state)
{
	struct uart_rig *r = *state;

	for (unsigned i = 1; i < 4; i++) {
		fake_out(r->dev, UART_IER, IER_THRE);
		assert_int_equal(r->irq.edges, i);
		assert_int_equal(uart_rig_cause(r), IIR_THRE);
		fake_out(r->dev, UART_IER, IER_THRE); /* on already */
		assert_int_equal(uart_rig_cause(r), IIR_NONE);
		fake_out(r->dev, UART_IER, 0);
	}
}

static void test_ser_23__enabling_rda_signals_waiting_data(void **state)
{
	struct uart_rig *r = *state;

	assert_int_equal(vmoon_uart_receive(r->dev, "a", 1), 1);
	assert_false(r->irq.level);
	fake_out(r->dev, UART_IER, IER_RDA);
	assert_true(r->irq.level);
	assert_int_equal(uart_rig_cause(r), IIR_RDA);
}

static void test_ser_24__rda_stays_until_the_last_byte(void **state)
{
	struct uart_rig *r = *state;

	fake_out(r->dev, UART_IER, IER_RDA);
	assert_int_equal(vmoon_uart_receive(r->dev, "abc", 3), 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(uart_rig_cause(r), IIR_RDA);
		assert_int_equal(uart_rig_cause(r), IIR_RDA);
		assert_true(r->irq.level);
		assert_int_equal(fake_in(r->dev, UART_DATA), 'a' + i);
	}
	assert_int_equal(uart_rig_cause(r), IIR_NONE);
	assert_false(r->irq.level);
}

static void test_ser_25__fcr_bit_1_empties_the_receive_fifo(void **state)
{
	struct uart_rig *r = *state;

	fake_out(r->dev, UART_IER, IER_RDA);
	assert_int_equal(vmoon_uart_receive(r->dev, "abc", 3), 3);
	fake_out(r->dev, UART_FCR, 0x05); /* transmit side only */
	assert_int_equal(vmoon_uart_room(r->dev), 61);
	fake_out(r->dev, UART_FCR, 0x03);
	assert_int_equal(fake_in(r->dev, UART_LSR), LSR_EMPTY);
	assert_int_equal(vmoon_uart_room(r->dev), 64);
	assert_false(r->irq.level);
	assert_int_equal(r->room.count, 1);
	assert_int_equal(vmoon_uart_receive(r->dev, "d", 1), 1);
	assert_int_equal(fake_in(r->dev, UART_DATA), 'd');
}

static void test_ser_26__wide_accesses_change_nothing(void **state)
{
	static const unsigned sizes[] = {0, 2, 4, 8};
	struct uart_rig *r = *state;
	unsigned char before[128], after[128];
	size_t len;

	assert_int_equal(vmoon_uart_receive(r->dev, "in", 2), 2);
	len = uart_rig_save(r, before, sizeof(before));
	for (unsigned i = 0; i < 4 * 8; i++) {
		unsigned size = sizes[i / 8], off = i % 8;

		assert_int_equal(r->dev->ops->read(r->dev, off, size), 0);
		r->dev->ops->write(r->dev, off, size, UINT64_MAX);
	}
	assert_int_equal(uart_rig_save(r, after, sizeof(after)), len);
	assert_memory_equal(before, after, len);
	assert_int_equal(r->out.calls, 0);
	assert_int_equal(uart_rig_stats(r).refused, 2 * 4 * 8);
}

static void dead_irq_set(void *ctx, bool level)
{
	(void)ctx, (void)level;
}

static void test_ser_27__a_dead_interrupt_line_loses_no_write(void **state)
{
	struct fake_sink out = {0};
	struct vmoon_uart_config cfg = {
		.irq = {dead_irq_set, NULL},
		.out = {.put = fake_sink_put, .ctx = &out}};
	struct vmoon_device *dev;

	(void)state;
	assert_int_equal(vmoon_uart_create(&cfg, &dev, NULL), VMOON_OK);
	fake_out(dev, UART_IER, IER_THRE | IER_RDA);
	fake_out(dev, UART_DATA, 'a');
	assert_int_equal(out.len, 1);
	assert_int_equal(fake_in(dev, UART_IIR) & IIR_CAUSE, IIR_THRE);
	assert_int_equal(vmoon_uart_receive(dev, "b", 1), 1);
	assert_int_equal(fake_in(dev, UART_DATA), 'b'); /* and no room told */
	dev->ops->destroy(dev);
}

static void test_uart16550__overrun_comes_before_data_before_empty(void **state)
{
	struct uart_rig *r = *state;

	fake_out(r->dev, UART_IER, IER_RDA | IER_THRE | IER_RLS);
	fake_out(r->dev, UART_MCR, MCR_LOOP);
	for (unsigned i = 0; i < 65; i++)
		fake_out(r->dev, UART_DATA, i);
	assert_int_equal(uart_rig_cause(r), IIR_RLS);
	assert_int_equal(fake_in(r->dev, UART_LSR),
			 LSR_EMPTY | LSR_DR | LSR_OE);
	assert_int_equal(fake_in(r->dev, UART_LSR), LSR_EMPTY | LSR_DR);
	assert_int_equal(uart_rig_cause(r), IIR_RDA);
	fake_out(r->dev, UART_FCR, 0x03);
	assert_int_equal(uart_rig_cause(r), IIR_THRE);
	assert_int_equal(uart_rig_cause(r), IIR_NONE);
	assert_int_equal(r->irq.edges, 1); /* one line for all causes */
	assert_false(r->irq.level);
}

static void test_uart16550__loopback_ties_modem_outputs_to_inputs(void **state)
{
	static const struct {
		unsigned mcr, msr;
	} row[] = {{0x01, 0x20}, {0x02, 0x10}, {0x04, 0x40},
		   {0x08, 0x80}, {0x0f, 0xf0}, {0x00, 0x00}};
	struct uart_rig *r = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(row); i++) {
		fake_out(r->dev, UART_MCR, MCR_LOOP | row[i].mcr);
		assert_int_equal(fake_in(r->dev, UART_MSR), row[i].msr);
	}
	fake_out(r->dev, UART_MCR, 0);
	assert_int_equal(fake_in(r->dev, UART_MSR), 0xb0);
}

static void test_uart16550__iir_names_the_fifo_once_it_was_on(void **state)
{
	struct uart_rig *r = *state;

	assert_int_equal(fake_in(r->dev, UART_IIR), 0x01);
	fake_out(r->dev, UART_FCR, 0x01);
	assert_int_equal(fake_in(r->dev, UART_IIR), 0xc1);
	fake_out(r->dev, UART_LCR, LCR_DLAB); /* IIR and FCR do not move */
	assert_int_equal(fake_in(r->dev, UART_IIR), 0xc1);
}

static void test_uart16550__reset_brings_power_on_state(void **state)
{
	struct uart_rig *r = *state, fresh;
	unsigned char a[128], b[128];
	size_t len;

	uart_rig_init(&fresh);
	len = uart_rig_save(&fresh, a, sizeof(a));
	fresh.dev->ops->destroy(fresh.dev);
	for (unsigned off = 1; off < 8; off++)
		fake_out(r->dev, off, 0x9f);
	fake_out(r->dev, UART_DATA, 1);
	assert_int_equal(vmoon_uart_receive(r->dev, "x", 1), 0);
	r->dev->ops->reset(r->dev);
	assert_int_equal(uart_rig_save(r, b, sizeof(b)), len);
	assert_memory_equal(a, b, len);
	assert_false(r->irq.level);
	assert_int_equal(r->room.count, 1);
}

static const struct CMUnitTest tests[] = {
	uart_test(test_ser_01__power_on_values),
	uart_test(test_ser_02__bytes_reach_the_sink_in_order_one_by_one),
	uart_test(test_ser_03__receiving_nothing_changes_nothing),
	uart_test(test_ser_04__received_bytes_signal_once_and_read_in_order),
	uart_test(test_ser_05__a_sent_byte_signals_once_until_iir_is_read),
	uart_test(test_ser_06__of_65_bytes_64_are_taken),
	uart_test(test_ser_07__a_full_fifo_takes_nothing_and_keeps_its_bytes),
	uart_test(test_ser_09__in_loopback_input_is_refused),
	uart_test(test_ser_10__a_loopback_byte_comes_back_and_not_out),
	uart_test(test_ser_11__of_65_loopback_bytes_64_come_back),
	uart_test(test_ser_12__lsr_and_msr_writes_have_no_effect),
	uart_test(test_ser_13__offsets_past_the_window_read_0),
	uart_test(test_ser_14__ier_keeps_its_low_four_bits),
	uart_test(test_ser_15__scr_lcr_and_mcr_read_back),
	uart_test(test_uart16550__the_divisor_is_kept_apart_from_data_and_ier),
	cmocka_unit_test(test_ser_16__a_masked_cause_never_shows),
	uart_test(test_ser_17__a_lost_byte_is_counted_and_never_stalls),
	uart_test(test_ser_22__enabling_thre_signals_an_empty_transmitter),
	uart_test(test_ser_23__enabling_rda_signals_waiting_data),
	uart_test(test_ser_24__rda_stays_until_the_last_byte),
	uart_test(test_ser_25__fcr_bit_1_empties_the_receive_fifo),
	uart_test(test_ser_26__wide_accesses_change_nothing),
	cmocka_unit_test(test_ser_27__a_dead_interrupt_line_loses_no_write),
	uart_test(test_uart16550__overrun_comes_before_data_before_empty),
	uart_test(test_uart16550__loopback_ties_modem_outputs_to_inputs),
	uart_test(test_uart16550__iir_names_the_fifo_once_it_was_on),
	uart_test(test_uart16550__reset_brings_power_on_state),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
