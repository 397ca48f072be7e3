/* SPDX-License-Identifier: MIT */
/* uart_rig.h - a serial port among recorders, for its tests. */
#ifndef VMOON_TESTS_UART_RIG_H
#define VMOON_TESTS_UART_RIG_H

#include "devices/uart16550.h"
#include "tests/support/fake_host.h"
#include "tests/support/fixture.h"

/* The registers and bits that the tests speak of (PC16550D, section 8). */
enum {
	UART_DATA = 0,
	UART_IER = 1,
	UART_IIR = 2,
	UART_FCR = 2,
	UART_LCR = 3,
	UART_MCR = 4,
	UART_LSR = 5,
	UART_MSR = 6,
	UART_SCR = 7
};
enum {
	IER_RDA = 1,
	IER_THRE = 2,
	IER_RLS = 4,
	IIR_NONE = 1,
	IIR_CAUSE = 0x0f,
	IIR_THRE = 2,
	IIR_RDA = 4,
	IIR_RLS = 6,
	LCR_DLAB = 0x80,
	LSR_DR = 1,
	LSR_OE = 2,
	LSR_EMPTY = 0x60,
	MCR_LOOP = 0x10
};

struct uart_rig {
	struct fake_irq irq;
	struct fake_sink out;
	struct fake_room room;
	struct vmoon_device *dev;
};

static inline void uart_rig_init(struct uart_rig *r)
{
	struct vmoon_uart_config cfg = {
		.irq = {fake_irq_set, &r->irq},
		.out = {.put = fake_sink_put,
			.is_held = fake_sink_is_held,
			.ctx = &r->out},
		.room = {fake_room_ready, &r->room},
	};
	struct vmoon_error err;

	*r = (struct uart_rig){0};
	assert_ok(vmoon_uart_create(&cfg, &r->dev, &err), &err);
}

/* For cmocka: every test gets a port of its own. */
static inline int uart_rig_setup(void **state)
{
	struct uart_rig *r = test_malloc(sizeof(*r));

	uart_rig_init(r);
	*state = r;
	return 0;
}

static inline int uart_rig_teardown(void **state)
{
	struct uart_rig *r = *state;

	r->dev->ops->destroy(r->dev);
	test_free(r);
	return 0;
}

static inline size_t uart_rig_save(const struct uart_rig *r, unsigned char *buf,
				   size_t size)
{
	struct vmoon_state_writer w = {.buf = buf, .size = size};

	r->dev->ops->save(r->dev, &w);
	assert_false(w.is_overflow);
	return w.len;
}

static inline enum vmoon_status uart_rig_load(struct uart_rig *r,
					      const unsigned char *buf,
					      size_t len)
{
	struct vmoon_state_reader reader = {.buf = buf, .size = len};
	struct vmoon_error err;

	return r->dev->ops->load(r->dev, &reader, &err);
}

static inline struct vmoon_uart_stats uart_rig_stats(const struct uart_rig *r)
{
	struct vmoon_uart_stats stats;

	vmoon_uart_get_stats(r->dev, &stats);
	return stats;
}

static inline unsigned uart_rig_cause(struct uart_rig *r)
{
	return fake_in(r->dev, UART_IIR) & IIR_CAUSE;
}

/* As the runtime does: whoever was told that it is held is told the end. */
static inline void uart_rig_release(struct uart_rig *r)
{
	r->out.is_held = false;
	if (r->out.is_owed)
		vmoon_uart_resume(r->dev);
	r->out.is_owed = false;
}

/* Elsewhere, where nobody has been told anything yet. */
static inline void uart_rig_move(struct uart_rig *r, bool is_held)
{
	unsigned char buf[128];
	size_t len = uart_rig_save(r, buf, sizeof(buf));

	r->dev->ops->reset(r->dev);
	r->out.is_held = is_held;
	r->out.is_owed = false;
	assert_int_equal(uart_rig_load(r, buf, len), VMOON_OK);
}

#define uart_test(f) \
	cmocka_unit_test_setup_teardown(f, uart_rig_setup, uart_rig_teardown)

#endif
