/* SPDX-License-Identifier: MIT */
/* test_uart_hold.c - a serial port whose sink asks it to let the guest wait. */
#include "tests/support/uart_rig.h"

/* One signal, and no second one. */
static void assert_told_once(struct uart_rig *r)
{
	assert_true(r->irq.level);
	assert_int_equal(uart_rig_cause(r), IIR_THRE);
	assert_false(r->irq.level);
	assert_int_equal(uart_rig_cause(r), IIR_NONE);
	assert_int_equal(fake_in(r->dev, UART_LSR), LSR_EMPTY);
}

static void assert_not_told(struct uart_rig *r)
{
	assert_false(r->irq.level);
	assert_int_equal(uart_rig_cause(r), IIR_NONE);
	assert_int_equal(fake_in(r->dev, UART_LSR), 0);
}

static void test_hold__the_line_status_names_no_empty_transmitter(void **state)
{
	struct uart_rig *r = *state;

	r->out.is_held = true;
	assert_int_equal(fake_in(r->dev, UART_LSR), 0);
	assert_int_equal(vmoon_uart_receive(r->dev, "a", 1), 1);
	assert_int_equal(fake_in(r->dev, UART_LSR), LSR_DR);
	uart_rig_release(r);
	assert_int_equal(fake_in(r->dev, UART_LSR), LSR_DR | LSR_EMPTY);
	assert_int_equal(r->irq.edges, 0);
}

static void test_hold__a_byte_that_is_sent_all_the_same_reaches_the_sink(
	void **state)
{
	struct uart_rig *r = *state;

	r->out.is_held = true;
	fake_out(r->dev, UART_DATA, 'a');
	fake_out(r->dev, UART_IER, IER_THRE);
	fake_out(r->dev, UART_DATA, 'b');
	assert_memory_equal(r->out.buf, "ab", 2);
	assert_int_equal(uart_rig_stats(r).tx_bytes, 2);
	r->out.is_failing = true;
	fake_out(r->dev, UART_DATA, 'c');
	assert_int_equal(uart_rig_stats(r).tx_lost, 1);
	assert_not_told(r);
	uart_rig_release(r);
	assert_told_once(r);
}

static void test_hold__a_sent_byte_is_signalled_by_resume_and_once(void **state)
{
	struct uart_rig *r = *state;

	fake_out(r->dev, UART_IER, IER_THRE);
	assert_told_once(r);
	r->out.is_held = true;
	fake_out(r->dev, UART_DATA, 'a');
	assert_not_told(r);
	vmoon_uart_resume(r->dev); /* too early */
	assert_not_told(r);
	r->out.is_held = false;
	vmoon_uart_resume(r->dev);
	vmoon_uart_resume(r->dev);
	assert_told_once(r);
	vmoon_uart_resume(r->dev);
	assert_false(r->irq.level);
}

static void test_hold__a_byte_sent_after_it_is_signalled_at_once(void **state)
{
	struct uart_rig *r = *state;

	r->out.is_held = true;
	fake_out(r->dev, UART_IER, IER_THRE);
	r->out.is_held = false;
	fake_out(r->dev, UART_DATA, 'a');
	assert_told_once(r);
	vmoon_uart_resume(r->dev); /* for a hold that is long over */
	assert_false(r->irq.level);
}

/* The byte that is one too many: the hold begins while it is put. */
static bool put_and_hold(void *ctx, const void *buf, size_t len)
{
	struct fake_sink *s = ctx;

	s->is_held = true;
	return fake_sink_put(s, buf, len);
}

static void test_hold__the_byte_that_was_too_much_is_not_signalled(void **state)
{
	struct uart_rig r = {0};
	struct vmoon_uart_config cfg = {
		.irq = {fake_irq_set, &r.irq},
		.out = {.put = put_and_hold,
			.is_held = fake_sink_is_held,
			.ctx = &r.out},
	};

	(void)state;
	assert_int_equal(vmoon_uart_create(&cfg, &r.dev, NULL), VMOON_OK);
	fake_out(r.dev, UART_IER, IER_THRE);
	assert_told_once(&r);
	fake_out(r.dev, UART_DATA, 'a');
	assert_true(r.out.is_owed);
	assert_not_told(&r);
	uart_rig_release(&r);
	assert_told_once(&r);
	r.dev->ops->destroy(r.dev);
}

static void test_hold__enabling_the_interrupt_signals_when_it_is_over(
	void **state)
{
	struct uart_rig *r = *state;

	r->out.is_held = true;
	fake_out(r->dev, UART_IER, IER_THRE);
	assert_not_told(r);
	fake_out(r->dev, UART_IER, IER_THRE | IER_RDA); /* enabled as before */
	uart_rig_release(r);
	assert_told_once(r);
}

static void test_hold__an_interrupt_that_was_disabled_is_not_signalled(
	void **state)
{
	struct uart_rig *r = *state;

	r->out.is_held = true;
	fake_out(r->dev, UART_IER, IER_THRE);
	fake_out(r->dev, UART_IER, 0);
	uart_rig_release(r);
	assert_int_equal(r->irq.edges, 0);
	fake_out(r->dev, UART_IER, IER_THRE);
	assert_told_once(r);
	/* And one that was disabled and enabled again, once. */
	r->out.is_held = true;
	fake_out(r->dev, UART_DATA, 'a');
	fake_out(r->dev, UART_IER, 0);
	fake_out(r->dev, UART_IER, IER_THRE);
	assert_not_told(r);
	uart_rig_release(r);
	assert_told_once(r);
}

static void test_hold__a_signal_not_read_before_comes_again(void **state)
{
	struct uart_rig *r = *state;

	fake_out(r->dev, UART_IER, IER_THRE);
	r->out.is_held = true;
	assert_true(r->irq.level); /* the port has not been asked since */
	assert_int_equal(uart_rig_cause(r), IIR_NONE);
	assert_not_told(r);
	uart_rig_release(r);
	assert_told_once(r);
}

static void test_hold__who_saw_a_busy_transmitter_is_signalled(void **state)
{
	struct uart_rig *r = *state;

	fake_out(r->dev, UART_IER, IER_THRE);
	assert_int_equal(uart_rig_cause(r), IIR_THRE);
	r->out.is_held = true; /* between reading IIR and LSR, as Linux does */
	assert_int_equal(fake_in(r->dev, UART_LSR), 0);
	uart_rig_release(r);
	assert_told_once(r);
	/* Not, if it did not ask meanwhile. */
	r->out.is_held = true;
	assert_int_equal(uart_rig_cause(r), IIR_NONE);
	uart_rig_release(r);
	assert_false(r->irq.level);
}

static void test_hold__received_bytes_and_overruns_are_signalled(void **state)
{
	struct uart_rig *r = *state;

	fake_out(r->dev, UART_IER, IER_RDA | IER_THRE | IER_RLS);
	r->out.is_held = true;
	assert_int_equal(vmoon_uart_receive(r->dev, "a", 1), 1);
	assert_int_equal(uart_rig_cause(r), IIR_RDA);
	assert_int_equal(fake_in(r->dev, UART_LSR), LSR_DR);
	assert_int_equal(fake_in(r->dev, UART_DATA), 'a');
	assert_not_told(r);
	fake_out(r->dev, UART_MCR, MCR_LOOP);
	for (unsigned i = 0; i < 65; i++)
		fake_out(r->dev, UART_DATA, i);
	fake_out(r->dev, UART_MCR, 0);
	assert_int_equal(uart_rig_cause(r), IIR_RLS);
	assert_int_equal(fake_in(r->dev, UART_LSR), LSR_OE | LSR_DR);
	fake_out(r->dev, UART_FCR, 0x03);
	assert_not_told(r);
	uart_rig_release(r);
	assert_told_once(r);
}

static void test_hold__fifo_control_neither_ends_it_nor_forgets(void **state)
{
	struct uart_rig *r = *state;

	r->out.is_held = true;
	fake_out(r->dev, UART_IER, IER_THRE);
	for (unsigned fcr = 0; fcr < 256; fcr++) {
		fake_out(r->dev, UART_FCR, fcr);
		assert_not_told(r);
	}
	uart_rig_release(r);
	assert_told_once(r);
}

static void test_hold__after_a_reset_nothing_is_signalled(void **state)
{
	struct uart_rig *r = *state;

	r->out.is_held = true;
	fake_out(r->dev, UART_IER, IER_THRE);
	r->dev->ops->reset(r->dev);
	assert_not_told(r);
	uart_rig_release(r);
	assert_int_equal(r->irq.edges, 0);
	assert_int_equal(fake_in(r->dev, UART_LSR), LSR_EMPTY);
	fake_out(r->dev, UART_IER, IER_THRE);
	assert_told_once(r);
}

static void test_hold__loopback_is_as_always(void **state)
{
	struct uart_rig *r = *state;

	r->out.is_held = true;
	fake_out(r->dev, UART_MCR, MCR_LOOP);
	fake_out(r->dev, UART_IER, IER_THRE);
	assert_told_once(r);
	fake_out(r->dev, UART_DATA, 'a');
	assert_int_equal(uart_rig_cause(r), IIR_THRE);
	assert_int_equal(fake_in(r->dev, UART_LSR), LSR_EMPTY | LSR_DR);
	assert_int_equal(fake_in(r->dev, UART_DATA), 'a');
	assert_false(r->out.is_owed);
	/* Out of it the guest finds the transmitter held. */
	fake_out(r->dev, UART_DATA, 'b');
	assert_int_equal(fake_in(r->dev, UART_DATA), 'b');
	fake_out(r->dev, UART_MCR, 0);
	assert_int_equal(uart_rig_cause(r), IIR_NONE);
	assert_not_told(r);
	uart_rig_release(r);
	assert_told_once(r);
}

static void test_hold__going_into_loopback_signals(void **state)
{
	struct uart_rig *r = *state;

	r->out.is_held = true;
	fake_out(r->dev, UART_IER, IER_THRE);
	fake_out(r->dev, UART_MCR, 0x0b);
	assert_not_told(r);
	fake_out(r->dev, UART_MCR, MCR_LOOP);
	assert_told_once(r);
	fake_out(r->dev, UART_MCR, 0);
	uart_rig_release(r);
	assert_false(r->irq.level);
}

static void test_hold__only_who_wants_the_interrupt_asks_the_sink(void **state)
{
	struct uart_rig *r = *state;

	for (unsigned i = 0; i < 100; i++)
		fake_out(r->dev, UART_DATA, i);
	fake_out(r->dev, UART_IER, IER_RDA | IER_RLS);
	fake_out(r->dev, UART_DATA, 'x');
	vmoon_uart_resume(r->dev);
	r->dev->ops->reset(r->dev);
	assert_int_equal(r->out.hold_calls, 0);
	fake_out(r->dev, UART_IER, IER_THRE);
	fake_out(r->dev, UART_DATA, 'x');
	assert_int_equal(r->out.hold_calls, 2);
}

static void test_hold__a_withheld_signal_is_saved(void **state)
{
	static const bool places[][2] = {
		{true, false}, {true, true}, {false, true}, {false, false}};
	struct uart_rig *r = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(places); i++) {
		r->dev->ops->reset(r->dev);
		r->out.is_held = places[i][0];
		fake_out(r->dev, UART_IER, IER_THRE);
		uart_rig_move(r, places[i][1]);
		if (places[i][1])
			assert_not_told(r);
		uart_rig_release(r);
		assert_told_once(r);
	}
}

static void test_hold__loading_signals_with_a_fresh_edge(void **state)
{
	struct uart_rig *r = *state;

	r->out.is_held = true;
	fake_out(r->dev, UART_IER, IER_THRE);
	uart_rig_move(r, false);
	assert_int_equal(r->irq.edges, 1);
	assert_false(r->out.is_owed);
	assert_told_once(r);
	vmoon_uart_resume(r->dev);
	assert_int_equal(r->irq.edges, 1);
}

static void test_hold__a_port_in_loopback_is_loaded_as_if_not_held(void **state)
{
	struct uart_rig *r = *state;

	fake_out(r->dev, UART_MCR, MCR_LOOP);
	fake_out(r->dev, UART_IER, IER_THRE);
	uart_rig_move(r, true);
	assert_told_once(r);
}

/* IER.THRE is clear in it, so no signal can be due. */
static void test_hold__a_hostile_snapshot_owes_no_signal(void **state)
{
	struct uart_rig *r = *state;
	unsigned char buf[128];

	for (unsigned pending = 0; pending < 256; pending++) {
		struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};
		const uint8_t regs[11] = {
			[2] = IER_RDA, [9] = (uint8_t)pending};

		r->out.is_held = (pending & 1) != 0;
		vmoon_state_begin(&w, "uart16550", 1);
		vmoon_state_put_bytes(&w, regs, sizeof(regs));
		assert_int_equal(uart_rig_load(r, buf, w.len), VMOON_OK);
		uart_rig_release(r);
		vmoon_uart_resume(r->dev);
		assert_int_equal(r->out.hold_calls, 0);
		assert_false(r->irq.level);
		assert_int_equal(uart_rig_cause(r), IIR_NONE);
	}
}

static const struct CMUnitTest tests[] = {
	uart_test(test_hold__the_line_status_names_no_empty_transmitter),
	uart_test(test_hold__a_byte_that_is_sent_all_the_same_reaches_the_sink),
	uart_test(test_hold__a_sent_byte_is_signalled_by_resume_and_once),
	uart_test(test_hold__a_byte_sent_after_it_is_signalled_at_once),
	cmocka_unit_test(
		test_hold__the_byte_that_was_too_much_is_not_signalled),
	uart_test(test_hold__enabling_the_interrupt_signals_when_it_is_over),
	uart_test(test_hold__an_interrupt_that_was_disabled_is_not_signalled),
	uart_test(test_hold__a_signal_not_read_before_comes_again),
	uart_test(test_hold__who_saw_a_busy_transmitter_is_signalled),
	uart_test(test_hold__received_bytes_and_overruns_are_signalled),
	uart_test(test_hold__fifo_control_neither_ends_it_nor_forgets),
	uart_test(test_hold__after_a_reset_nothing_is_signalled),
	uart_test(test_hold__loopback_is_as_always),
	uart_test(test_hold__going_into_loopback_signals),
	uart_test(test_hold__only_who_wants_the_interrupt_asks_the_sink),
	uart_test(test_hold__a_withheld_signal_is_saved),
	uart_test(test_hold__loading_signals_with_a_fresh_edge),
	uart_test(test_hold__a_port_in_loopback_is_loaded_as_if_not_held),
	uart_test(test_hold__a_hostile_snapshot_owes_no_signal),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
