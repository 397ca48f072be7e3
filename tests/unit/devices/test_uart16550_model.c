/* SPDX-License-Identifier: MIT */
/* test_uart16550_model.c - the serial port against a model, access by access.
 */
#include "tests/support/uart_rig.h"

/* The port as the data sheet has it, in the plainest words. */
struct model {
	uint8_t reg[8]; /* IER, LCR, MCR and SCR as last written */
	uint8_t divisor[2], queue[64];
	unsigned count;
	bool has_fifo, is_overrun, is_thre_up;
};

static void model_reset(struct model *m)
{
	*m = (struct model){.divisor = {0x0c}};
	m->reg[UART_LCR] = 0x03;
	m->reg[UART_MCR] = 0x08;
}

static unsigned model_cause(const struct model *m)
{
	if (m->is_overrun && (m->reg[UART_IER] & IER_RLS) != 0)
		return IIR_RLS;
	if (m->count > 0 && (m->reg[UART_IER] & IER_RDA) != 0)
		return IIR_RDA;
	return m->is_thre_up && (m->reg[UART_IER] & IER_THRE) != 0 ? IIR_THRE
								   : IIR_NONE;
}

static unsigned model_pop(struct model *m)
{
	unsigned byte = m->count > 0 ? m->queue[0] : 0;

	m->count -= m->count > 0;
	memmove(m->queue, m->queue + 1, sizeof(m->queue) - 1);
	return byte;
}

static unsigned model_msr(const struct model *m)
{
	unsigned out = m->reg[UART_MCR];

	if ((out & MCR_LOOP) == 0)
		return 0xb0;
	return (out & 1) << 5 | (out & 2) << 3 | (out & 4) << 4 |
	       (out & 8) << 4;
}

static unsigned model_read(struct model *m, uint64_t off)
{
	bool is_dlab = (m->reg[UART_LCR] & LCR_DLAB) != 0;
	unsigned val = m->reg[off & 7];

	switch (off) {
	case UART_DATA: return is_dlab ? m->divisor[0] : model_pop(m);
	case UART_IER: return is_dlab ? m->divisor[1] : val;
	case UART_IIR:
		val = model_cause(m);
		if (val == IIR_THRE)
			m->is_thre_up = false;
		return val | (m->has_fifo ? 0xc0 : 0);
	case UART_LSR:
		val = LSR_EMPTY | (m->count > 0 ? LSR_DR : 0) |
		      (m->is_overrun ? LSR_OE : 0);
		m->is_overrun = false;
		return val;
	case UART_MSR: return model_msr(m);
	default: return val;
	}
}

/* True when a byte goes out. */
static bool model_send(struct model *m, uint8_t byte)
{
	bool is_loop = (m->reg[UART_MCR] & MCR_LOOP) != 0;

	m->is_thre_up = (m->reg[UART_IER] & IER_THRE) != 0;
	if (is_loop && m->count < 64)
		m->queue[m->count++] = byte;
	else if (is_loop)
		m->is_overrun = true;
	return !is_loop;
}

static bool model_write(struct model *m, uint64_t off, uint8_t val)
{
	bool is_dlab = (m->reg[UART_LCR] & LCR_DLAB) != 0;

	if (is_dlab && off <= UART_IER) {
		m->divisor[off] = val;
	} else if (off == UART_DATA) {
		return model_send(m, val);
	} else if (off == UART_IER) {
		if ((val & IER_THRE) == 0)
			m->is_thre_up = false;
		else if ((m->reg[off] & IER_THRE) == 0)
			m->is_thre_up = true;
		m->reg[off] = val & 0x0f;
	} else if (off == UART_FCR) {
		m->has_fifo = m->has_fifo || (val & 1) != 0;
		m->count = (val & 2) != 0 ? 0 : m->count;
	} else if (off != UART_LSR && off != UART_MSR) {
		m->reg[off] = off == UART_MCR ? val & 0x1f : val;
	}
	return false;
}

static uint32_t next_random(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

/* Save and load, into the same port: nothing may change. */
static void reload(struct uart_rig *r)
{
	unsigned char buf[128];

	assert_int_equal(
		uart_rig_load(r, buf, uart_rig_save(r, buf, sizeof(buf))),
		VMOON_OK);
}

static void receive(struct uart_rig *r, struct model *m, unsigned n)
{
	bool is_loop = (m->reg[UART_MCR] & MCR_LOOP) != 0;
	uint8_t in[16];
	size_t want = is_loop ? 0 : 64 - m->count;

	want = n < want ? n : want;
	for (unsigned i = 0; i < n; i++)
		in[i] = (uint8_t)(n * 16 + i);
	assert_int_equal(vmoon_uart_receive(r->dev, in, n), want);
	memcpy(m->queue + m->count, in, want);
	m->count += (unsigned)want;
}

static void step(struct uart_rig *r, struct model *m, uint32_t x)
{
	const uint64_t off = x >> 8 & 7, sent = r->out.calls;
	const unsigned size = 1u << (x >> 12 & 3);
	const uint8_t val = (uint8_t)(x >> 16);
	bool goes_out = false;

	switch (x & 15) {
	case 0: receive(r, m, x >> 8 & 15); break;
	case 1: reload(r); break;
	case 2: /* of a wrong width: refused, unless it is 1 */
		if (size == 1)
			break;
		assert_int_equal(r->dev->ops->read(r->dev, off, size), 0);
		r->dev->ops->write(r->dev, off, size, x);
		break;
	case 3: /* seldom */
		if (off == 0 && size == 8) {
			r->dev->ops->reset(r->dev);
			model_reset(m);
		}
		break;
	default:
		if ((x & 1) != 0) {
			fake_out(r->dev, off, val);
			goes_out = model_write(m, off, val);
		} else {
			assert_int_equal(fake_in(r->dev, off),
					 model_read(m, off));
		}
	}
	assert_int_equal(r->out.calls, sent + goes_out);
	assert_int_equal(r->irq.level, model_cause(m) != IIR_NONE);
}

static void test_s14__a_million_accesses_match_the_model(void **state)
{
	struct uart_rig *r = *state;
	uint32_t x = 1414;
	struct model m;

	model_reset(&m);
	for (unsigned turn = 0; turn < 1000000; turn++) {
		step(r, &m, next_random(&x));
		r->out.len = 0;
	}
}

static const struct CMUnitTest tests[] = {
	uart_test(test_s14__a_million_accesses_match_the_model),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
