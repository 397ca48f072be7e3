/* SPDX-License-Identifier: MIT */
/*
 * fuzz_vq.c - a split queue, its rings written by the input as it likes.
 *
 * Input: operations of one byte and what they need: see step. Memory is two
 * regions that touch in the guest and not in the host, between canaries.
 */
#include "fuzz.h"
#include "runtime/gmem.h"
#include "virtio/defs.h"
#include "virtio/vq.h"
#include "vmoon/le.h"

#include <string.h>

enum {
	MAX_SIZE = 64,
	SEGS = 40,
	HELD = MAX_SIZE, /* chains that the device has */
	BASE = 0x1000,
	BYTES = 0x1000, /* of each region */
	GUARD = 64,
	FILL = 0xa5
};

struct memory {
	unsigned char before[GUARD], ram[BYTES], after[GUARD];
};

struct rig {
	struct memory low, high;
	struct vmoon_gmem gm;
	struct vmoon_vq_setup setup;
	struct vmoon_vq *vq;
	struct vmoon_seg segs[HELD][SEGS];
	struct vmoon_chain held[HELD];
	unsigned held_count;
	uint64_t popped, returned; /* of this life */
	unsigned broken;
};

static void on_broken(void *ctx)
{
	((struct rig *)ctx)->broken++;
}

static void on_interrupt(void *ctx)
{
	(void)ctx;
}

static void forget(struct rig *r)
{
	r->held_count = 0;
	r->popped = r->returned = 0;
	r->broken = 0;
}

static void start(struct rig *r, struct fuzz_input *in)
{
	const uint8_t bits = fuzz_u8(in);

	r->setup.is_ready = (bits & 0x10) == 0;
	forget(r);
	VMOON_IGNORE(vmoon_vq_start(
		r->vq, &r->setup, &r->gm,
		((bits & 1) != 0 ? VMOON_VIRTIO_F_EVENT_IDX : 0) |
			((bits & 2) != 0 ? VMOON_VIRTIO_F_INDIRECT_DESC : 0)));
}

/* Sets a queue up near what is right; the input may say where. */
static void set_up(struct rig *r, struct fuzz_input *in)
{
	static const uint32_t sizes[] = {1, 2, 4, 8, 16, 32, 64, 3};
	static const vmoon_gpa places[] = {BASE,
					   BASE + 0x800,
					   BASE + 0xc00,
					   BASE + BYTES - 16,
					   BASE + 2 * BYTES,
					   0};
	const uint8_t bits = fuzz_u8(in);

	VMOON_IGNORE(vmoon_vq_setup_set_size(&r->setup, sizes[bits & 7]));
	for (int part = 0; part < 3; part++) {
		const uint8_t where = fuzz_u8(in);
		vmoon_gpa gpa = places[where % VMOON_COUNTOF(places)];

		if ((where & 0x80) != 0)
			gpa += fuzz_uint(in, 2);
		VMOON_IGNORE(vmoon_vq_setup_set_part(
			&r->setup, (enum vmoon_vq_part)part, gpa));
	}
	start(r, in);
}

/* Bytes as they are, anywhere in memory. */
static void poke(struct rig *r, struct fuzz_input *in)
{
	const vmoon_gpa at = BASE + fuzz_uint(in, 2) % (2 * BYTES);
	const uint8_t *bytes;
	const size_t n = fuzz_bytes(in, 16, &bytes);

	if (n > 0)
		VMOON_IGNORE(vmoon_gmem_write(&r->gm, at, bytes, n) ==
			     VMOON_OK);
}

/* A descriptor that is near to sense. */
static void describe(struct rig *r, struct fuzz_input *in)
{
	const uint8_t at = fuzz_u8(in), flags = fuzz_u8(in);
	unsigned char raw[VMOON_VQ_DESC_BYTES];

	vmoon_le64_store(raw, BASE + fuzz_uint(in, 2));
	vmoon_le32_store(raw + 8,
			 (uint32_t)fuzz_uint(in, 1 + (flags >> 7) * 3u));
	vmoon_le16_store(raw + 12, flags & 7);
	vmoon_le16_store(raw + 14, fuzz_u8(in) & 0x7f);
	VMOON_IGNORE(vmoon_gmem_write(&r->gm,
				      r->setup.part[VMOON_VQ_DESC] +
					      VMOON_VQ_DESC_BYTES * (at & 63u),
				      raw, sizeof(raw)) == VMOON_OK);
}

/* Heads from one on, and an index that counts them or jumps. */
static void offer(struct rig *r, struct fuzz_input *in)
{
	const vmoon_gpa avail = r->setup.part[VMOON_VQ_AVAIL];
	const uint8_t n = fuzz_u8(in);
	unsigned char raw[2];
	uint16_t idx;

	if (vmoon_gmem_read(&r->gm, avail + 2, raw, 2) != VMOON_OK)
		return;
	idx = vmoon_le16_load(raw);
	for (unsigned i = 0; i < (n & 7u); i++, idx++) {
		vmoon_le16_store(raw, fuzz_u8(in) & 0x7f);
		VMOON_IGNORE(
			vmoon_gmem_write(&r->gm,
					 avail + 4 + 2u * (idx % r->setup.size),
					 raw, 2) == VMOON_OK);
	}
	if ((n & 0xc0) == 0xc0)
		idx = (uint16_t)fuzz_uint(in, 2);
	vmoon_le16_store(raw, idx);
	VMOON_IGNORE(vmoon_gmem_write(&r->gm, avail + 2, raw, 2) == VMOON_OK);
}

static void check_chain(const struct vmoon_chain *c)
{
	uint64_t sums[2] = {0, 0};

	FUZZ_REQUIRE(c->count <= c->cap && c->readable_count <= c->count);
	for (uint32_t i = 0; i < c->count; i++) {
		FUZZ_REQUIRE(c->segs[i].len > 0);
		FUZZ_REQUIRE(c->segs[i].gpa <= UINT64_MAX - c->segs[i].len);
		sums[i >= c->readable_count] += c->segs[i].len;
	}
	FUZZ_REQUIRE(sums[0] == c->readable && sums[1] == c->writable);
	FUZZ_REQUIRE(sums[0] + sums[1] <= UINT32_MAX);
	FUZZ_REQUIRE(c->written == 0);
}

static void pop(struct rig *r, bool is_raw)
{
	const unsigned k = r->held_count;
	enum vmoon_vq_outcome outcome = VMOON_VQ_NONE;

	if (k == HELD)
		return;
	vmoon_chain_init(&r->held[k], r->segs[k], SEGS - k % 3);
	if (is_raw)
		outcome = vmoon_vq_next(r->vq, &r->held[k]);
	else if (vmoon_vq_pop(r->vq, &r->held[k]))
		outcome = VMOON_VQ_CHAIN;
	if (outcome != VMOON_VQ_CHAIN && outcome != VMOON_VQ_MALFORMED)
		return;
	check_chain(&r->held[k]);
	FUZZ_REQUIRE(outcome == VMOON_VQ_CHAIN || r->held[k].count == 0);
	FUZZ_REQUIRE(r->held[k].head < vmoon_vq_size(r->vq));
	for (unsigned i = 0; i < k; i++)
		FUZZ_REQUIRE(r->held[i].head != r->held[k].head);
	r->popped++;
	r->held_count++;
}

static void push(struct rig *r, unsigned which)
{
	if (r->held_count == 0)
		return;
	which %= r->held_count;
	vmoon_vq_push(r->vq, &r->held[which]);
	vmoon_vq_push(r->vq, &r->held[which]); /* which does nothing */
	r->returned++;
	r->held_count--;
	/* The storage stays where it is. */
	for (unsigned i = which; i < r->held_count; i++) {
		struct vmoon_seg *segs = r->held[i].segs;

		memcpy(segs, r->held[i + 1].segs, sizeof(r->segs[0]));
		r->held[i] = r->held[i + 1];
		r->held[i].segs = segs;
	}
}

static void unpop(struct rig *r)
{
	if (r->held_count == 0)
		return;
	vmoon_vq_unpop(r->vq, &r->held[--r->held_count]);
	r->popped--;
}

static void use_cursor(struct rig *r, struct fuzz_input *in)
{
	unsigned char buf[80];
	const uint8_t bits = fuzz_u8(in);
	const size_t len = fuzz_u8(in) % sizeof(buf);
	struct vmoon_cursor c, tail;
	struct vmoon_chain *chain;
	struct vmoon_seg seg;
	uint32_t left;

	if (r->held_count == 0)
		return;
	chain = &r->held[bits % r->held_count];
	if (((bits & 0x80) != 0 ? vmoon_chain_writer(chain, &c)
				: vmoon_chain_reader(chain, &c)) != VMOON_OK)
		return;
	vmoon_cursor_skip(&c, fuzz_u8(in));
	left = c.left;
	if ((bits & 0x40) != 0 &&
	    vmoon_cursor_split(&c, (uint32_t)len, &tail) == VMOON_OK)
		FUZZ_REQUIRE(c.left + tail.left == left);
	left = c.left;
	memset(buf, FILL, sizeof(buf));
	if ((bits & 0x80) != 0) {
		const uint32_t written = chain->written;
		const size_t n = vmoon_cursor_write(&c, buf, len);

		FUZZ_REQUIRE(n == (len < left ? len : left));
		FUZZ_REQUIRE(chain->written == written + n);
		chain->written = 0; /* for check_chain */
	} else {
		FUZZ_REQUIRE(vmoon_cursor_read(&c, buf, len) ==
			     (len < left ? len : left));
		for (size_t i = len; i < sizeof(buf); i++)
			FUZZ_REQUIRE(buf[i] == FILL);
	}
	for (unsigned i = 0; i <= SEGS && vmoon_cursor_next(&c, &seg); i++)
		FUZZ_REQUIRE(i < SEGS &&
			     vmoon_gmem_range_ok(&r->gm, seg.gpa, seg.len));
}

/* A life that goes on elsewhere, or a snapshot as the input has it. */
static void move(struct rig *r, struct fuzz_input *in)
{
	unsigned char buf[256] = {0};
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};
	struct vmoon_state_reader rd = {.buf = buf, .size = sizeof(buf)};
	const uint8_t how = fuzz_u8(in);
	const uint8_t *bytes;

	if (vmoon_vq_size(r->vq) == 0)
		return;
	vmoon_vq_save(r->vq, &w);
	FUZZ_REQUIRE(!w.is_overflow);
	for (unsigned i = 0; i < (how & 3u); i++)
		buf[fuzz_u8(in) % w.len] = fuzz_u8(in);
	if ((how & 0xf0) == 0xf0) {
		const size_t n = fuzz_bytes(in, sizeof(buf), &bytes);

		if (n > 0)
			memcpy(buf, bytes, n);
	}
	if (!vmoon_vq_start(r->vq, &r->setup, &r->gm,
			    (how & 4) != 0 ? VMOON_VIRTIO_F_EVENT_IDX : 0)) {
		forget(r);
		return;
	}
	forget(r);
	if (vmoon_vq_load(r->vq, &rd, NULL) != VMOON_OK) {
		FUZZ_REQUIRE(vmoon_vq_in_flight(r->vq) == 0);
		return;
	}
	for (uint16_t head = 0; head < vmoon_vq_size(r->vq); head++) {
		struct vmoon_chain *c = &r->held[r->held_count];

		vmoon_chain_init(c, r->segs[r->held_count], SEGS);
		if (vmoon_vq_refetch(r->vq, head, c) == VMOON_VQ_NONE)
			continue;
		check_chain(c);
		r->held_count++;
		r->popped++;
	}
}

static void step(struct rig *r, struct fuzz_input *in)
{
	const uint8_t op = fuzz_u8(in);

	switch (op % 13) {
	case 0: set_up(r, in); break;
	case 1: poke(r, in); break;
	case 2:
	case 3: describe(r, in); break;
	case 4: offer(r, in); break;
	case 5: pop(r, true); break;
	case 6: pop(r, false); break;
	case 7: push(r, op / 13); break;
	case 8: unpop(r); break;
	case 9: use_cursor(r, in); break;
	case 10: vmoon_vq_begin(r->vq); break;
	case 11:
		VMOON_IGNORE(vmoon_vq_end(r->vq));
		vmoon_vq_signal(r->vq);
		break;
	default: move(r, in); break;
	}
}

static bool is_filled(const unsigned char *at)
{
	for (size_t i = 0; i < GUARD; i++)
		if (at[i] != FILL)
			return false;
	return true;
}

static void check(const struct rig *r)
{
	FUZZ_REQUIRE(r->broken <= 1);
	FUZZ_REQUIRE(r->broken == vmoon_vq_is_broken(r->vq));
	FUZZ_REQUIRE(r->held_count <= MAX_SIZE);
	/* What a broken ring has in flight is dropped by its pushes. */
	if (vmoon_vq_size(r->vq) != 0 && r->broken == 0) {
		FUZZ_REQUIRE(vmoon_vq_in_flight(r->vq) == r->held_count);
		FUZZ_REQUIRE(r->popped - r->returned == r->held_count);
		FUZZ_REQUIRE(r->held_count <= vmoon_vq_size(r->vq));
	}
	FUZZ_REQUIRE(is_filled(r->low.before) && is_filled(r->low.after));
	FUZZ_REQUIRE(is_filled(r->high.before) && is_filled(r->high.after));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rig *r = calloc(1, sizeof(*r));
	const struct vmoon_vq_host host = {
		.interrupt = on_interrupt, .broken = on_broken, .ctx = r};
	struct fuzz_input in = {data, len};

	FUZZ_REQUIRE(r != NULL);
	memset(&r->low, FILL, sizeof(r->low));
	memset(&r->high, FILL, sizeof(r->high));
	memset(r->low.ram, 0, BYTES);
	memset(r->high.ram, 0, BYTES);
	FUZZ_REQUIRE(
		vmoon_gmem_init(&r->gm,
				(const struct vmoon_gmem_region[]){
					{BASE, BYTES, r->low.ram},
					{BASE + BYTES, BYTES, r->high.ram}},
				2, NULL) == VMOON_OK);
	FUZZ_REQUIRE(vmoon_vq_setup_init(&r->setup, MAX_SIZE, NULL) ==
		     VMOON_OK);
	FUZZ_REQUIRE(vmoon_vq_create(NULL, MAX_SIZE, &host, &r->vq, NULL) ==
		     VMOON_OK);
	while (in.len > 0) {
		step(r, &in);
		check(r);
	}
	vmoon_vq_destroy(r->vq);
	vmoon_gmem_fini(&r->gm);
	free(r);
	return 0;
}
