/* SPDX-License-Identifier: MIT */
/*
 * fuzz_virtio_blk.c - a disk whose driver, backend and snapshots are hostile.
 *
 * Input: a byte that says what disk it is, then operations of one byte; the low
 * three bits say which, the others parametrise it, more bytes follow where it
 * needs them. Headers and data are in RAM unless the input wants otherwise and
 * the disk has sectors. Whatever came before: requests in flight are those the
 * rings miss, no buffer but those offered is written, a read-only disk stays as
 * it is, and after a reset a good request is served.
 */
#include "fuzz.h"
#include "tests/support/arena.h"
#include "tests/support/blk_rig.h"
#include "virtio/blk_run.h"

enum { DISK_BYTES = 64 * 512, SNAPSHOT_MAX = 4096, QUEUES = 2 };

/* No buffer is there: a canary. Buffers end below it. */
#define CANARY UINT64_C(0xf0000)
#define CANARY_BYTES UINT64_C(1024)

struct fuzz_rig {
	struct blk_rig r;
	bool is_readonly;
	uint64_t features;
};

static bool is_filled(const unsigned char *at, size_t len)
{
	return at[0] == RIG_POISON && memcmp(at, at + 1, len - 1) == 0;
}

/* ---- what must hold after each operation ---- */

static void check(struct fuzz_rig *f)
{
	struct blk_rig *r = &f->r;
	const struct vmoon_disk_stats s = rig_stats(r);
	uint64_t in_flight = 0;
	bool is_broken = false;

	for (unsigned i = 0; i < QUEUES; i++) {
		in_flight += vmoon_vq_in_flight(r->q[i].vq);
		is_broken |= vmoon_vq_is_broken(r->q[i].vq);
	}
	FUZZ_REQUIRE(s.in_flight <= VMOON_BLK_POOL);
	/* What a broken queue had in flight is not given back to it. */
	FUZZ_REQUIRE(is_broken ? s.in_flight <= in_flight
			       : s.in_flight == in_flight);
	FUZZ_REQUIRE(s.size_bytes % 512 == 0 &&
		     s.size_bytes <= r->disk->size_bytes);
	FUZZ_REQUIRE(is_filled(rig_at(r, CANARY), CANARY_BYTES));
}

static void start(struct fuzz_rig *f, uint64_t features)
{
	struct blk_rig *r = &f->r;

	f->features =
		features & (r->vd->features | VMOON_VIRTIO_F_INDIRECT_DESC);
	r->vd->ops->reset(r->vd);
	r->pending = r->held = 0;
	for (unsigned i = 0; i < QUEUES; i++)
		vmoon_vq_stop(r->q[i].vq);
	FUZZ_REQUIRE(rig_start(r, f->features) && rig_activate(r, f->features));
	FUZZ_REQUIRE(rig_stats(r).in_flight == 0);
}

static void init(struct fuzz_rig *f, uint8_t what, struct vmoon_mem *heap)
{
	struct blk_rig *r = &f->r;
	struct vmoon_blk_config cfg = {
		.queues = QUEUES,
		.has_flush = (what & 2) != 0,
		.id = (what & 4) != 0 ? "fuzz" : NULL,
	};

	f->is_readonly = (what & 1) != 0;
	if ((what & 8) != 0)
		cfg.limits.total_bytes = (struct vmoon_disk_rate){4096, 512};
	FUZZ_REQUIRE(rig_init_memory_in(r, heap));
	FUZZ_REQUIRE(rig_init_disk(r, DISK_BYTES, f->is_readonly));
	FUZZ_REQUIRE(rig_create(r, &cfg));
	start(f, UINT64_MAX);
}

/* ---- the driver ---- */

/* In RAM; at its ends, in no RAM, or in the rings. */
static vmoon_gpa place(struct fuzz_input *in, bool is_wild)
{
	const uint64_t at = fuzz_uint(in, 2);

	if (!is_wild)
		return RIG_DATA + at;
	switch (at & 7) {
	case 0: return RIG_LOW - 1;
	case 1: return RIG_HIGH + RIG_HIGH_BYTES - (at >> 3 & 1023);
	case 2: return UINT64_MAX - (at >> 3);
	case 3: return RIG_RING(0) + (at >> 3);
	case 4: return RIG_HIGH + (at >> 3);
	default: return RIG_DATA + at;
	}
}

/* A request with a mistake here and there. */
static void request(struct fuzz_rig *f, struct fuzz_input *in, uint8_t op)
{
	static const uint32_t types[] = {T_IN, T_OUT,     T_FLUSH, T_ID,
					 T_WZ, T_DISCARD, 2,       77};
	struct blk_rig *r = &f->r;
	const unsigned queue = op >> 3 & 1;
	const uint32_t type = types[op >> 4 & 7];
	const uint8_t how = fuzz_u8(in);
	const uint64_t sector = fuzz_uint(in, (op & 128) != 0 ? 8 : 1);
	const uint16_t i = rig_header(r, queue, type, sector);
	const bool is_write = (type == T_IN || type == T_ID) ^ (how & 1);
	const vmoon_gpa gpa = place(in, (how & 2) != 0);
	const uint32_t len =
		(how & 4) != 0 ? (uint32_t)fuzz_uint(in, 2) : (how >> 6) * 512u;
	const uint32_t split = how >> 3 & 7;
	struct rig_buf bufs[5];
	unsigned n = 0;

	for (unsigned k = 0; k < (type == T_WZ || type == T_DISCARD) * 8u; k++)
		rig_put(r, gpa + 4 * k, fuzz_u8(in) & 63, 4);
	bufs[n++] = (struct rig_buf){RIG_HEADER(queue, i), 16 - split, false};
	bufs[n++] = (struct rig_buf){RIG_HEADER(queue, i) + 16 - split, split,
				     false};
	bufs[n++] = (struct rig_buf){gpa, len, is_write};
	if (split != 7)
		bufs[n++] = (struct rig_buf){RIG_STATUS(queue, i), 1, true};
	rig_offer(r, queue, rig_chain(r, queue, bufs, n));
}

static void raw(struct fuzz_rig *f, struct fuzz_input *in, uint8_t op)
{
	struct blk_rig *r = &f->r;
	const unsigned queue = op >> 3 & 1;
	const unsigned at = fuzz_u8(in);

	for (unsigned i = 0; i < (op >> 4 & 3) + 1u; i++) {
		const vmoon_gpa d =
			RIG_RING(queue) + (at + i) % 256 * UINT64_C(16);

		rig_put(r, d, place(in, true), 8);
		rig_put(r, d + 8, fuzz_uint(in, 2), 4);
		rig_put(r, d + 12, fuzz_u8(in) & 7, 2);
		rig_put(r, d + 14, fuzz_u8(in), 2);
	}
	if ((op & 128) != 0) { /* as the ring's index says, and more */
		rig_put(r, RIG_RING(queue) + 0x1000 + 2, fuzz_uint(in, 2), 2);
		rig_kick(r, queue);
	} else {
		rig_offer(r, queue, (uint16_t)(at + (op & 64) * 4u));
	}
}

/* ---- the host ---- */

static void host(struct fuzz_rig *f, struct fuzz_input *in, uint8_t op)
{
	struct blk_rig *r = &f->r;
	const uint64_t x = fuzz_uint(in, 2);
	struct vmoon_disk_limits limits = {0};

	switch (op >> 3 & 3) {
	case 0:
		FUZZ_REQUIRE(vmoon_array_disk_resize(r->disk, x + 1, NULL) ==
			     VMOON_OK);
		vmoon_blk_resized(r->vd);
		break;
	case 1:
		limits.read_ops = (struct vmoon_disk_rate){x, 0};
		limits.total_bytes = (struct vmoon_disk_rate){x & 0xfff, 1024};
		vmoon_blk_set_limits(r->vd, &limits);
		break;
	case 2:
		VMOON_IGNORE(rig_fail(r, (enum vmoon_block_op)(x % 5),
				      (x >> 3 & 3) + 1, EIO, x >> 5));
		break;
	default:
		if ((op & 32) != 0)
			VMOON_IGNORE(rig_hold(r));
		else
			vmoon_array_disk_clear_faults(r->disk);
		break;
	}
}

/* Out of one machine into another: the same requests are under way. */
static void round_trip(struct fuzz_rig *f)
{
	unsigned char dev[SNAPSHOT_MAX], again[SNAPSHOT_MAX];
	unsigned char rings[SNAPSHOT_MAX];
	struct blk_rig *r = &f->r;
	struct vmoon_state_writer w = {.buf = dev, .size = sizeof(dev)};
	struct vmoon_state_writer w2 = {.buf = again, .size = sizeof(again)};
	struct vmoon_state_writer wr = {.buf = rings, .size = sizeof(rings)};
	struct vmoon_state_reader rd = {.buf = dev}, rr = {.buf = rings};

	r->vd->ops->save(r->vd, &w);
	for (unsigned i = 0; i < QUEUES; i++) {
		if (vmoon_vq_is_broken(r->q[i].vq))
			return;
		vmoon_vq_save(r->q[i].vq, &wr);
	}
	FUZZ_REQUIRE(!w.is_overflow && !wr.is_overflow);
	rd.size = w.len;
	rr.size = wr.len;
	r->vd->ops->reset(r->vd);
	for (unsigned i = 0; i < QUEUES; i++) {
		vmoon_vq_stop(r->q[i].vq);
		FUZZ_REQUIRE(vmoon_vq_start(r->q[i].vq, &r->q[i].setup,
					    &r->watch.gm, f->features));
		/* The driver may have broken its indices since. */
		if (vmoon_vq_load(r->q[i].vq, &rr, NULL) != VMOON_OK) {
			start(f, f->features);
			return;
		}
	}
	FUZZ_REQUIRE(r->vd->ops->load(r->vd, &rd, NULL) == VMOON_OK);
	r->vd->ops->save(r->vd, &w2);
	FUZZ_REQUIRE(w2.len == w.len && memcmp(dev, again, w.len) == 0);
	FUZZ_REQUIRE(rig_activate(r, f->features));
	for (unsigned i = 0; i < QUEUES; i++)
		rig_kick(r, i);
}

/* Refused, or nothing but heads that the rings do not have. */
static void load_hostile(struct fuzz_rig *f, struct fuzz_input *in)
{
	unsigned char buf[SNAPSHOT_MAX];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};
	struct vmoon_state_reader rd = {.buf = buf};
	struct blk_rig *r = &f->r;
	const uint8_t *bytes;
	const size_t n = fuzz_bytes(in, 64, &bytes);

	vmoon_state_begin(&w, r->vd->ops->type, 1);
	if (n > 0)
		vmoon_state_put_bytes(&w, bytes, n);
	rd.size = w.len;
	start(f, f->features);
	VMOON_IGNORE(r->vd->ops->load(r->vd, &rd, NULL) != VMOON_OK);
	FUZZ_REQUIRE(rig_start(r, f->features) && rig_activate(r, f->features));
}

static void step(struct fuzz_rig *f, struct fuzz_input *in)
{
	struct blk_rig *r = &f->r;
	const uint8_t op = fuzz_u8(in);

	switch (op & 7) {
	case 0:
	case 1: request(f, in, op); break;
	case 2: raw(f, in, op); break;
	case 3: rig_run(r, 4000); break;
	case 4: VMOON_IGNORE(vmoon_array_disk_release(r->disk, op >> 3)); break;
	case 5:
		r->now_ns += (uint64_t)fuzz_u8(in) << (op >> 3 & 31);
		if (r->deadline_ns != 0 && r->deadline_ns <= r->now_ns) {
			r->deadline_ns = 0;
			r->vd->ops->tick(r->vd);
		}
		break;
	case 6: host(f, in, op); break;
	default:
		if ((op & 8) != 0)
			round_trip(f);
		else if ((op & 16) != 0)
			load_hostile(f, in);
		else
			start(f,
			      fuzz_uint(in, 2) | VMOON_VIRTIO_F_INDIRECT_DESC);
		break;
	}
}

/* The host is well again and the driver a good one. */
static void serve_good(struct fuzz_rig *f)
{
	const struct vmoon_disk_limits none = {0};
	const struct rig_buf data = {RIG_DATA, 512, true};
	struct blk_rig *r = &f->r;
	uint32_t id, len;
	uint16_t i;

	vmoon_array_disk_clear_faults(r->disk);
	FUZZ_REQUIRE(vmoon_array_disk_resize(r->disk, DISK_BYTES, NULL) ==
		     VMOON_OK);
	vmoon_blk_resized(r->vd);
	vmoon_blk_set_limits(r->vd, &none);
	start(f, UINT64_MAX);
	i = rig_request(r, 1, T_IN, 0, &data);
	rig_run(r, 1000);
	FUZZ_REQUIRE(rig_used(r, 1, &id, &len) && id == i && len == 513);
	FUZZ_REQUIRE(rig_get(r, RIG_STATUS(1, i), 1) == S_OK);
	FUZZ_REQUIRE(memcmp(rig_at(r, RIG_DATA),
			    vmoon_array_disk_bytes(r->disk), 512) == 0);
}

enum { ARENA_BYTES = 32 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static unsigned char block[ARENA_BYTES];
	static struct arena arena = {.base = block, .size = sizeof(block)};
	static struct fuzz_rig f;
	struct fuzz_input in = {data, len};
	struct vmoon_mem heap;

	arena_begin(&arena);
	arena_lend(&arena, &heap);
	init(&f, fuzz_u8(&in), &heap);
	while (in.len > 0) {
		step(&f, &in);
		check(&f);
	}
	if (f.is_readonly)
		FUZZ_REQUIRE(vmoon_array_disk_bytes(f.r.disk)[0] == 1);
	serve_good(&f);
	check(&f);
	rig_fini(&f.r);
	FUZZ_REQUIRE(arena.live == 0);
	return 0;
}
