/* SPDX-License-Identifier: MIT */
/*
 * test_uart_hold_walk.c - drivers of a serial port whose sink is held now and
 * then, in every order.
 */
#include "tests/support/uart_rig.h"

enum { STEPS = 6 };

/* A driver that always has something to send; how much of it it could. */
static unsigned drive(struct uart_rig *r, unsigned ier)
{
	const uint64_t before = r->out.calls;

	if ((ier & IER_THRE) != 0 &&
	    (!r->irq.level || uart_rig_cause(r) != IIR_THRE))
		return 0;
	if ((fake_in(r->dev, UART_LSR) & LSR_EMPTY) == LSR_EMPTY)
		fake_out(r->dev, UART_DATA, 'x');
	r->out.len = 0;
	return (unsigned)(r->out.calls - before);
}

static void walk_ier(struct uart_rig *r, unsigned iers, unsigned holds,
		     bool is_moving)
{
	r->dev->ops->reset(r->dev);
	r->out.is_held = r->out.is_owed = false;
	for (unsigned i = 0; i < STEPS; i++) {
		const unsigned ier = iers >> 2 * i & 3;
		const bool is_held = (holds >> i & 1) != 0;

		if (is_held)
			r->out.is_held = true;
		else
			uart_rig_release(r);
		fake_out(r->dev, UART_IER, ier);
		if (is_moving)
			uart_rig_move(r, is_held);
		assert_int_equal(drive(r, ier), !is_held);
	}
}

static void test_s07__a_driver_waits_no_step_longer_than_it_is_held(
	void **state)
{
	struct uart_rig *r = *state;

	for (unsigned iers = 0; iers < 1u << 2 * STEPS; iers++)
		for (unsigned holds = 0; holds < 1u << STEPS; holds++) {
			walk_ier(r, iers, holds, false);
			walk_ier(r, iers, holds, true);
		}
}

/* A guest, and what it has a right to expect. */
struct walker {
	struct uart_rig *r;
	bool is_enabled, is_loop;
	bool knows_empty; /* it was told since it last sent, asked or enabled */
};

static bool is_held_now(const struct walker *w)
{
	return w->r->out.is_held && !w->is_loop;
}

static void toggle_ier(struct walker *w)
{
	w->is_enabled = !w->is_enabled;
	w->knows_empty = false;
	fake_out(w->r->dev, UART_IER, w->is_enabled ? IER_THRE : 0);
}

static void read_iir(struct walker *w)
{
	if (uart_rig_cause(w->r) == IIR_NONE)
		return;
	assert_false(is_held_now(w));
	w->knows_empty = true;
}

static void read_lsr(struct walker *w)
{
	w->knows_empty = (fake_in(w->r->dev, UART_LSR) & LSR_EMPTY) != 0;
	assert_int_equal(w->knows_empty, !is_held_now(w));
}

static void send_byte(struct walker *w)
{
	fake_out(w->r->dev, UART_DATA, 'x');
	w->knows_empty = false;
	w->r->out.len = 0;
}

static void toggle_loop(struct walker *w)
{
	w->is_loop = !w->is_loop;
	fake_out(w->r->dev, UART_MCR, w->is_loop ? MCR_LOOP : 0);
}

static void toggle_hold(struct walker *w)
{
	w->r->out.is_held = !w->r->out.is_held; /* resume may come later */
}

static void resume(struct walker *w)
{
	w->r->out.is_owed = w->r->out.is_owed && w->r->out.is_held;
	vmoon_uart_resume(w->r->dev);
}

static void move_to_free(struct walker *w)
{
	uart_rig_move(w->r, false);
}

static void move_to_held(struct walker *w)
{
	uart_rig_move(w->r, true);
}

static void reset(struct walker *w)
{
	w->r->dev->ops->reset(w->r->dev);
	w->is_enabled = w->is_loop = w->knows_empty = false;
}

static void (*const steps[])(struct walker *w) = {
	toggle_ier,  read_iir, read_lsr,     send_byte,    toggle_loop,
	toggle_hold, resume,   move_to_free, move_to_held, reset};

/* Not told, not held and no resume to come: then the line is up. */
static void check(const struct walker *w)
{
	if (w->is_enabled && !w->knows_empty && !is_held_now(w) &&
	    (!w->r->out.is_owed || w->is_loop))
		assert_true(w->r->irq.level);
	if (!w->is_enabled)
		assert_false(w->r->irq.level);
}

static void test_hold__no_order_of_six_steps_lets_a_driver_wait(void **state)
{
	struct walker w = {.r = *state};

	for (unsigned walk = 0; walk < 1000000; walk++) {
		unsigned left = walk;

		w.r->out.is_held = w.r->out.is_owed = false;
		reset(&w);
		for (unsigned i = 0; i < STEPS; i++, left /= 10) {
			steps[left % 10](&w);
			check(&w);
		}
		uart_rig_release(w.r);
		check(&w);
	}
}

static const struct CMUnitTest tests[] = {
	uart_test(test_s07__a_driver_waits_no_step_longer_than_it_is_held),
	uart_test(test_hold__no_order_of_six_steps_lets_a_driver_wait),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
