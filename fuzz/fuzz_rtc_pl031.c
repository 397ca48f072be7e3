/* SPDX-License-Identifier: MIT */
/*
 * fuzz_rtc_pl031.c - any accesses, under any clock, from any snapshot.
 *
 * Input: 8 bytes of wall clock; then operations of one byte; the low three
 * bits say which, more bytes follow where it needs them.
 */
#include "devices/rtc_pl031.h"
#include "fuzz.h"
#include "tests/support/fake_host.h"

enum { DR = 0, MR = 4, LR = 8, CR = 12, IMSC = 16, RIS = 20, MIS = 24 };
enum { ICR = 28, ID = 0xfe0, SNAPSHOT_MAX = 64 };

struct rig {
	struct fake_irq irq;
	struct fake_clock clock;
	struct vmoon_device *dev;
};

static void rig_init(struct rig *r)
{
	const struct vmoon_rtc_pl031_config cfg = {
		.irq = {fake_irq_set, &r->irq},
		.clock = {fake_clock_mono, fake_clock_wall, &r->clock},
	};

	memset(r, 0, sizeof(*r));
	FUZZ_REQUIRE(vmoon_rtc_pl031_create(&cfg, &r->dev, NULL) == VMOON_OK);
}

static uint32_t get(struct rig *r, uint64_t off)
{
	uint64_t val = r->dev->ops->read(r->dev, off, 4);

	FUZZ_REQUIRE(val <= UINT32_MAX);
	return (uint32_t)val;
}

static void put(struct rig *r, uint64_t off, uint64_t val)
{
	r->dev->ops->write(r->dev, off, 4, val);
}

static uint64_t refused(const struct rig *r)
{
	struct vmoon_rtc_pl031_stats stats;

	vmoon_rtc_pl031_get_stats(r->dev, &stats);
	return stats.refused_reads + stats.refused_writes;
}

/* Reading has no effect here, so all of it may be read after each step. */
static void check(struct rig *r)
{
	static const uint8_t ids[] = {0x31, 0x10, 0x04, 0x00,
				      0x0d, 0xf0, 0x05, 0xb1};
	uint64_t before = refused(r);

	FUZZ_REQUIRE(get(r, CR) == 1);
	FUZZ_REQUIRE(get(r, IMSC) <= 1 && get(r, RIS) <= 1);
	FUZZ_REQUIRE(get(r, MIS) == (get(r, RIS) & get(r, IMSC)));
	FUZZ_REQUIRE(r->irq.level == (get(r, MIS) != 0));
	FUZZ_REQUIRE(get(r, DR) == get(r, DR)); /* the clock stands still */
	for (unsigned i = 0; i < 8; i++)
		FUZZ_REQUIRE(get(r, ID + 4 * i) == ids[i]);
	FUZZ_REQUIRE(refused(r) == before);
}

/* What another clock saves this one loads, and saves alike. */
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
	other.clock = r->clock;
	FUZZ_REQUIRE(other.dev->ops->load(other.dev, &reader, NULL) ==
		     VMOON_OK);
	other.dev->ops->save(other.dev, &again);
	FUZZ_REQUIRE(again.len == w.len && memcmp(a, b, w.len) == 0);
	FUZZ_REQUIRE(other.irq.level == r->irq.level);
	FUZZ_REQUIRE(get(&other, DR) == get(r, DR));
	check(&other);
	other.dev->ops->destroy(other.dev);
}

static void load_hostile(struct rig *r, struct fuzz_input *in, bool is_raw)
{
	unsigned char buf[SNAPSHOT_MAX];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};
	struct vmoon_state_reader reader = {.buf = buf};
	const uint8_t *bytes;
	size_t n = fuzz_bytes(in, 24, &bytes);

	if (!is_raw)
		vmoon_state_begin(&w, r->dev->ops->type, 1);
	vmoon_state_put_bytes(&w, n > 0 ? bytes : buf, n);
	reader.size = w.len;
	VMOON_IGNORE(r->dev->ops->load(r->dev, &reader, NULL) == VMOON_OK);
}

static void load_counter(struct rig *r, uint32_t val, uint32_t later)
{
	put(r, LR, val);
	FUZZ_REQUIRE(get(r, LR) == val && get(r, DR) == val);
	r->clock.wall_s = (int64_t)((uint64_t)r->clock.wall_s + later);
	FUZZ_REQUIRE(get(r, DR) == (uint32_t)(val + later));
}

static void write_known(struct rig *r, unsigned which, uint32_t val)
{
	uint32_t ris = get(r, RIS);

	switch (which) {
	case 0:
		put(r, MR, val);
		FUZZ_REQUIRE(get(r, MR) == val);
		break;
	case 1:
		put(r, IMSC, val);
		FUZZ_REQUIRE(get(r, IMSC) == (val & 1));
		break;
	case 2:
		put(r, ICR, val);
		FUZZ_REQUIRE(get(r, RIS) == (ris & ~val));
		break;
	default:
		put(r, CR, val | 1);
		FUZZ_REQUIRE(get(r, LR) == 0);
		FUZZ_REQUIRE(get(r, DR) == (uint32_t)r->clock.wall_s);
		break;
	}
}

/* Of another width, or where nothing can be written. */
static void write_refused(struct rig *r, struct fuzz_input *in, unsigned how)
{
	static const unsigned sizes[] = {1, 2, 8, 4};
	uint64_t off = fuzz_uint(in, 2), before = refused(r);

	if (how == 3)
		off |= 0x20; /* no register that takes a word */
	r->dev->ops->write(r->dev, off, sizes[how], fuzz_uint(in, 8));
	FUZZ_REQUIRE(refused(r) == before + 1);
	if (how == 3)
		return;
	FUZZ_REQUIRE(r->dev->ops->read(r->dev, off, sizes[how]) == 0);
	FUZZ_REQUIRE(refused(r) == before + 2);
}

static void step(struct rig *r, struct fuzz_input *in)
{
	uint8_t op = fuzz_u8(in);
	uint64_t off;

	switch (op & 7) {
	case 0: VMOON_IGNORE(get(r, fuzz_uint(in, 2)) != 0); break;
	case 1:
		off = fuzz_uint(in, 2);
		put(r, off, fuzz_uint(in, 8));
		break;
	case 2: write_refused(r, in, op >> 3 & 3); break;
	case 3: write_known(r, op >> 3 & 3, (uint32_t)fuzz_uint(in, 4)); break;
	case 4: r->clock.wall_s = (int64_t)fuzz_uint(in, 8); break;
	case 5:
		off = fuzz_uint(in, 4);
		load_counter(r, (uint32_t)off, (uint32_t)fuzz_uint(in, 4));
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

	rig_init(&r);
	r.clock.wall_s = (int64_t)fuzz_uint(&in, 8);
	while (in.len > 0) {
		step(&r, &in);
		check(&r);
	}
	round_trip(&r);
	r.dev->ops->destroy(r.dev);
	return 0;
}
