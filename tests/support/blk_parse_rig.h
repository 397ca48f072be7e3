/* SPDX-License-Identifier: MIT */
/* blk_parse_rig.h - a chain for the parser of a disk's requests. */
#ifndef VMOON_TESTS_BLK_PARSE_RIG_H
#define VMOON_TESTS_BLK_PARSE_RIG_H

#include "tests/support/blk_rig.h"
#include "tests/support/fixture.h"
#include "virtio/blk_req.h"

enum { PARSE_DISK_BYTES = 64 * 512, PARSE_SEGS = 64 };

#define HEADER RIG_DATA
#define DATA (RIG_DATA + 0x1000)
#define STATUS (RIG_DATA + 0x8000)
#define HOLE UINT64_C(0x400000)
#define RAM_END (RIG_LOW + RIG_LOW_BYTES)

struct parse_rig {
	struct blk_rig r; /* of it, the memory */
	struct vmoon_seg segs[PARSE_SEGS];
	struct vmoon_chain chain;
	struct vmoon_blk_facts facts;
	struct vmoon_blk_req req;
};

static inline int parse_set_up(void **state)
{
	struct parse_rig *p = malloc(sizeof(*p));

	assert_non_null(p);
	assert_true(rig_init_memory(&p->r));
	p->facts = (struct vmoon_blk_facts){.bytes = PARSE_DISK_BYTES,
					    .has_flush = true,
					    .has_discard = true,
					    .has_zeroes = true,
					    .has_id = true};
	*state = p;
	return 0;
}

static inline int parse_tear_down(void **state)
{
	struct parse_rig *p = *state;

	rig_fini(&p->r);
	free(p);
	return 0;
}

static inline void header_at(struct parse_rig *p, vmoon_gpa gpa, uint32_t type,
			     uint64_t sector)
{
	rig_put(&p->r, gpa, type, 4);
	rig_put(&p->r, gpa + 4, 0x77777777, 4); /* ioprio: not looked at */
	rig_put(&p->r, gpa + 8, sector, 8);
}

static inline void chain_of(struct parse_rig *p, const struct rig_buf *bufs,
			    unsigned n)
{
	struct vmoon_chain *c = &p->chain;

	vmoon_chain_init(c, p->segs, PARSE_SEGS);
	c->gm = &p->r.watch.gm;
	c->count = n;
	for (unsigned i = 0; i < n; i++) {
		p->segs[i] = (struct vmoon_seg){bufs[i].gpa, bufs[i].len};
		if (bufs[i].is_write) {
			c->writable += bufs[i].len;
		} else {
			c->readable += bufs[i].len;
			c->readable_count++;
		}
	}
}

/* Whatever comes of it: nothing is written, and nothing fetched twice. */
static inline enum vmoon_blk_status parse(struct parse_rig *p)
{
	unsigned char *copy = malloc(RIG_LOW_BYTES);
	enum vmoon_blk_status st;

	assert_non_null(copy);
	memcpy(copy, p->r.low, RIG_LOW_BYTES);
	gmem_log_begin(&p->r.log);
	st = vmoon_blk_parse(&p->chain, &p->facts, &p->req);
	assert_int_equal(p->r.log.twice, 0);
	assert_memory_equal(copy, p->r.low, RIG_LOW_BYTES);
	assert_int_equal(p->chain.written, 0);
	free(copy);
	return st;
}

/* Header, len bytes of data in one direction, status. */
static inline enum vmoon_blk_status ask(struct parse_rig *p, uint32_t type,
					uint64_t sector, uint32_t len,
					bool is_write)
{
	const struct rig_buf bufs[] = {
		{HEADER, 16, false}, {DATA, len, is_write}, {STATUS, 1, true}};
	const struct rig_buf bare[] = {{HEADER, 16, false}, {STATUS, 1, true}};

	header_at(p, HEADER, type, sector);
	if (len > 0)
		chain_of(p, bufs, 3);
	else
		chain_of(p, bare, 2);
	return parse(p);
}

static inline void put_segment(struct parse_rig *p, unsigned i, uint64_t sector,
			       uint32_t sectors, uint32_t flags)
{
	rig_put(&p->r, DATA + 16 * i, sector, 8);
	rig_put(&p->r, DATA + 16 * i + 8, sectors, 4);
	rig_put(&p->r, DATA + 16 * i + 12, flags, 4);
}

#define PARSE_TEST(f) \
	cmocka_unit_test_setup_teardown(f, parse_set_up, parse_tear_down)

#endif
