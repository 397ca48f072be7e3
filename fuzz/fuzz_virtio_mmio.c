/* SPDX-License-Identifier: MIT */
/*
 * fuzz_virtio_mmio.c - a driver, its memory and a snapshot file, all hostile.
 *
 * Input: operations of one byte; the low three bits say which, the others
 * parametrise it, more bytes follow where it needs them. The device is the
 * tests' one that records. Whatever came before, a reset makes it good again.
 */
#include "fuzz.h"
#include "tests/support/arena.h"
#include "tests/support/vdev_rig.h"

static bool is_status_possible(unsigned status)
{
	const unsigned at = status & ~(unsigned)(S_NEEDS_RESET | S_FAILED);

	if ((status & S_NEEDS_RESET) != 0 && at != S_LIVE)
		return false;
	return at == 0 || at == S_ACK || at == S_DRIVER || at == S_FEATURES ||
	       at == S_LIVE;
}

static unsigned popped(const struct rig *r)
{
	unsigned n = r->fake->served;

	for (unsigned q = 0; q < RIG_QUEUES; q++)
		n += r->fake->q[q].held_count;
	return n;
}

/* What must hold after each operation. */
static void check(struct rig *r)
{
	const unsigned status = rd(r, R_STATUS), isr = rd(r, R_ISR);
	const struct vmoon_virtio_stats stats = rig_stats(r);

	FUZZ_REQUIRE(is_status_possible(status));
	FUZZ_REQUIRE(isr <= 3 && r->irq.level == (isr != 0));
	FUZZ_REQUIRE(isr == 0 || (status & 4) != 0);
	FUZZ_REQUIRE(!stats.is_live || (status & S_LIVE) == S_LIVE);
	FUZZ_REQUIRE(stats.is_live == r->fake->is_active);
	FUZZ_REQUIRE(stats.is_broken == ((status & S_NEEDS_RESET) != 0));
	FUZZ_REQUIRE((stats.features != 0) == stats.is_live);
	FUZZ_REQUIRE(stats.chains == r->fake->pops_ever);
	for (unsigned q = 0; q < RIG_QUEUES; q++)
		FUZZ_REQUIRE(r->fake->q[q].vq == NULL || stats.is_live);
}

/* A drain is bounded by the ring, and only a live device has one. */
static void kick(struct rig *r, unsigned queue)
{
	const unsigned status = rd(r, R_STATUS), was = popped(r);

	vmoon_virtio_mmio_kick(r->dev, queue);
	FUZZ_REQUIRE(popped(r) - was <= RIG_SIZE);
	FUZZ_REQUIRE(status == S_LIVE || popped(r) == was);
}

/* As the loop does, which may be late. */
static void run_kicks(struct rig *r)
{
	for (unsigned q = 0; q < RIG_QUEUES; q++) {
		if (r->kicks[q] == 0)
			continue;
		r->kicks[q] = 0;
		kick(r, q);
	}
}

static void access_any(struct rig *r, struct fuzz_input *in, uint8_t op)
{
	const unsigned size = 1u << (op >> 3 & 3);
	const uint64_t off = fuzz_uint(in, 2) % 0x1000;
	unsigned char a[RIG_SNAPSHOT], b[RIG_SNAPSHOT];
	size_t len;

	if ((op & 32) != 0) {
		r->dev->ops->write(r->dev, off, size, fuzz_uint(in, size));
		return;
	}
	len = rig_image(r, a);
	VMOON_IGNORE(r->dev->ops->read(r->dev, off, size));
	FUZZ_REQUIRE(rig_image(r, b) == len && memcmp(a, b, len) == 0);
}

static void negotiate(struct rig *r, struct fuzz_input *in, uint8_t op)
{
	static const unsigned to[] = {S_ACK, S_DRIVER, S_FEATURES, S_LIVE};
	const uint64_t features =
		VMOON_VIRTIO_F_VERSION_1 | (uint64_t)(fuzz_u8(in) & 3) << 28;

	r->fake->is_failing = (op & 32) != 0;
	rig_to(r, to[op >> 3 & 3]);
	if (to[op >> 3 & 3] == S_DRIVER) {
		rig_features(r, features);
		wr(r, R_STATUS, S_FEATURES);
		rig_queue_up(r, 0);
		rig_queue_up(r, 2);
		if ((op & 64) != 0)
			wr(r, R_STATUS, S_LIVE);
	}
}

static void write_memory(struct rig *r, struct fuzz_input *in, uint8_t op)
{
	const uint8_t *bytes;
	const size_t n = fuzz_bytes(in, 1 + (op >> 3 & 15), &bytes);
	uint64_t at = fuzz_uint(in, 2);

	/* Mostly into a ring: that is where it hurts. */
	at = (op & 128) != 0 ? at * 3
			     : rig_desc(at & 1) + 0x1000 * (at >> 1 & 3) +
				       (at >> 3 & 0x3ff);
	if (n > 0 && vmoon_range_ok(at, n, RIG_RAM_END))
		memcpy(r->ram + at, bytes, n);
}

static void act(struct rig *r, struct fuzz_input *in, uint8_t op)
{
	const struct vmoon_virtio_host *host = &r->fake->vd.host;

	switch (op >> 3 & 15) {
	case 0: host->config_changed(host->ctx); break;
	case 1: host->needs_reset(host->ctx); break;
	case 2: host->kick(host->ctx, fuzz_u8(in)); break;
	case 3: vmoon_virtio_mmio_tick(r->dev); break;
	case 4: rig_complete(r->fake); break;
	case 5: r->fake->is_holding = !r->fake->is_holding; break;
	case 6: r->fake->pops = fuzz_u8(in); break;
	case 7: r->fake->gives_up = !r->fake->gives_up; break;
	case 8: r->dev->ops->reset(r->dev); break;
	case 9: wr(r, R_STATUS, 0); break;
	case 10: kick(r, fuzz_u8(in)); break;
	default: run_kicks(r); break;
	}
}

/* The rig, and another one that was reset, into which snapshots go. */
struct pair {
	struct rig r, other;
};

static struct rig *make_like(struct rig *r)
{
	struct rig *to = &VMOON_CONTAINER_OF(r, struct pair, r)->other;

	if (to->dev == NULL) {
		to->heap = r->heap;
		rig_init(to);
	}
	to->fake->is_failing = to->fake->is_holding = to->fake->gives_up =
		false;
	to->fake->pops = 0;
	to->dev->ops->reset(to->dev);
	memset(to->kicks, 0, sizeof(to->kicks));
	memcpy(to->ram, r->ram, RIG_RAM_END);
	memcpy(to->avail, r->avail, sizeof(to->avail));
	memcpy(to->fake->config, r->fake->config, RIG_CONFIG);
	to->fake->kept = 0;
	return to;
}

/* In the end everything is good again: reset, set up, served. */
static void recover(struct rig *r)
{
	r->fake->is_failing = r->fake->is_holding = r->fake->gives_up = false;
	r->fake->pops = 0;
	rig_live(r);
	FUZZ_REQUIRE(rd(r, R_STATUS) == S_LIVE);
	FUZZ_REQUIRE(rig_serves(r, 0) && rig_serves(r, 1));
	check(r);
}

static void round_trip(struct rig *r)
{
	unsigned char a[RIG_SNAPSHOT], b[RIG_SNAPSHOT];
	struct vmoon_state_reader reader = {.buf = a, .size = rig_image(r, a)};
	struct rig *other = make_like(r);

	FUZZ_REQUIRE(other->dev->ops->load(other->dev, &reader, NULL) ==
		     VMOON_OK);
	FUZZ_REQUIRE(rig_image(other, b) == reader.size &&
		     memcmp(a, b, reader.size) == 0);
	check(other);
	run_kicks(other);
	check(other);
	recover(other);
}

/* An image of its own with bytes changed, or what the input says. */
static void load_hostile(struct rig *r, struct fuzz_input *in, uint8_t op)
{
	unsigned char a[RIG_SNAPSHOT], was[RIG_SNAPSHOT], b[RIG_SNAPSHOT];
	struct vmoon_state_reader reader = {.buf = a, .size = rig_image(r, a)};
	struct rig *other;
	const uint8_t *bytes;
	size_t len;

	if ((op & 8) != 0) {
		reader.size = fuzz_bytes(in, 256, &bytes);
		if (reader.size > 0)
			memcpy(a, bytes, reader.size);
	} else {
		for (unsigned i = 0; i < (op >> 4 & 7u) + 1; i++)
			a[fuzz_uint(in, 2) % reader.size] = fuzz_u8(in);
	}
	other = make_like(r);
	other->fake->is_failing = (op & 128) != 0;
	len = rig_image(other, was);
	if (other->dev->ops->load(other->dev, &reader, NULL) != VMOON_OK)
		FUZZ_REQUIRE(rig_image(other, b) == len &&
			     memcmp(was, b, len) == 0);
	check(other);
	run_kicks(other);
	check(other);
	recover(other);
}

static void step(struct rig *r, struct fuzz_input *in)
{
	const uint8_t op = fuzz_u8(in);

	switch (op & 7) {
	case 0: wr(r, fuzz_u8(in) * 4u, fuzz_uint(in, 1 + (op >> 6))); break;
	case 1: access_any(r, in, op); break;
	case 2: negotiate(r, in, op); break;
	case 3: write_memory(r, in, op); break;
	case 4:
		for (unsigned i = 0; i < (op >> 4); i++)
			rig_offer(r, op >> 3 & 1);
		wr(r, R_NOTIFY, op >> 3 & 1);
		break;
	case 5: act(r, in, op); break;
	case 6:
		if ((op & 8) != 0)
			round_trip(r);
		else
			run_kicks(r);
		break;
	default: load_hostile(r, in, op); break;
	}
}

enum { ARENA_BYTES = 64 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static unsigned char block[ARENA_BYTES];
	static struct arena arena = {.base = block, .size = sizeof(block)};
	struct fuzz_input in = {data, len};
	struct vmoon_mem heap;
	struct pair pair = {.r = {.heap = &heap}};
	struct rig *r = &pair.r;

	arena_begin(&arena);
	arena_lend(&arena, &heap);
	rig_init(r);
	while (in.len > 0) {
		step(r, &in);
		check(r);
	}
	round_trip(r);
	recover(r);
	rig_fini(r);
	if (pair.other.dev != NULL)
		rig_fini(&pair.other);
	FUZZ_REQUIRE(arena.live == 0);
	return 0;
}
