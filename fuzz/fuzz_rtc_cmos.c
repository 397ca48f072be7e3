/* SPDX-License-Identifier: MIT */
/*
 * fuzz_rtc_cmos.c - any accesses, under any clock, from any snapshot.
 *
 * Input: 8 bytes of wall clock, 4 of nanoseconds, 8 and 8 of RAM sizes; then
 * operations of one byte, more bytes following where they need them.
 */
#include "devices/rtc_cmos.h"
#include "fuzz.h"
#include "tests/support/fake_host.h"

enum { INDEX = 0, DATA = 1, SNAPSHOT_MAX = 256 };

struct rig {
	struct fake_clock clock;
	struct fake_notify reset;
	struct vmoon_device *dev;
};

static void rig_init(struct rig *r, struct fuzz_input *in)
{
	struct vmoon_rtc_cmos_config cfg = {
		.clock = {fake_clock_mono, fake_clock_wall, &r->clock},
		.reset = {fake_notify_fire, &r->reset},
	};

	memset(r, 0, sizeof(*r));
	r->clock.wall_s = (int64_t)fuzz_uint(in, 8);
	r->clock.wall_ns = (uint32_t)fuzz_uint(in, 4);
	cfg.ram_below_4g = fuzz_uint(in, 8);
	cfg.ram_above_4g = fuzz_uint(in, 8);
	FUZZ_REQUIRE(vmoon_rtc_cmos_create(&cfg, &r->dev, NULL) == VMOON_OK);
}

static unsigned get(struct rig *r, unsigned index)
{
	fake_out(r->dev, INDEX, index);
	return fake_in(r->dev, DATA);
}

static void require_bcd(struct rig *r, unsigned reg, unsigned low, unsigned top)
{
	unsigned val = get(r, reg);

	FUZZ_REQUIRE((val & 0x0f) <= 9 && val >= low && val <= top);
}

/* Moves the index, so it runs last. */
static void check(struct rig *r)
{
	require_bcd(r, 0x00, 0x00, 0x59);
	require_bcd(r, 0x02, 0x00, 0x59);
	require_bcd(r, 0x04, 0x00, 0x23);
	require_bcd(r, 0x06, 0x01, 0x07);
	require_bcd(r, 0x07, 0x01, 0x31);
	require_bcd(r, 0x08, 0x01, 0x12);
	require_bcd(r, 0x09, 0x00, 0x99);
	require_bcd(r, 0x32, 0x00, 0x99);
	FUZZ_REQUIRE((get(r, 0x0a) & 0x7f) == 0x20);
	FUZZ_REQUIRE(get(r, 0x0a) == 0x20); /* the clock stands still */
	FUZZ_REQUIRE(get(r, 0x0b) == 0x02);
	FUZZ_REQUIRE(get(r, 0x0c) == 0x00);
	FUZZ_REQUIRE(get(r, 0x0d) == 0x80);
}

static void round_trip(struct rig *r)
{
	unsigned char a[SNAPSHOT_MAX], b[SNAPSHOT_MAX];
	struct vmoon_state_writer w = {.buf = a, .size = sizeof(a)};
	struct vmoon_state_writer again = {.buf = b, .size = sizeof(b)};
	struct vmoon_state_reader reader = {.buf = a};

	r->dev->ops->save(r->dev, &w);
	FUZZ_REQUIRE(!w.is_overflow);
	reader.size = w.len;
	FUZZ_REQUIRE(r->dev->ops->load(r->dev, &reader, NULL) == VMOON_OK);
	r->dev->ops->save(r->dev, &again);
	FUZZ_REQUIRE(again.len == w.len && memcmp(a, b, w.len) == 0);
}

static void load_hostile(struct rig *r, struct fuzz_input *in, bool is_raw)
{
	unsigned char buf[SNAPSHOT_MAX];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};
	struct vmoon_state_reader reader = {.buf = buf};
	const uint8_t *bytes;
	size_t n = fuzz_bytes(in, 140, &bytes);

	if (!is_raw)
		vmoon_state_begin(&w, r->dev->ops->type, 1);
	vmoon_state_put_bytes(&w, n > 0 ? bytes : buf, n);
	reader.size = w.len;
	VMOON_IGNORE(r->dev->ops->load(r->dev, &reader, NULL) == VMOON_OK);
}

static void write_data(struct rig *r, uint8_t index, uint8_t val)
{
	unsigned before = r->reset.count;

	fake_out(r->dev, INDEX, index);
	fake_out(r->dev, DATA, val);
	FUZZ_REQUIRE(
		r->reset.count == before ||
		(index == 0x8f && val == 0 && r->reset.count == before + 1));
}

static void step(struct rig *r, struct fuzz_input *in)
{
	uint8_t op = fuzz_u8(in);
	uint8_t index;

	switch (op & 7) {
	case 0: fake_out(r->dev, INDEX, fuzz_u8(in)); break;
	case 1: (void)fake_in(r->dev, op >> 3 & 1); break;
	case 2:
		index = fuzz_u8(in);
		write_data(r, index, fuzz_u8(in));
		break;
	case 3: /* any width, any offset */
		r->dev->ops->write(r->dev, fuzz_u8(in), 1u << (op >> 3 & 3),
				   fuzz_uint(in, 8));
		break;
	case 4:
		FUZZ_REQUIRE(r->dev->ops->read(r->dev, op >> 3 & 1, 2) == 0);
		FUZZ_REQUIRE(r->dev->ops->read(r->dev, fuzz_u8(in) | 2u, 1) ==
			     0);
		break;
	case 5:
		r->clock.wall_s = (int64_t)fuzz_uint(in, 8);
		r->clock.wall_ns = (uint32_t)fuzz_uint(in, 4);
		break;
	case 6:
		if ((op & 8) != 0)
			round_trip(r);
		else
			r->dev->ops->reset(r->dev);
		break;
	default: load_hostile(r, in, (op & 8) != 0); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = {data, len};
	struct rig r;

	rig_init(&r, &in);
	while (in.len > 0)
		step(&r, &in);
	round_trip(&r);
	check(&r);
	r.dev->ops->destroy(r.dev);
	return 0;
}
