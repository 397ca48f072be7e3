/* SPDX-License-Identifier: MIT */
/*
 * fuzz_virtio_console.c - a driver, a host that types and a sink, all hostile.
 *
 * Input: one byte of features, then operations of one byte and what they need:
 * see step. No byte of input is lost or made up unless the device is reset; no
 * byte of output but what a sink refused; every chain comes back once.
 */
#include "virtio.h"
#include "virtio/console.h"

enum { PORTS = 3, QUEUES = 2 * (PORTS + 1), CTL_TX = 3 };

struct sink {
	uint64_t taken, refused;
	bool is_failing, is_held;
};

struct rig {
	struct fuzz_virtio f;
	uint64_t features;
	struct sink out[PORTS];
	uint64_t given[PORTS];  /* input that was taken, since the reset */
	uint64_t before[PORTS]; /* of in_bytes, at the reset */
};

static bool put(void *ctx, const void *buf, size_t len)
{
	struct sink *s = ctx;

	(void)buf;
	FUZZ_REQUIRE(len > 0 && len <= 4096);
	if (s->is_failing)
		s->refused += len;
	else
		s->taken += len;
	return !s->is_failing;
}

static bool is_held(void *ctx)
{
	return ((struct sink *)ctx)->is_held;
}

static void init(struct rig *r)
{
	static const char *const names[] = {"console", "agent", ""};
	struct vmoon_console_port ports[PORTS] = {0};
	const struct vmoon_console_config cfg = {
		.ports = ports, .port_count = PORTS, .cols = 80, .rows = 25};
	struct vmoon_virtio *vd;

	for (unsigned i = 0; i < PORTS; i++) {
		ports[i].name = names[i];
		ports[i].is_console = i % 2 == 0;
		ports[i].out = (struct vmoon_sink){put, is_held, &r->out[i]};
	}
	FUZZ_REQUIRE(vmoon_console_create(&cfg, &vd, NULL) == VMOON_OK);
	fuzz_virtio_init(&r->f, vd);
}

static struct vmoon_port_stats stats_of(const struct rig *r, unsigned port)
{
	struct vmoon_port_stats stats;

	vmoon_console_stats(r->f.vd, port, &stats);
	return stats;
}

static void check(struct rig *r)
{
	for (unsigned i = 0; i < PORTS; i++) {
		const struct vmoon_port_stats st = stats_of(r, i);
		const size_t room = vmoon_console_room(r->f.vd, i);
		const uint64_t in = st.in_bytes - r->before[i];

		FUZZ_REQUIRE(st.out_bytes == r->out[i].taken);
		FUZZ_REQUIRE(st.out_lost == r->out[i].refused);
		FUZZ_REQUIRE(in <= r->given[i]);
		FUZZ_REQUIRE(room == 0 ||
			     room == VMOON_CONSOLE_INPUT - (r->given[i] - in));
		FUZZ_REQUIRE(st.is_open || room == 0);
	}
}

static void reset(struct rig *r)
{
	vmoon_driver_reset(r->f.d);
	fuzz_virtio_probe(&r->f, r->features);
	for (unsigned i = 0; i < PORTS; i++) {
		r->given[i] = 0;
		r->before[i] = stats_of(r, i).in_bytes;
	}
}

static void say(struct rig *r, struct fuzz_input *in, uint8_t op)
{
	const struct vmoon_driver_control m = {.id = op >> 3 & 3,
					       .event = fuzz_u8(in) % 10,
					       .value = (uint16_t)(op >> 5)};

	if ((r->features & 2) == 0)
		return;
	fuzz_virtio_take(&r->f, CTL_TX);
	/* It always comes back, at once. */
	FUZZ_REQUIRE(vmoon_driver_control_send(r->f.d, &m) ||
		     vmoon_driver_ring(r->f.d, CTL_TX)->free_count == 0 ||
		     (vmoon_driver_reg(r->f.d, VMOON_MMIO_STATUS) & 0x40) != 0);
}

static void type(struct rig *r, struct fuzz_input *in, unsigned port)
{
	static const unsigned char bytes[VMOON_CONSOLE_INPUT + 256];
	const size_t len = fuzz_uint(in, 2) % sizeof(bytes);
	const size_t room = vmoon_console_room(r->f.vd, port);
	const size_t n = vmoon_console_receive(r->f.vd, port, bytes, len);

	FUZZ_REQUIRE(n == (len <= room ? len : 0));
	r->given[port] += n;
}

static void change_sink(struct rig *r, uint8_t op, unsigned port)
{
	r->out[port].is_held = (op & 32) != 0;
	r->out[port].is_failing = (op & 64) != 0;
	if ((op & 128) != 0 || !r->out[port].is_held)
		vmoon_console_resume(r->f.vd, port);
}

static void rare(struct rig *r, struct fuzz_input *in, uint8_t op)
{
	switch (op >> 3 & 7) {
	case 0: reset(r); break;
	case 1:
		fuzz_virtio_load(&r->f, in);
		reset(r);
		break;
	case 2:
	case 3: fuzz_virtio_move(&r->f); break;
	case 4: /* emerg_wr and what is not the driver's */
		r->f.dev->ops->write(r->f.dev, 0x100 + (op >> 6) * 4u, 4, 0x21);
		break;
	default: vmoon_driver_kick(r->f.d, fuzz_u8(in) % QUEUES, true); break;
	}
}

static void step(struct rig *r, struct fuzz_input *in)
{
	const uint8_t op = fuzz_u8(in);
	const unsigned port = (op >> 3 & 3) % PORTS;
	const unsigned queue = (op >> 3) % QUEUES;

	switch (op & 7) {
	case 0: fuzz_virtio_offer(&r->f, in, queue, (queue & 1) == 0); break;
	case 1: fuzz_virtio_offer(&r->f, in, queue, 2); break;
	case 2: say(r, in, op); break;
	case 3: fuzz_virtio_run(&r->f); break;
	case 4: type(r, in, port); break;
	case 5:
		if ((op & 32) != 0)
			vmoon_console_resize(r->f.vd, port, fuzz_u8(in), 25);
		else
			vmoon_console_set_open(r->f.vd, port, (op & 64) != 0);
		break;
	case 6: change_sink(r, op, port); break;
	default: rare(r, in, op); break;
	}
}

/* When nobody is held any more, all that was sent has left. */
static void finish(struct rig *r)
{
	for (unsigned i = 0; i < PORTS; i++)
		change_sink(r, 0, i);
	fuzz_virtio_run(&r->f);
	for (unsigned q = 0; q < QUEUES; q++) {
		fuzz_virtio_take(&r->f, q);
		if (q != 1 && ((r->features & 2) == 0 || q % 2 == 0))
			continue;
		if (q % 2 == 1)
			FUZZ_REQUIRE(vmoon_driver_in_flight(vmoon_driver_ring(
					     r->f.d, q)) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = {data, len};
	struct rig *r = calloc(1, sizeof(*r));

	FUZZ_REQUIRE(r != NULL);
	init(r);
	r->features = fuzz_u8(&in) & 7;
	fuzz_virtio_probe(&r->f, r->features);
	while (in.len > 0) {
		step(r, &in);
		check(r);
	}
	finish(r);
	check(r);
	fuzz_virtio_fini(&r->f);
	free(r);
	return 0;
}
