/* SPDX-License-Identifier: MIT */
/*
 * fuzz_blk_req.c - chains for a disk, parsed, against a model with flat bytes.
 *
 * Input: a byte of facts, a byte with the number of buffers read and written,
 * for each of them a byte that says where it is and two of length; then the
 * bytes that the readable ones hold. The parser must say what the model says,
 * and write nothing.
 */
#include "virtio/blk_req.h"

#include "fuzz.h"
#include "runtime/gmem.h"
#include "virtio/blk.h"

#include <string.h>

#define RAM UINT64_C(0x10000)
enum { RAM_BYTES = 0x4000, SEGS = 30, FLAT_MAX = 16 + 17 * 16 };

struct rig {
	unsigned char ram[RAM_BYTES], copy[RAM_BYTES];
	struct vmoon_gmem gm;
	struct vmoon_seg segs[SEGS];
	struct vmoon_chain chain;
	struct vmoon_blk_facts facts;
};

static bool is_ram(vmoon_gpa gpa, uint64_t len)
{
	return gpa >= RAM && vmoon_range_ok(gpa - RAM, len, RAM_BYTES);
}

/* Most are in RAM; some at its ends, some outside. */
static vmoon_gpa place(uint8_t where)
{
	switch (where) {
	case 255: return RAM + RAM_BYTES - 1;
	case 254: return RAM - 1;
	case 253: return 0;
	case 252: return UINT64_MAX - 0x20000;
	default: return RAM + where * UINT64_C(61);
	}
}

static void init(struct rig *r, struct fuzz_input *in)
{
	const struct vmoon_gmem_region region = {
		.gpa = RAM, .size = RAM_BYTES, .host = r->ram};
	const uint8_t facts = fuzz_u8(in);
	const uint8_t counts = fuzz_u8(in);
	struct vmoon_chain *c = &r->chain;

	memset(r, 0, sizeof(*r));
	FUZZ_REQUIRE(vmoon_gmem_init(&r->gm, &region, 1, NULL) == VMOON_OK);
	r->facts = (struct vmoon_blk_facts){
		.bytes = (facts & 32) != 0 ? 64 * 512 : UINT64_C(1) << 43,
		.is_readonly = (facts & 1) != 0,
		.has_flush = (facts & 2) != 0,
		.has_discard = (facts & 4) != 0,
		.has_zeroes = (facts & 8) != 0,
		.has_id = (facts & 16) != 0,
	};
	vmoon_chain_init(c, r->segs, SEGS);
	c->gm = &r->gm;
	c->readable_count = counts & 15;
	c->count = c->readable_count + (counts >> 4 & 15);
	for (uint32_t i = 0; i < c->count; i++) {
		const vmoon_gpa gpa = place(fuzz_u8(in));
		const uint32_t len =
			(uint32_t)fuzz_uint(in, 2) + (i == 0 ? 15u : 0u);

		r->segs[i] = (struct vmoon_seg){gpa, len == 0 ? 1 : len};
		if (i < c->readable_count)
			c->readable += r->segs[i].len;
		else
			c->writable += r->segs[i].len;
	}
}

static void fill(struct rig *r, struct fuzz_input *in)
{
	for (uint32_t i = 0; i < r->chain.readable_count; i++) {
		const struct vmoon_seg *s = &r->segs[i];
		const uint8_t *bytes;
		size_t n = fuzz_bytes(in, s->len < 64 ? s->len : 64, &bytes);

		if (n > 0 && is_ram(s->gpa, n))
			memcpy(r->ram + (s->gpa - RAM), bytes, n);
	}
	memcpy(r->copy, r->ram, RAM_BYTES);
}

/* ---- the model ---- */

static uint64_t le(const unsigned char *b, unsigned n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | b[n];
	return v;
}

/* The first bytes that are readable; false: some buffer is no RAM. */
static bool flatten(const struct rig *r, unsigned char *flat)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->chain.readable_count; i++) {
		const struct vmoon_seg *s = &r->segs[i];

		if (!is_ram(s->gpa, s->len))
			return false;
		for (uint32_t k = 0; k < s->len && n < FLAT_MAX; k++)
			flat[n++] = r->ram[s->gpa - RAM + k];
	}
	return true;
}

static bool is_writable_ram(const struct rig *r)
{
	for (uint32_t i = r->chain.readable_count; i < r->chain.count; i++)
		if (!is_ram(r->segs[i].gpa, r->segs[i].len))
			return false;
	return true;
}

static bool is_inside(const struct rig *r, uint64_t sector, uint64_t sectors)
{
	const uint64_t all = r->facts.bytes / 512;

	return sectors <= all && sector <= all - sectors;
}

static enum vmoon_blk_status model_ranges(const struct rig *r,
					  const unsigned char *flat,
					  bool is_discard)
{
	const uint32_t len = r->chain.readable - 16;
	const uint64_t most = is_discard ? VMOON_BLK_DISCARD_SECTORS_MAX
					 : VMOON_BLK_ZEROES_SECTORS_MAX;

	if (r->facts.is_readonly)
		return VMOON_BLK_IOERR;
	if (!(is_discard ? r->facts.has_discard : r->facts.has_zeroes))
		return VMOON_BLK_UNSUPP;
	if (r->chain.writable != 1 || len == 0 || len % 16 != 0 || len > 256)
		return VMOON_BLK_IOERR;
	for (uint32_t i = 0; i < len / 16; i++) {
		const unsigned char *s = flat + 16 + 16 * i;

		if (le(s + 12, 4) > (is_discard ? 0u : 1u))
			return VMOON_BLK_UNSUPP;
		if (le(s + 8, 4) > most ||
		    !is_inside(r, le(s, 8), le(s + 8, 4)))
			return VMOON_BLK_IOERR;
	}
	return VMOON_BLK_OK;
}

static enum vmoon_blk_status model_type(const struct rig *r,
					const unsigned char *flat)
{
	const uint32_t out = r->chain.readable - 16;
	const uint32_t in = r->chain.writable - 1;
	const uint64_t sector = le(flat + 8, 8);
	bool is_ok;

	switch (le(flat, 4)) {
	case 0:
		is_ok = out == 0 && is_writable_ram(r) && in > 0 &&
			in % 512 == 0 && is_inside(r, sector, in / 512);
		break;
	case 1:
		is_ok = in == 0 && !r->facts.is_readonly && out > 0 &&
			out % 512 == 0 && is_inside(r, sector, out / 512);
		break;
	case 4:
		if (!r->facts.has_flush)
			return VMOON_BLK_UNSUPP;
		is_ok = sector == 0;
		break;
	case 8:
		if (!r->facts.has_id)
			return VMOON_BLK_UNSUPP;
		is_ok = out == 0 && in >= 20 && is_writable_ram(r);
		break;
	case 11: return model_ranges(r, flat, true);
	case 13: return model_ranges(r, flat, false);
	default: return VMOON_BLK_UNSUPP;
	}
	return is_ok ? VMOON_BLK_OK : VMOON_BLK_IOERR;
}

static enum vmoon_blk_status model(const struct rig *r)
{
	const struct vmoon_chain *c = &r->chain;
	unsigned char flat[FLAT_MAX] = {0};
	const struct vmoon_seg *last;

	if (c->writable == 0)
		return VMOON_BLK_NONE;
	last = &r->segs[c->count - 1];
	if (!is_ram(last->gpa + last->len - 1, 1))
		return VMOON_BLK_NONE;
	if (!flatten(r, flat) || c->readable < 16)
		return VMOON_BLK_IOERR;
	return model_type(r, flat);
}

/* What is said to be possible is inside the disk and inside the chain. */
static void check_request(const struct rig *r, const struct vmoon_blk_req *q)
{
	switch (q->type) {
	case VMOON_BLK_IN:
	case VMOON_BLK_OUT:
		FUZZ_REQUIRE(q->data.left == q->len && q->len % 512 == 0);
		FUZZ_REQUIRE(vmoon_range_ok(q->offset, q->len, r->facts.bytes));
		break;
	case VMOON_BLK_GET_ID: FUZZ_REQUIRE(q->data.left == 20); break;
	case VMOON_BLK_FLUSH: FUZZ_REQUIRE(q->range_count == 0); break;
	case VMOON_BLK_DISCARD:
	case VMOON_BLK_ZEROES:
		FUZZ_REQUIRE(q->range_count >= 1 &&
			     q->range_count <= VMOON_BLK_RANGES_MAX);
		for (unsigned i = 0; i < q->range_count; i++)
			FUZZ_REQUIRE(vmoon_range_ok(q->ranges[i].offset,
						    q->ranges[i].len,
						    r->facts.bytes));
		break;
	}
}

static void check_answer(struct rig *r, enum vmoon_blk_status st)
{
	const struct vmoon_seg *last;
	size_t at;

	if (!vmoon_blk_answer(&r->chain, st)) {
		FUZZ_REQUIRE(st == VMOON_BLK_NONE && r->chain.written == 0);
		return;
	}
	FUZZ_REQUIRE(st != VMOON_BLK_NONE && r->chain.written == 1);
	last = &r->segs[r->chain.count - 1];
	at = (size_t)(last->gpa + last->len - 1 - RAM);
	FUZZ_REQUIRE(r->ram[at] == (uint8_t)st);
	r->copy[at] = (uint8_t)st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct rig r;
	struct fuzz_input in = {data, len};
	struct vmoon_blk_req req;
	enum vmoon_blk_status st;

	init(&r, &in);
	fill(&r, &in);
	st = vmoon_blk_parse(&r.chain, &r.facts, &req);
	FUZZ_REQUIRE(st == model(&r));
	FUZZ_REQUIRE(memcmp(r.ram, r.copy, RAM_BYTES) == 0);
	FUZZ_REQUIRE(r.chain.written == 0);
	if (st == VMOON_BLK_OK)
		check_request(&r, &req);
	check_answer(&r, st);
	FUZZ_REQUIRE(memcmp(r.ram, r.copy, RAM_BYTES) == 0);
	vmoon_gmem_fini(&r.gm);
	return 0;
}
