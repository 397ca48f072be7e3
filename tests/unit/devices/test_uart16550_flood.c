/* SPDX-License-Identifier: MIT */
/* test_uart16550_flood.c - the serial port under hostile and real drivers. */
#include "tests/support/uart_rig.h"

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* A plain queue says what the FIFO must hold after any mix of calls. */
static void test_ser_08__the_fifo_is_a_queue_of_at_most_64(void **state)
{
	struct uart_rig *r = *state;
	uint8_t model[64], in[80];
	size_t count = 0, n;
	uint32_t seed = 8;
	bool is_loop = false;

	for (unsigned turn = 0; turn < 200000; turn++) {
		uint32_t x = next_random(&seed);

		switch (x % 8) {
		case 0:
			is_loop = (x >> 8 & 1) != 0;
			fake_out(r->dev, UART_MCR, is_loop ? MCR_LOOP : 0);
			break;
		case 1:
		case 2:
			fake_out(r->dev, UART_DATA, x >> 8 & 0xff);
			if (is_loop && count < 64)
				model[count++] = (uint8_t)(x >> 8);
			r->out.len = 0;
			break;
		case 3:
			memset(in, (int)(x >> 8 & 0xff), sizeof(in));
			n = vmoon_uart_receive(r->dev, in, x >> 16 & 0x3f);
			assert_true(count + n <= 64);
			memcpy(model + count, in, n);
			count += n;
			break;
		default:
			n = fake_in(r->dev, UART_DATA);
			assert_int_equal(n, count > 0 ? model[0] : 0);
			count -= count > 0;
			memmove(model, model + 1, count);
			break;
		}
		assert_int_equal(vmoon_uart_room(r->dev),
				 is_loop ? 0 : 64 - count);
		assert_int_equal((fake_in(r->dev, UART_LSR) & LSR_DR) != 0,
				 count > 0);
	}
}

static void test_s01__a_flood_of_input_fills_64_bytes_and_no_more(void **state)
{
	struct uart_rig *r = *state;
	char in[1000];
	size_t taken = 0;

	memset(in, 'i', sizeof(in));
	for (unsigned i = 0; i < 100000; i++)
		taken += vmoon_uart_receive(r->dev, in, sizeof(in));
	assert_int_equal(taken, 64);
	assert_int_equal(vmoon_uart_room(r->dev), 0);
}

static void test_s02__a_flood_in_loopback_stays_in_the_fifo(void **state)
{
	struct uart_rig *r = *state;

	fake_out(r->dev, UART_MCR, MCR_LOOP);
	for (unsigned i = 0; i < 10000000; i++)
		fake_out(r->dev, UART_DATA, i & 0xff);
	assert_int_equal(r->out.calls, 0);
	assert_true((fake_in(r->dev, UART_LSR) & LSR_OE) != 0);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(fake_in(r->dev, UART_DATA), i);
	assert_int_equal(fake_in(r->dev, UART_LSR), LSR_EMPTY);
}

/*
 * A feeder as the loop has one: while it is armed it wakes, gives what there
 * is room for and disarms itself when there is no room left.
 */
static void test_s03__a_full_fifo_wakes_its_feeder_once_when_drained(
	void **state)
{
	struct uart_rig *r = *state;
	unsigned wakeups = 0, told = 0;
	bool is_armed = true;

	for (unsigned turn = 0; turn < 1000 && is_armed; turn++) {
		wakeups++;
		if (vmoon_uart_room(r->dev) == 0)
			is_armed = false;
		else
			assert_int_equal(vmoon_uart_receive(r->dev, "in", 2),
					 2);
	}
	assert_false(is_armed);
	assert_int_equal(wakeups, 33); /* 32 to fill, one while full */
	for (unsigned i = 0; i < 64; i++) {
		assert_int_equal(r->room.count, told);
		assert_int_equal(fake_in(r->dev, UART_DATA), "in"[i % 2]);
	}
	assert_int_equal(r->room.count, 1);
	(void)fake_in(r->dev, UART_DATA); /* reading nothing tells nothing */
	assert_int_equal(r->room.count, 1);
}

static void test_ser_29__the_last_byte_read_makes_room_known(void **state)
{
	struct uart_rig *r = *state;

	assert_int_equal(vmoon_uart_receive(r->dev, "ab", 2), 2);
	(void)fake_in(r->dev, UART_DATA);
	assert_int_equal(r->room.count, 0);
	(void)fake_in(r->dev, UART_DATA);
	assert_int_equal(r->room.count, 1);
}

static void test_s06__no_divisor_and_no_line_control_traps(void **state)
{
	struct uart_rig *r = *state;

	for (unsigned divisor = 0; divisor < 65536; divisor++) {
		fake_out(r->dev, UART_LCR, LCR_DLAB);
		fake_out(r->dev, 0, divisor & 0xff);
		fake_out(r->dev, 1, divisor >> 8);
		for (unsigned lcr = 0; lcr < 256; lcr++)
			fake_out(r->dev, UART_LCR, lcr);
		fake_out(r->dev, UART_LCR, 0x03);
		fake_out(r->dev, UART_DATA, 'x');
		r->out.len = 0;
	}
	assert_int_equal(r->out.calls, 65536);
}

/* Moves a port into a new one through a snapshot. */
static void move_port(struct uart_rig *from, struct uart_rig *to)
{
	unsigned char buf[128];
	size_t len = uart_rig_save(from, buf, sizeof(buf));

	uart_rig_init(to);
	assert_int_equal(uart_rig_load(to, buf, len), VMOON_OK);
	assert_int_equal(to->irq.level, from->irq.level);
	from->dev->ops->destroy(from->dev);
}

/* One driver's life: six IER values, two bits each, a byte after each. */
static void walk_ier(unsigned walk)
{
	struct uart_rig r[2]; /* by turns */
	struct uart_rig *now = &r[0];
	unsigned was = 0;

	uart_rig_init(now);
	for (unsigned step = 0; step < 6; step++) {
		unsigned ier = walk >> (2 * step) & 3;

		fake_out(now->dev, UART_IER, ier);
		/* Switched on: the driver must hear of it at once. */
		if ((ier & ~was & IER_THRE) != 0)
			assert_true(now->irq.level);
		fake_out(now->dev, UART_DATA, step);
		assert_int_equal(now->irq.level, (ier & IER_THRE) != 0);
		move_port(now, &r[(step + 1) % 2]);
		now = &r[(step + 1) % 2];
		if (((walk ^ step) & 1) != 0) /* some acknowledge */
			VMOON_IGNORE(uart_rig_cause(now));
		was = ier;
	}
	now->dev->ops->destroy(now->dev);
}

static void test_s07__no_transmit_interrupt_is_ever_lost(void **state)
{
	(void)state;
	for (unsigned walk = 0; walk < 1u << 12; walk++)
		walk_ier(walk);
}

static void test_s08__offering_no_bytes_takes_none_at_any_fill(void **state)
{
	static const size_t fills[] = {0, 63, 64};
	char in[64] = {0};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(fills); i++) {
		struct uart_rig r;

		uart_rig_init(&r);
		assert_int_equal(vmoon_uart_receive(r.dev, in, fills[i]),
				 fills[i]);
		fake_out(r.dev, UART_IER, IER_RDA);
		r.irq.edges = 0;
		assert_int_equal(vmoon_uart_receive(r.dev, in, 0), 0);
		assert_int_equal(r.irq.edges, 0);
		assert_int_equal(vmoon_uart_room(r.dev), 64 - fills[i]);
		r.dev->ops->destroy(r.dev);
	}
}

static void test_s09__every_wrong_width_or_offset_reads_0_and_counts(
	void **state)
{
	struct uart_rig *r = *state;
	uint64_t refused = 0;

	for (unsigned off = 0; off < 256; off++)
		for (unsigned size = 1; size <= 8; size *= 2) {
			if (size == 1 && off < 8)
				continue;
			assert_int_equal(r->dev->ops->read(r->dev, off, size),
					 0);
			r->dev->ops->write(r->dev, off, size, UINT64_MAX);
			refused += 2;
			assert_int_equal(uart_rig_stats(r).refused, refused);
		}
	assert_int_equal(r->out.calls, 0);
	assert_int_equal(fake_in(r->dev, UART_IER), 0);
	assert_int_equal(fake_in(r->dev, UART_LCR), 0x03);
}

/* What the 8250 driver of Linux asks before it says "is a 16550A". */
static void test_uart16550__linux_detects_a_16550a(void **state)
{
	struct uart_rig *r = *state;
	unsigned mcr = fake_in(r->dev, UART_MCR);

	fake_out(r->dev, UART_IER, 0);
	assert_int_equal(fake_in(r->dev, UART_IER) & 0x0f, 0);
	fake_out(r->dev, UART_IER, 0x0f);
	assert_int_equal(fake_in(r->dev, UART_IER) & 0x0f, 0x0f);
	fake_out(r->dev, UART_IER, 0);
	fake_out(r->dev, UART_MCR, MCR_LOOP | 0x0a);
	assert_int_equal(fake_in(r->dev, UART_MSR) & 0xf0, 0x90);
	fake_out(r->dev, UART_MCR, mcr);
	/* An EFR lives at FCR's place in newer chips. */
	fake_out(r->dev, UART_LCR, 0xbf);
	fake_out(r->dev, UART_FCR, 0);
	fake_out(r->dev, UART_LCR, 0);
	fake_out(r->dev, UART_FCR, 1);
	assert_int_equal(fake_in(r->dev, UART_IIR) & 0xc0, 0xc0);
	fake_out(r->dev, UART_LCR, LCR_DLAB); /* not a 16650 */
	assert_int_not_equal(fake_in(r->dev, UART_FCR), 0);
	fake_out(r->dev, UART_LCR, 0xbf); /* nor a 16650V2 */
	assert_int_not_equal(fake_in(r->dev, UART_FCR), 0);
	fake_out(r->dev, UART_LCR, LCR_DLAB); /* nor a 16750: bit 5 */
	fake_out(r->dev, UART_FCR, 0x21);
	assert_int_equal(fake_in(r->dev, UART_IIR) >> 5, 6);
	fake_out(r->dev, UART_LCR, 0);
	fake_out(r->dev, UART_IER, 0x40); /* nor an XScale */
	assert_int_equal(fake_in(r->dev, UART_IER), 0);
}

/* Its start-up test: is THRE signalled again after a trip through IER 0? */
static void test_uart16550__linux_needs_no_transmit_workaround(void **state)
{
	struct uart_rig *r = *state;

	fake_out(r->dev, UART_FCR, 0x07);
	for (unsigned i = 0; i < 3; i++) {
		fake_out(r->dev, UART_IER, IER_THRE);
		assert_int_equal(fake_in(r->dev, UART_LSR), LSR_EMPTY);
		assert_int_equal(uart_rig_cause(r), IIR_THRE);
		fake_out(r->dev, UART_IER, 0);
		assert_false(r->irq.level);
	}
}

static const struct CMUnitTest tests[] = {
	uart_test(test_ser_08__the_fifo_is_a_queue_of_at_most_64),
	uart_test(test_s01__a_flood_of_input_fills_64_bytes_and_no_more),
	uart_test(test_s02__a_flood_in_loopback_stays_in_the_fifo),
	uart_test(test_s03__a_full_fifo_wakes_its_feeder_once_when_drained),
	uart_test(test_ser_29__the_last_byte_read_makes_room_known),
	uart_test(test_s06__no_divisor_and_no_line_control_traps),
	cmocka_unit_test(test_s07__no_transmit_interrupt_is_ever_lost),
	cmocka_unit_test(test_s08__offering_no_bytes_takes_none_at_any_fill),
	uart_test(test_s09__every_wrong_width_or_offset_reads_0_and_counts),
	uart_test(test_uart16550__linux_detects_a_16550a),
	uart_test(test_uart16550__linux_needs_no_transmit_workaround),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
