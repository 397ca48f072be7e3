/* SPDX-License-Identifier: MIT */
/*
 * fuzz_uart16550.c - a guest, a host and a snapshot file, all hostile.
 *
 * Input: operations of one byte; the low three bits say which, the others
 * parametrise it, more bytes follow where it needs them.
 */
#include "devices/uart16550.h"
#include "fuzz.h"
#include "tests/support/fake_host.h"

enum { SNAPSHOT_MAX = 256 };

enum { OFF_IER = 1, OFF_LCR = 3, OFF_MCR = 4, LCR_DLAB = 0x80, MCR_LOOP = 16 };

struct rig {
	struct fake_irq irq;
	struct fake_sink out;
	struct fake_room room;
	struct vmoon_device *dev;
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

/* The register accesses that have no side effect tell what must hold. */
static void check(struct rig *r)
{
	size_t room = vmoon_uart_room(r->dev);
	bool is_loop = (fake_in(r->dev, OFF_MCR) & MCR_LOOP) != 0;
	bool is_dlab = (fake_in(r->dev, OFF_LCR) & LCR_DLAB) != 0;

	FUZZ_REQUIRE(room <= VMOON_UART_FIFO_BYTES);
	FUZZ_REQUIRE(!is_loop || room == 0);
	FUZZ_REQUIRE(fake_in(r->dev, OFF_MCR) <= 0x1f);
	if (is_dlab)
		return;
	FUZZ_REQUIRE(fake_in(r->dev, OFF_IER) <= 0x0f);
	FUZZ_REQUIRE(!r->irq.level || (fake_in(r->dev, OFF_IER) & 7) != 0);
}

/* What one port saves another one loads, and saves alike. */
static void round_trip(struct rig *r)
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
	FUZZ_REQUIRE(other.dev->ops->load(other.dev, &reader, NULL) ==
		     VMOON_OK);
	other.dev->ops->save(other.dev, &again);
	FUZZ_REQUIRE(again.len == w.len && memcmp(a, b, w.len) == 0);
	FUZZ_REQUIRE(other.irq.level == r->irq.level);
	check(&other);
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
	VMOON_IGNORE(r->dev->ops->load(r->dev, &reader, NULL) == VMOON_OK);
}

static void step(struct rig *r, struct fuzz_input *in)
{
	uint8_t op = fuzz_u8(in);
	const uint8_t *bytes;
	size_t n, room;

	switch (op & 7) {
	case 0:
	case 1: fake_out(r->dev, op >> 3 & 7, fuzz_u8(in)); break;
	case 2: (void)fake_in(r->dev, op >> 3 & 7); break;
	case 3: /* any width, any offset */
		r->dev->ops->write(r->dev, fuzz_u8(in), 1u << (op >> 3 & 3),
				   fuzz_uint(in, 8));
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
	case 6:
		if ((op & 8) != 0)
			round_trip(r);
		else if ((op & 16) != 0)
			r->dev->ops->reset(r->dev);
		else
			r->out.is_failing = (op & 32) != 0;
		break;
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
	round_trip(&r);
	r.dev->ops->destroy(r.dev);
	return 0;
}
