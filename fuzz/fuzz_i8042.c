/* SPDX-License-Identifier: MIT */
/*
 * fuzz_i8042.c - any bytes to the keyboard controller, and any snapshot.
 *
 * Input: operations of one byte; the low two bits say which, more bytes follow
 * where it needs them.
 */
#include "devices/i8042.h"
#include "fuzz.h"
#include "tests/support/fake_host.h"

enum { OFF_COMMAND = 4, CMD_PULSE_RESET = 0xfe, SNAPSHOT_MAX = 64 };

struct rig {
	struct fake_notify reset;
	struct vmoon_device *dev;
	/* The model: the only thing that there is to remember. */
	bool is_requested;
	unsigned requests;
};

static void write_port(struct rig *r, struct fuzz_input *in, unsigned size)
{
	uint64_t off = fuzz_u8(in), val = fuzz_uint(in, size);

	r->dev->ops->write(r->dev, off, size, val);
	if (size != 1 || off != OFF_COMMAND || val != CMD_PULSE_RESET)
		return;
	r->requests += !r->is_requested;
	r->is_requested = true;
}

static void load(struct rig *r, struct fuzz_input *in, bool is_good)
{
	unsigned char buf[SNAPSHOT_MAX];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};
	struct vmoon_state_reader reader = {.buf = buf};
	const uint8_t *bytes;
	size_t n = fuzz_bytes(in, 32, &bytes);
	enum vmoon_status st;

	if (is_good)
		r->dev->ops->save(r->dev, &w);
	vmoon_state_put_bytes(&w, n > 0 ? bytes : buf, n);
	FUZZ_REQUIRE(!w.is_overflow);
	reader.size = w.len;
	st = r->dev->ops->load(r->dev, &reader, NULL);
	FUZZ_REQUIRE(st == VMOON_OK || !is_good);
	if (st == VMOON_OK)
		r->is_requested = false;
}

static void step(struct rig *r, struct fuzz_input *in)
{
	uint8_t op = fuzz_u8(in);

	switch (op & 3) {
	case 0: write_port(r, in, 1u << (op >> 2 & 3)); break;
	case 1:
		FUZZ_REQUIRE(r->dev->ops->read(r->dev, fuzz_u8(in),
					       1u << (op >> 2 & 3)) == 0);
		break;
	case 2: load(r, in, (op & 4) != 0); break;
	default: /* the machine answers */
		r->dev->ops->reset(r->dev);
		r->is_requested = false;
		break;
	}
	FUZZ_REQUIRE(r->reset.count == r->requests && r->reset.last == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = {data, len};
	struct rig r = {.requests = 0};
	const struct vmoon_i8042_config cfg = {
		.reset = {fake_notify_fire, &r.reset}};

	FUZZ_REQUIRE(vmoon_i8042_create(&cfg, &r.dev, NULL) == VMOON_OK);
	while (in.len > 0)
		step(&r, &in);
	r.dev->ops->destroy(r.dev);
	return 0;
}
