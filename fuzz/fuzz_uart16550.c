/* SPDX-License-Identifier: MIT */
/*
 * fuzz_uart16550.c - a guest, a host and a snapshot file, all hostile.
 *
 * Input: operations of one byte; the low three bits say which, the others
 * parametrise it, more bytes follow where it needs them. The sink is held now
 * and then; a driver that waits for the transmitter must never wait for ever.
 */
#include "devices/uart16550.h"
#include "fuzz.h"
#include "tests/support/fake_host.h"

enum { SNAPSHOT_MAX = 256 };

enum {
	OFF_DATA = 0,
	OFF_IER = 1,
	OFF_IIR = 2,
	OFF_LCR = 3,
	OFF_MCR = 4,
	OFF_LSR = 5,
	IER_THRE = 0x02,
	IIR_CAUSE = 0x0f,
	IIR_THRE = 0x02,
	LCR_DLAB = 0x80,
	LSR_EMPTY = 0x60,
	MCR_LOOP = 0x10
};

struct rig {
	struct fake_irq irq;
	struct fake_sink out;
	struct fake_room room;
	struct vmoon_device *dev;
	bool is_waiting; /* not told since it sent, asked in vain or enabled */
};

static void rig_init(struct rig *r)
{
	struct vmoon_uart_config cfg = {
		.irq = {fake_irq_set, &r->irq},
		.out = {.put = fake_sink_put,
			.is_held = fake_sink_is_held,
			.ctx = &r->out},
		.room = {fake_room_ready, &r->room},
	};

	memset(r, 0, sizeof(*r));
	FUZZ_REQUIRE(vmoon_uart_create(&cfg, &r->dev, NULL) == VMOON_OK);
}

static bool is_dlab(const struct rig *r)
{
	return (fake_in(r->dev, OFF_LCR) & LCR_DLAB) != 0;
}

static bool is_loop(const struct rig *r)
{
	return (fake_in(r->dev, OFF_MCR) & MCR_LOOP) != 0;
}

static bool is_held(const struct rig *r)
{
	return r->out.is_held && !is_loop(r);
}

static void guest_out(struct rig *r, uint64_t off, uint8_t val)
{
	const bool is_divisor = is_dlab(r) && off <= OFF_IER;
	const bool was_on =
		is_dlab(r) || (fake_in(r->dev, OFF_IER) & IER_THRE) != 0;

	fake_out(r->dev, off, val);
	if (!is_divisor && (off == OFF_DATA || (off == OFF_IER && !was_on)))
		r->is_waiting = true;
}

static void guest_in(struct rig *r, unsigned off)
{
	const unsigned val = fake_in(r->dev, off);

	if (off == OFF_LSR) {
		r->is_waiting = (val & LSR_EMPTY) == 0;
		FUZZ_REQUIRE((val & LSR_EMPTY) == (is_held(r) ? 0 : LSR_EMPTY));
	}
	if (off == OFF_IIR && (val & IIR_CAUSE) == IIR_THRE) {
		r->is_waiting = false;
		FUZZ_REQUIRE(!is_held(r));
	}
}

/* The register accesses that have no side effect tell what must hold. */
static void check(struct rig *r)
{
	size_t room = vmoon_uart_room(r->dev);
	unsigned ier;

	FUZZ_REQUIRE(room <= VMOON_UART_FIFO_BYTES);
	FUZZ_REQUIRE(!is_loop(r) || room == 0);
	FUZZ_REQUIRE(fake_in(r->dev, OFF_MCR) <= 0x1f);
	if (is_dlab(r))
		return;
	ier = fake_in(r->dev, OFF_IER);
	FUZZ_REQUIRE(ier <= 0x0f);
	FUZZ_REQUIRE(!r->irq.level || (ier & 7) != 0);
	/* Who waits is told, unless that is to come. */
	FUZZ_REQUIRE(r->irq.level || (ier & IER_THRE) == 0 || !r->is_waiting ||
		     is_held(r) || (r->out.is_owed && !is_loop(r)));
}

/* As the runtime does: whoever was told that it is held is told the end. */
static void release(struct rig *r)
{
	r->out.is_held = false;
	if (r->out.is_owed)
		vmoon_uart_resume(r->dev);
	r->out.is_owed = false;
	check(r);
}

/* The sinks may differ in who is held, and the lines in what that hides. */
static void compare_lines(const struct rig *r, const struct rig *other)
{
	if (is_held(other))
		FUZZ_REQUIRE(r->irq.level || !other->irq.level);
	else
		FUZZ_REQUIRE(other->irq.level || !r->irq.level);
	if (!is_held(r) && !is_held(other) && !r->out.is_owed)
		FUZZ_REQUIRE(r->irq.level == other->irq.level);
}

/* What one port saves another one loads, and saves alike. */
static void round_trip(struct rig *r, bool is_held_there)
{
	unsigned char a[SNAPSHOT_MAX], b[SNAPSHOT_MAX];
	struct vmoon_state_writer w = {.buf = a, .size = sizeof(a)};
	struct vmoon_state_writer again = {.buf = b, .size = sizeof(b)};
	struct vmoon_state_reader reader = {.buf = a};
	struct rig other;

	r->dev->ops->save(r->dev, &w);
	FUZZ_REQUIRE(!w.is_overflow);
	reader.size = w.len;
	rig_init(&other);
	other.out.is_held = is_held_there;
	other.is_waiting = r->is_waiting;
	FUZZ_REQUIRE(other.dev->ops->load(other.dev, &reader, NULL) ==
		     VMOON_OK);
	other.dev->ops->save(other.dev, &again);
	FUZZ_REQUIRE(again.len == w.len && memcmp(a, b, w.len) == 0);
	compare_lines(r, &other);
	check(&other);
	release(&other);
	other.dev->ops->destroy(other.dev);
}

static void load_hostile(struct rig *r, struct fuzz_input *in, bool is_raw)
{
	unsigned char buf[SNAPSHOT_MAX];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};
	struct vmoon_state_reader reader = {.buf = buf};
	const uint8_t *bytes;
	size_t n = fuzz_bytes(in, 100, &bytes);

	if (!is_raw)
		vmoon_state_begin(&w, r->dev->ops->type, 1);
	vmoon_state_put_bytes(&w, n > 0 ? bytes : buf, n);
	reader.size = w.len;
	/* Refused or not: check() says whether the port is still sound. */
	if (r->dev->ops->load(r->dev, &reader, NULL) == VMOON_OK)
		r->is_waiting = false; /* for all we know */
}

static void change(struct rig *r, uint8_t op)
{
	if ((op & 64) != 0) {
		r->out.is_held = (op & 32) != 0;
		if ((op & 16) != 0)
			release(r);
		else if ((op & 8) != 0)
			vmoon_uart_resume(r->dev); /* asked for or not */
	} else if ((op & 8) != 0) {
		round_trip(r, (op & 16) != 0);
	} else if ((op & 16) != 0) {
		r->dev->ops->reset(r->dev);
	} else {
		r->out.is_failing = (op & 32) != 0;
	}
}

static void step(struct rig *r, struct fuzz_input *in)
{
	uint8_t op = fuzz_u8(in);
	const uint8_t *bytes;
	uint64_t off, val;
	size_t n, room;

	switch (op & 7) {
	case 0:
	case 1: guest_out(r, op >> 3 & 7, fuzz_u8(in)); break;
	case 2: guest_in(r, op >> 3 & 7); break;
	case 3: /* any width, any offset */
		off = fuzz_u8(in);
		val = fuzz_uint(in, 8);
		if ((op >> 3 & 3) == 0)
			guest_out(r, off, (uint8_t)val);
		else
			r->dev->ops->write(r->dev, off, 1u << (op >> 3 & 3),
					   val);
		break;
	case 4:
		FUZZ_REQUIRE(r->dev->ops->read(r->dev, fuzz_u8(in) | 8u,
					       1u << (op >> 3 & 3)) == 0);
		break;
	case 5:
		n = fuzz_bytes(in, (size_t)(op >> 3) * 4, &bytes);
		room = vmoon_uart_room(r->dev);
		FUZZ_REQUIRE(vmoon_uart_receive(r->dev, bytes, n) ==
			     (n < room ? n : room));
		break;
	case 6: change(r, op); break;
	default: load_hostile(r, in, (op & 8) != 0); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = {data, len};
	struct rig r;

	rig_init(&r);
	while (in.len > 0) {
		step(&r, &in);
		check(&r);
	}
	round_trip(&r, true);
	round_trip(&r, false);
	release(&r);
	r.dev->ops->destroy(r.dev);
	return 0;
}
