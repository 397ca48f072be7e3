/* SPDX-License-Identifier: MIT */
/*
 * uart16550.c - a 16550A serial port for a console.
 *
 * Not modelled: the baud rate and frame format (stored, without effect),
 * break, parity and framing errors, receive trigger levels and the character
 * timeout (one byte is enough to signal), modem line changes (MSR deltas, IER
 * bit 3), the transmit FIFO: bytes leave at once, and the transmitter is empty
 * unless the sink is held. Then neither LSR nor IIR says that it is, and bytes
 * still leave. The receive FIFO has 64 bytes and holds them even while FCR bit
 * 0 is clear; FCR bit 1 empties it whatever bit 0 says; IIR keeps naming the
 * FIFO once it has been enabled. A guest that measures the FIFO through
 * loopback finds 64.
 *
 * Spec: PC16550D data sheet, section 8.
 */
#include "uart16550.h"

#include <assert.h>
#include <string.h>

enum uart_reg {
	REG_DATA = 0, /* RBR, THR; DLL with DLAB */
	REG_IER = 1,  /* DLM with DLAB */
	REG_IIR = 2,  /* FCR when written */
	REG_LCR = 3,
	REG_MCR = 4,
	REG_LSR = 5,
	REG_MSR = 6,
	REG_SCR = 7
};

#define IER_RDA 0x01u
#define IER_THRE 0x02u
#define IER_RLS 0x04u
#define IER_MASK 0x0fu

/* One cause at a time, by priority; not a bit mask (8.6). */
#define IIR_NONE 0x01u
#define IIR_THRE 0x02u
#define IIR_RDA 0x04u
#define IIR_RLS 0x06u
#define IIR_FIFO 0xc0u

#define FCR_ENABLE 0x01u
#define FCR_CLEAR_RX 0x02u

#define LCR_DLAB 0x80u

#define MCR_DTR 0x01u
#define MCR_RTS 0x02u
#define MCR_OUT1 0x04u
#define MCR_OUT2 0x08u
#define MCR_LOOP 0x10u
#define MCR_MASK 0x1fu

#define LSR_DR 0x01u
#define LSR_OE 0x02u
#define LSR_TX_EMPTY 0x60u /* THRE and TEMT */

#define MSR_CTS 0x10u
#define MSR_DSR 0x20u
#define MSR_RI 0x40u
#define MSR_DCD 0x80u
#define MSR_LINES 0xf0u

/* Keeps the way of a byte to the sink straight: half a nanosecond of 2.5. */
#define LIKELY(claim) __builtin_expect((claim), 1)

enum { STATE_VERSION = 1 };

/* A signal of the empty transmitter. Saved is only whether there is one. */
enum thre {
	THRE_QUIET,   /* the guest had it, or does not want it */
	THRE_LATCHED, /* the guest is being told */
	THRE_DUE      /* withheld: is_held said so, which promises a resume */
};

/* What a snapshot holds. */
struct uart_state {
	uint8_t dll, dlm, ier, lcr, mcr, msr, scr;
	bool has_fifo;             /* FCR bit 0 was set at least once */
	bool is_overrun;           /* LSR.OE */
	enum thre thre;            /* invariant: quiet unless IER.THRE is set */
	uint8_t rx_head, rx_count; /* invariant: < and <= the FIFO's size */
	uint8_t rx[VMOON_UART_FIFO_BYTES];
};

struct uart {
	struct vmoon_device dev;
	struct vmoon_mem *mem; /* borrowed */
	struct vmoon_irq irq;
	struct vmoon_sink out;
	struct vmoon_room room;
	bool irq_level; /* what irq was last told */
	struct uart_state s;
	struct vmoon_uart_stats stats;
	uint8_t thr; /* the byte being sent: here, a stack guard costs more */
};

static struct uart *uart_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct uart, dev);
}

static const struct uart *const_uart_of(const struct vmoon_device *dev)
{
	return VMOON_CONST_CONTAINER_OF(dev, struct uart, dev);
}

static void set_power_on(struct uart_state *s)
{
	*s = (struct uart_state){
		.dll = 0x0c, /* 9600 baud */
		.lcr = 0x03, /* 8N1 */
		.mcr = MCR_OUT2,
		.msr = MSR_DCD | MSR_DSR | MSR_CTS,
	};
}

static unsigned pending_cause(const struct uart_state *s)
{
	if (s->is_overrun && (s->ier & IER_RLS) != 0)
		return IIR_RLS;
	if (s->rx_count > 0 && (s->ier & IER_RDA) != 0)
		return IIR_RDA;
	return s->thre == THRE_LATCHED ? IIR_THRE : IIR_NONE;
}

static void update_irq(struct uart *u)
{
	bool level = pending_cause(&u->s) != IIR_NONE;

	if (level == u->irq_level)
		return;
	u->irq_level = level;
	u->irq.set(u->irq.ctx, level);
}

static bool wants_thre(const struct uart_state *s)
{
	return (s->ier & IER_THRE) != 0;
}

/* In loopback nothing is sent, so nothing need wait. */
static bool is_held(const struct uart *u)
{
	return u->out.is_held != NULL && (u->s.mcr & MCR_LOOP) == 0 &&
	       u->out.is_held(u->out.ctx);
}

static void set_thre(struct uart *u, enum thre thre)
{
	u->s.thre = wants_thre(&u->s) ? thre : THRE_QUIET;
	update_irq(u);
}

/* The transmitter is empty, or would be if it were not held. */
static void signal_thre(struct uart *u)
{
	set_thre(u, is_held(u) ? THRE_DUE : THRE_LATCHED);
}

static size_t rx_room(const struct uart_state *s)
{
	if ((s->mcr & MCR_LOOP) != 0)
		return 0;
	return (size_t)VMOON_UART_FIFO_BYTES - s->rx_count;
}

/* Wakes the feeder, who may have stopped at a full FIFO or in loopback. */
static void tell_room(const struct uart *u)
{
	if (u->room.ready != NULL && rx_room(&u->s) > 0)
		u->room.ready(u->room.ctx);
}

static bool push_rx(struct uart_state *s, uint8_t byte)
{
	if (s->rx_count >= VMOON_UART_FIFO_BYTES)
		return false;
	s->rx[(s->rx_head + s->rx_count) % VMOON_UART_FIFO_BYTES] = byte;
	s->rx_count++;
	return true;
}

static uint8_t pop_rx(struct uart *u)
{
	struct uart_state *s = &u->s;
	uint8_t byte;

	if (s->rx_count == 0)
		return 0;
	byte = s->rx[s->rx_head];
	s->rx_head = (uint8_t)((s->rx_head + 1) % VMOON_UART_FIFO_BYTES);
	s->rx_count--;
	update_irq(u);
	if (s->rx_count == 0)
		tell_room(u);
	return byte;
}

static uint8_t read_iir(struct uart *u)
{
	unsigned cause = pending_cause(&u->s);

	if (cause == IIR_THRE && is_held(u)) {
		cause = IIR_NONE; /* it became so since: not now, but later */
		set_thre(u, THRE_DUE);
	} else if (cause == IIR_THRE) {
		set_thre(u, THRE_QUIET); /* to be told acknowledges it (8.6) */
	}
	return (uint8_t)(cause | (u->s.has_fifo ? IIR_FIFO : 0));
}

static uint8_t read_lsr(struct uart *u)
{
	unsigned lsr = LSR_TX_EMPTY;

	/* Who sees a busy transmitter waits for its signal, had it or not. */
	if (is_held(u)) {
		lsr = 0;
		set_thre(u, THRE_DUE);
	}
	lsr |= u->s.rx_count > 0 ? LSR_DR : 0;
	if (u->s.is_overrun) {
		lsr |= LSR_OE;
		u->s.is_overrun = false;
		update_irq(u);
	}
	return (uint8_t)lsr;
}

/* In loopback the modem outputs are the modem inputs (8.7). */
static uint8_t read_msr(const struct uart_state *s)
{
	unsigned msr = 0;

	if ((s->mcr & MCR_LOOP) == 0)
		return s->msr;
	msr |= (s->mcr & MCR_DTR) != 0 ? MSR_DSR : 0;
	msr |= (s->mcr & MCR_RTS) != 0 ? MSR_CTS : 0;
	msr |= (s->mcr & MCR_OUT1) != 0 ? MSR_RI : 0;
	msr |= (s->mcr & MCR_OUT2) != 0 ? MSR_DCD : 0;
	return (uint8_t)msr;
}

static uint64_t uart_read(struct vmoon_device *dev, uint64_t off, unsigned size)
{
	struct uart *u = uart_of(dev);
	bool dlab = (u->s.lcr & LCR_DLAB) != 0;

	if (size != 1 || off >= VMOON_UART_PORTS) {
		u->stats.refused++;
		return 0;
	}
	switch ((enum uart_reg)off) {
	case REG_DATA: return dlab ? u->s.dll : pop_rx(u);
	case REG_IER: return dlab ? u->s.dlm : u->s.ier;
	case REG_IIR: return read_iir(u);
	case REG_LCR: return u->s.lcr;
	case REG_MCR: return u->s.mcr;
	case REG_LSR: return read_lsr(u);
	case REG_MSR: return read_msr(&u->s);
	case REG_SCR: return u->s.scr;
	}
	return 0;
}

/*
 * The hot path: one call of the sink and, unless the guest wants a transmit
 * interrupt, nothing else. A byte that was lost is sent all the same. It is the
 * byte that may fill the sink, so whether that is held is asked afterwards.
 */
static void transmit(struct uart *u, uint8_t byte)
{
	if (!LIKELY((u->s.mcr & MCR_LOOP) == 0)) {
		if (!push_rx(&u->s, byte))
			u->s.is_overrun = true;
	} else {
		u->thr = byte;
		if (LIKELY(u->out.put(u->out.ctx, &u->thr, 1)))
			u->stats.tx_bytes++;
		else
			u->stats.tx_lost++;
		if (LIKELY(!wants_thre(&u->s)))
			return;
	}
	signal_thre(u);
}

/* Enabling THRE while the transmitter is empty signals it. */
static void write_ier(struct uart *u, uint8_t val)
{
	bool was_on = wants_thre(&u->s);

	u->s.ier = val & IER_MASK;
	if (wants_thre(&u->s) && !was_on)
		signal_thre(u);
	else
		set_thre(u, u->s.thre);
}

static void write_fcr(struct uart *u, uint8_t val)
{
	u->s.has_fifo |= (val & FCR_ENABLE) != 0;
	if ((val & FCR_CLEAR_RX) != 0 && u->s.rx_count > 0) {
		u->s.rx_count = 0;
		update_irq(u);
		tell_room(u);
	}
}

static void write_mcr(struct uart *u, uint8_t val)
{
	bool was_loop = (u->s.mcr & MCR_LOOP) != 0;

	u->s.mcr = val & MCR_MASK;
	if (was_loop)
		tell_room(u);
	vmoon_uart_resume(&u->dev); /* nothing is held in loopback */
}

static void uart_write(struct vmoon_device *dev, uint64_t off, unsigned size,
		       uint64_t val)
{
	struct uart *u = uart_of(dev);
	bool dlab = (u->s.lcr & LCR_DLAB) != 0;
	uint8_t byte = (uint8_t)(val & 0xff);

	if (LIKELY(size == 1 && off == REG_DATA && !dlab)) {
		transmit(u, byte); /* before all others: it is the hot one */
		return;
	}
	if (size != 1 || off >= VMOON_UART_PORTS) {
		u->stats.refused++;
		return;
	}
	switch ((enum uart_reg)off) {
	case REG_DATA: u->s.dll = byte; break;
	case REG_IER:
		if (dlab)
			u->s.dlm = byte;
		else
			write_ier(u, byte);
		break;
	case REG_IIR: write_fcr(u, byte); break;
	case REG_LCR: u->s.lcr = byte; break;
	case REG_MCR: write_mcr(u, byte); break;
	case REG_SCR: u->s.scr = byte; break;
	case REG_LSR:
	case REG_MSR: break; /* read only */
	}
}

static void uart_reset(struct vmoon_device *dev)
{
	struct uart *u = uart_of(dev);

	set_power_on(&u->s);
	update_irq(u);
	tell_room(u);
}

static void uart_save(const struct vmoon_device *dev,
		      struct vmoon_state_writer *w)
{
	const struct uart_state *s = &const_uart_of(dev)->s;
	const uint8_t thre = s->thre != THRE_QUIET;
	const uint8_t regs[] = {s->dll,        s->dlm, s->ier,     s->lcr,
				s->mcr,        s->msr, s->scr,     s->has_fifo,
				s->is_overrun, thre,   s->rx_count};

	vmoon_state_begin(w, dev->ops->type, STATE_VERSION);
	vmoon_state_put_bytes(w, regs, sizeof(regs));
	for (unsigned i = 0; i < s->rx_count; i++)
		vmoon_state_put(
			w, s->rx[(s->rx_head + i) % VMOON_UART_FIFO_BYTES], 1);
}

/* Registers are masked as a guest's writes are; LSR is made from the FIFO. */
static void get_registers(struct vmoon_state_reader *r, struct uart_state *s)
{
	s->dll = (uint8_t)vmoon_state_get(r, 1);
	s->dlm = (uint8_t)vmoon_state_get(r, 1);
	s->ier = (uint8_t)(vmoon_state_get(r, 1) & IER_MASK);
	s->lcr = (uint8_t)vmoon_state_get(r, 1);
	s->mcr = (uint8_t)(vmoon_state_get(r, 1) & MCR_MASK);
	s->msr = (uint8_t)(vmoon_state_get(r, 1) & MSR_LINES);
	s->scr = (uint8_t)vmoon_state_get(r, 1);
	s->has_fifo = vmoon_state_get(r, 1) != 0;
	s->is_overrun = vmoon_state_get(r, 1) != 0;
	if (vmoon_state_get(r, 1) != 0 && wants_thre(s))
		s->thre = THRE_DUE;
}

static enum vmoon_status uart_load(struct vmoon_device *dev,
				   struct vmoon_state_reader *r,
				   struct vmoon_error *err)
{
	struct uart *u = uart_of(dev);
	struct uart_state s = {0};
	unsigned count;

	if (vmoon_state_expect(r, dev->ops->type, STATE_VERSION))
		get_registers(r, &s);
	count = (unsigned)vmoon_state_get(r, 1);
	if (count > VMOON_UART_FIFO_BYTES)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "uart16550: the snapshot holds %u bytes of "
				  "input where the FIFO takes %d; take a new "
				  "snapshot",
				  count, VMOON_UART_FIFO_BYTES);
	vmoon_state_get_bytes(r, s.rx, count);
	if (r->is_bad)
		return vmoon_fail(err, VMOON_E_IMAGE, 0,
				  "uart16550: the snapshot is cut short or of "
				  "another version; take a new snapshot");
	s.rx_count = (uint8_t)count;
	u->s = s;
	/* An edge may have been lost with the old machine: make a new one. */
	u->irq_level = false;
	u->irq.set(u->irq.ctx, false);
	vmoon_uart_resume(dev); /* unless it is held here as well */
	update_irq(u);
	tell_room(u);
	return VMOON_OK;
}

static void uart_destroy(struct vmoon_device *dev)
{
	struct uart *u = uart_of(dev);

	vmoon_mem_free(u->mem, u, sizeof(*u));
}

static const struct vmoon_device_ops uart_ops = {
	.type = "uart16550",
	.read = uart_read,
	.write = uart_write,
	.reset = uart_reset,
	.save = uart_save,
	.load = uart_load,
	.destroy = uart_destroy,
};

enum vmoon_status vmoon_uart_create(const struct vmoon_uart_config *cfg,
				    struct vmoon_device **out_dev,
				    struct vmoon_error *err)
{
	struct uart *u;

	assert(cfg->irq.set != NULL && cfg->out.put != NULL);
	u = vmoon_mem_alloc(cfg->mem, sizeof(*u));
	if (u == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "uart16550: out of memory");
	u->mem = cfg->mem;
	u->dev.ops = &uart_ops;
	u->irq = cfg->irq;
	u->out = cfg->out;
	u->room = cfg->room;
	set_power_on(&u->s);
	*out_dev = &u->dev;
	return VMOON_OK;
}

size_t vmoon_uart_receive(struct vmoon_device *dev, const void *buf, size_t len)
{
	struct uart *u = uart_of(dev);
	const uint8_t *bytes = buf;
	size_t n = rx_room(&u->s);

	if (n > len)
		n = len;
	for (size_t i = 0; i < n; i++)
		VMOON_IGNORE(push_rx(&u->s, bytes[i])); /* n fits */
	u->stats.rx_bytes += n;
	update_irq(u);
	return n;
}

void vmoon_uart_resume(struct vmoon_device *dev)
{
	struct uart *u = uart_of(dev);

	if (u->s.thre == THRE_DUE)
		signal_thre(u);
}

size_t vmoon_uart_room(const struct vmoon_device *dev)
{
	return rx_room(&const_uart_of(dev)->s);
}

void vmoon_uart_get_stats(const struct vmoon_device *dev,
			  struct vmoon_uart_stats *out)
{
	*out = const_uart_of(dev)->stats;
}
