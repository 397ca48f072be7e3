/* SPDX-License-Identifier: MIT */
/* test_chain.c - cursors over the bytes of a chain. */
#include "tests/support/vq_rig.h"

enum { BUF = VQ_RIG_BUF, PAGE = VMOON_GMEM_DIRTY_PAGE };

/* A chain by hand, as pop makes them. */
static void make(struct vq_rig *r, const struct vmoon_seg *segs, uint32_t count,
		 uint32_t readable_count)
{
	vmoon_chain_init(&r->chain, r->segs, VQ_RIG_SEGS);
	r->chain.gm = &r->mem.device.gm;
	for (uint32_t i = 0; i < count; i++) {
		r->segs[i] = segs[i];
		if (i < readable_count)
			r->chain.readable += segs[i].len;
		else
			r->chain.writable += segs[i].len;
	}
	r->chain.count = count;
	r->chain.readable_count = readable_count;
	gmem_log_begin(&r->mem.log);
}

static void number(struct vq_rig *r, vmoon_gpa gpa, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		*hostile_mem_at(&r->mem, gpa + i) = (unsigned char)i;
}

static void test_rw_01__each_part_is_seen_by_its_own_cursor(void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_seg segs[] = {
		{BUF, 3}, {BUF + 16, 5}, {BUF + 32, 7}, {BUF + 48, 1}};
	struct vmoon_cursor in, out;
	unsigned char buf[32];

	for (uint32_t readable = 0; readable <= 4; readable++) {
		static const uint32_t sums[] = {0, 3, 8, 15, 16};

		make(r, segs, 4, readable);
		assert_int_equal(vmoon_chain_reader(&r->chain, &in), VMOON_OK);
		assert_int_equal(vmoon_chain_writer(&r->chain, &out), VMOON_OK);
		assert_int_equal(in.left, sums[readable]);
		assert_int_equal(out.left, 16 - sums[readable]);
		assert_int_equal(vmoon_cursor_read(&in, buf, 32),
				 sums[readable]);
		assert_int_equal(vmoon_cursor_write(&out, buf, 32),
				 16 - sums[readable]);
		assert_int_equal(in.done, sums[readable]);
		assert_int_equal(out.done, 16 - sums[readable]);
		assert_int_equal(r->chain.written, 16 - sums[readable]);
		assert_int_equal(r->mem.log.twice, 0);
	}
}

static void test_rw_02__at_the_end_what_is_left_is_what_comes(void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_seg segs[] = {{BUF, 4}, {BUF + 8, 4}};
	unsigned char buf[16] = {0};
	struct vmoon_cursor c;

	for (size_t len = 1; len < 16; len++) {
		size_t rest = 8;

		make(r, segs, 2, 2);
		assert_int_equal(vmoon_chain_reader(&r->chain, &c), VMOON_OK);
		for (int i = 0; i < 12; i++) {
			const size_t want = len < rest ? len : rest;

			assert_int_equal(vmoon_cursor_read(&c, buf, len), want);
			rest -= want;
			assert_int_equal(c.left, rest);
		}
		make(r, segs, 2, 0);
		assert_int_equal(vmoon_chain_writer(&r->chain, &c), VMOON_OK);
		while (c.left > 0)
			assert_int_not_equal(vmoon_cursor_write(&c, buf, len),
					     0);
		assert_int_equal(vmoon_cursor_write(&c, buf, len), 0);
		assert_int_equal(r->chain.written, 8); /* Q17 */
	}
}

static void test_rw_03__exact_past_the_end_moves_nothing(void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_seg segs[] = {{BUF, 4}, {BUF + 8, 4}};
	unsigned char buf[16];
	struct vmoon_cursor c, old;

	make(r, segs, 2, 2);
	assert_int_equal(vmoon_chain_reader(&r->chain, &c), VMOON_OK);
	memset(buf, 0x77, sizeof(buf));
	old = c;
	assert_int_equal(vmoon_cursor_read_exact(&c, buf, 9), VMOON_E_FAULT);
	assert_memory_equal(&c, &old, sizeof(c));
	assert_int_equal(buf[0], 0x77);
	assert_int_equal(r->mem.log.count, 0);
	assert_int_equal(vmoon_cursor_read_exact(&c, buf, 8), VMOON_OK);
	assert_int_equal(vmoon_cursor_read_exact(&c, buf, 0), VMOON_OK);
	assert_int_equal(vmoon_cursor_read_exact(&c, buf, 1), VMOON_E_FAULT);
	make(r, segs, 2, 0);
	assert_int_equal(vmoon_chain_writer(&r->chain, &c), VMOON_OK);
	hostile_mem_freeze(&r->mem);
	assert_int_equal(vmoon_cursor_write_exact(&c, buf, 9), VMOON_E_FAULT);
	assert_int_equal(hostile_mem_damage(&r->mem, NULL), 0);
	assert_int_equal(r->chain.written, 0);
	assert_int_equal(vmoon_cursor_write_exact(&c, buf, 8), VMOON_OK);
	assert_int_equal(r->chain.written, 8);
}

/* Q19: what is copied is as long as the host's object, or nothing is. */
static void test_rw_04__objects_in_pieces_of_1_byte_survive(void **state)
{
	struct vq_rig *r = *state;
	unsigned char obj[18], back[18];
	struct vmoon_seg segs[36];
	struct vmoon_cursor in, out;

	for (unsigned i = 0; i < 36; i++) /* backwards, with gaps */
		segs[i] = (struct vmoon_seg){BUF + 2 * (40 - i), 1};
	make(r, segs, 36, 18);
	for (unsigned i = 0; i < 18; i++)
		*hostile_mem_at(&r->mem, segs[i].gpa) = (unsigned char)(i * 7);
	assert_int_equal(vmoon_chain_reader(&r->chain, &in), VMOON_OK);
	assert_int_equal(vmoon_chain_writer(&r->chain, &out), VMOON_OK);
	assert_int_equal(vmoon_cursor_read_exact(&in, obj, 18), VMOON_OK);
	for (unsigned i = 0; i < 18; i++)
		assert_int_equal(obj[i], (unsigned char)(i * 7));
	assert_int_equal(vmoon_cursor_write_exact(&out, obj, 18), VMOON_OK);
	for (unsigned i = 0; i < 18; i++)
		back[i] = *hostile_mem_at(&r->mem, segs[18 + i].gpa);
	assert_memory_equal(obj, back, 18);
	assert_int_equal(r->mem.log.twice, 0);
}

static void test_rw_05__a_cut_parts_the_bytes_exactly(void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_seg segs[] = {
		{BUF, 4}, {BUF + 4, 1}, {BUF + 5, 3}, {BUF + 8, 8}};
	struct vmoon_cursor c, tail, old;
	unsigned char buf[16];

	number(r, BUF, 16);
	for (uint32_t first = 0; first <= 8; first++)
		for (uint32_t off = 0; off <= 9; off++) {
			uint32_t n;

			make(r, segs, 4, 3);
			assert_int_equal(vmoon_chain_reader(&r->chain, &c),
					 VMOON_OK);
			vmoon_cursor_skip(&c, first);
			old = c;
			if (first + off > 8) {
				assert_int_equal(
					vmoon_cursor_split(&c, off, &tail),
					VMOON_E_INVAL);
				assert_memory_equal(&c, &old, sizeof(c));
				continue;
			}
			assert_int_equal(vmoon_cursor_split(&c, off, &tail),
					 VMOON_OK);
			assert_int_equal(c.left, off);
			assert_int_equal(tail.left, 8 - first - off);
			assert_int_equal(tail.done, 0);
			assert_int_equal(vmoon_cursor_read(&tail, buf, 16),
					 8 - first - off);
			for (n = 0; n < 8 - first - off; n++)
				assert_int_equal(buf[n], first + off + n);
			assert_int_equal(vmoon_cursor_read(&c, buf, 16), off);
			for (n = 0; n < off; n++)
				assert_int_equal(buf[n], first + n);
		}
}

static void test_rw_06__a_buffer_that_is_no_ram_makes_no_cursor(void **state)
{
	struct vq_rig *r = *state;
	static const struct vmoon_seg bad[] = {
		{HOSTILE_HOLE, 1},         {HOSTILE_HOLE - 1, 2},
		{HOSTILE_A - 1, 1},        {HOSTILE_A - 1, 2},
		{UINT64_MAX - 1, 2},       {UINT64_MAX, 1},
		{HOSTILE_A, UINT32_MAX},   {0, 1},
		{UINT64_C(1) << 44, 4096},
	};
	static const struct vmoon_seg fine[] = {
		{HOSTILE_HOLE - 1, 1},
		{HOSTILE_A, 1},
		{HOSTILE_B - 1, 2},
		{HOSTILE_A, HOSTILE_A_BYTES + HOSTILE_B_BYTES}};
	struct vmoon_seg segs[3] = {{BUF, 1}, {BUF, 1}, {BUF, 1}};
	struct vmoon_cursor c;

	/* Q12, Q13: in each place, for both directions, in both blocks. */
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++)
		for (unsigned at = 0; at < 3; at++) {
			segs[at] = bad[i];
			memset(&c, 0x33, sizeof(c));
			make(r, segs, 3, 3);
			assert_int_equal(vmoon_chain_reader(&r->chain, &c),
					 VMOON_E_FAULT);
			assert_int_equal(vmoon_chain_writer(&r->chain, &c),
					 VMOON_OK);
			make(r, segs, 3, 0);
			assert_int_equal(vmoon_chain_writer(&r->chain, &c),
					 VMOON_E_FAULT);
			assert_int_equal(vmoon_chain_reader(&r->chain, &c),
					 VMOON_OK);
			segs[at] = (struct vmoon_seg){BUF, 1};
		}
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		const struct vmoon_seg two[] = {{HOSTILE_B, 1}, bad[i]};

		make(r, two, 2, 2);
		assert_int_equal(vmoon_chain_reader(&r->chain, &c),
				 VMOON_E_FAULT);
	}
	for (size_t i = 0; i < VMOON_COUNTOF(fine); i++) {
		make(r, &fine[i], 1, 1);
		assert_int_equal(vmoon_chain_reader(&r->chain, &c), VMOON_OK);
		assert_int_equal(c.left, fine[i].len);
	}
	/* Q09, Q23: 255 times the same: the claim alone costs nothing. */
	for (unsigned i = 0; i < 255; i++)
		r->segs[i] = (struct vmoon_seg){HOSTILE_A, HOSTILE_A_BYTES};
	r->chain.count = r->chain.readable_count = 255;
	r->chain.readable = 255 * HOSTILE_A_BYTES;
	assert_int_equal(vmoon_chain_reader(&r->chain, &c), VMOON_OK);
	vmoon_cursor_skip(&c, UINT32_MAX);
	assert_int_equal(c.left, 0);
	assert_int_equal(c.done, 255 * HOSTILE_A_BYTES);
}

static void test_rw_07__a_reader_of_a_writable_chain_has_nothing(void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_seg seg = {BUF, 8};
	struct vmoon_cursor c;
	unsigned char byte = 0x55;
	struct vmoon_seg s;

	make(r, &seg, 1, 0);
	assert_int_equal(vmoon_chain_reader(&r->chain, &c), VMOON_OK);
	assert_int_equal(c.left, 0);
	assert_int_equal(vmoon_cursor_read(&c, &byte, 1), 0);
	assert_int_equal(vmoon_cursor_read_exact(&c, &byte, 1), VMOON_E_FAULT);
	assert_false(vmoon_cursor_next(&c, &s));
	vmoon_cursor_skip(&c, 5);
	assert_int_equal(byte, 0x55);
	make(r, &seg, 1, 1);
	assert_int_equal(vmoon_chain_writer(&r->chain, &c), VMOON_OK);
	assert_int_equal(vmoon_cursor_write(&c, &byte, 1), 0);
	assert_false(vmoon_cursor_next(&c, &s));
	make(r, NULL, 0, 0);
	assert_int_equal(vmoon_chain_reader(&r->chain, &c), VMOON_OK);
	assert_int_equal(vmoon_cursor_read(&c, &byte, 1), 0);
}

/* Writes len bytes at off of a region of 4 pages; whose pages are marked? */
static void assert_marks(uint32_t off, uint32_t cut, uint32_t len)
{
	const struct vmoon_gmem_region region = {0x10000, 4 * PAGE, NULL};
	const struct vmoon_gmem_memory memory = {VMOON_GMEM_ANONYMOUS, true, -1,
						 0, NULL};
	const struct vmoon_gmem empty = {.count = 0};
	static const unsigned char src[4 * PAGE];
	struct gmem_log log = {.is_off = true};
	struct gmem_watch w = {.log = &log};
	struct vmoon_seg segs[2] = {{0x10000 + off, cut},
				    {0x10000 + off + cut, len - cut}};
	struct vmoon_chain chain;
	struct vmoon_cursor c;
	uint64_t bits, expected = 0;

	assert_int_equal(
		vmoon_gmem_insert(&empty, &region, &memory, &w.gm, NULL),
		VMOON_OK);
	vmoon_chain_init(&chain, segs, 2);
	chain.gm = &w.gm;
	chain.count = 2;
	chain.writable = len;
	assert_int_equal(vmoon_chain_writer(&chain, &c), VMOON_OK);
	assert_int_equal(vmoon_gmem_dirty_take(&w.gm, 0x10000, &bits, 1),
			 VMOON_OK);
	assert_int_equal(bits, 0); /* to look is not to write */
	assert_int_equal(vmoon_cursor_write(&c, src, len), len);
	for (uint32_t i = off; i < off + len; i++)
		expected |= UINT64_C(1) << i / PAGE;
	assert_int_equal(vmoon_gmem_dirty_take(&w.gm, 0x10000, &bits, 1),
			 VMOON_OK);
	assert_int_equal(bits, expected);
	vmoon_gmem_fini(&w.gm);
}

static void test_rw_08__exactly_the_pages_written_are_dirty(void **state)
{
	(void)state;
	/* Q22: the last page as well. */
	assert_marks(0, 1, 2);
	assert_marks(PAGE - 1, 1, 2);
	assert_marks(PAGE, 16, PAGE);
	assert_marks(PAGE - 1, 2, PAGE + 2);
	assert_marks(3 * PAGE, PAGE - 1, PAGE);
	assert_marks(4 * PAGE - 2, 1, 2);
	assert_marks(0, 3 * PAGE, 4 * PAGE);
}

static void test_rw_08__the_queues_own_writes_mark_the_used_ring(void **state)
{
	const struct vmoon_gmem_region region = {0x10000, 4 * PAGE, NULL};
	const struct vmoon_gmem_memory memory = {VMOON_GMEM_ANONYMOUS, true, -1,
						 0, NULL};
	const struct vmoon_gmem empty = {.count = 0};
	struct gmem_log log = {.is_off = true};
	struct gmem_watch w = {.log = &log};
	struct vq_rig *r = *state;
	uint64_t bits;

	assert_int_equal(
		vmoon_gmem_insert(&empty, &region, &memory, &w.gm, NULL),
		VMOON_OK);
	r->setup.part[VMOON_VQ_DESC] = 0x10000;
	r->setup.part[VMOON_VQ_AVAIL] = 0x10000 + PAGE;
	r->setup.part[VMOON_VQ_USED] = 0x10000 + 3 * PAGE - 8;
	for (int mode = 0; mode < 2; mode++) {
		log.is_off = mode == 0; /* the fast way and the slow one */
		assert_true(vmoon_vq_start(r->vq, &r->setup, &w.gm, 0));
		assert_int_equal(
			vmoon_gmem_dirty_take(&w.gm, 0x10000, &bits, 1),
			VMOON_OK);
		assert_int_equal(bits, 0);
		assert_false(vmoon_vq_enable_kicks(r->vq));
		assert_int_equal(
			vmoon_gmem_dirty_take(&w.gm, 0x10000, &bits, 1),
			VMOON_OK);
		assert_int_equal(bits, 4);
		assert_true(vmoon_vq_add_used(r->vq, 0, 0)); /* over a border */
		assert_int_equal(
			vmoon_gmem_dirty_take(&w.gm, 0x10000, &bits, 1),
			VMOON_OK);
		assert_int_equal(bits, 12);
	}
	vmoon_vq_stop(r->vq);
	vmoon_gmem_fini(&w.gm);
}

/* Q12: contiguous in the guest, not in the host. */
static void test_q12__a_buffer_over_a_border_is_whole(void **state)
{
	struct vq_rig *r = *state;
	unsigned char buf[64], back[64];
	struct vmoon_cursor c;

	for (unsigned i = 0; i < 64; i++)
		buf[i] = (unsigned char)(i ^ 0x5a);
	for (unsigned before = 0; before <= 64; before++) {
		const struct vmoon_seg seg = {HOSTILE_B - before, 64};

		make(r, &seg, 1, 0);
		hostile_mem_freeze(&r->mem);
		hostile_mem_allow(&r->mem, seg.gpa, 64);
		assert_int_equal(vmoon_chain_writer(&r->chain, &c), VMOON_OK);
		assert_int_equal(vmoon_cursor_write(&c, buf, 64), 64);
		assert_int_equal(hostile_mem_damage(&r->mem, NULL), 0);
		make(r, &seg, 1, 1);
		assert_int_equal(vmoon_chain_reader(&r->chain, &c), VMOON_OK);
		assert_int_equal(vmoon_cursor_read(&c, back, 64), 64);
		assert_memory_equal(buf, back, 64);
	}
}

/* Q14: all of what was asked for, or nothing: never some of it. */
static void test_q14__what_is_gone_meanwhile_is_nothing_at_all(void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_seg segs[] = {{BUF, 8}, {BUF + 8, 8}, {BUF + 16, 8}};
	unsigned char buf[24] = {1, 2, 3};
	struct vmoon_cursor in, out, old;

	for (unsigned gone = 0; gone < 3; gone++) {
		make(r, segs, 3, 3);
		assert_int_equal(vmoon_chain_reader(&r->chain, &in), VMOON_OK);
		r->segs[gone].gpa = HOSTILE_HOLE;
		old = in;
		assert_int_equal(vmoon_cursor_read(&in, buf, 24), 0);
		assert_memory_equal(&in, &old, sizeof(in));
		make(r, segs, 3, 0);
		assert_int_equal(vmoon_chain_writer(&r->chain, &out), VMOON_OK);
		r->segs[gone].gpa = HOSTILE_HOLE;
		old = out;
		hostile_mem_freeze(&r->mem);
		assert_int_equal(vmoon_cursor_write(&out, buf, 24), 0);
		assert_int_equal(vmoon_cursor_write_exact(&out, buf, 24),
				 VMOON_E_FAULT);
		assert_memory_equal(&out, &old, sizeof(out));
		assert_int_equal(hostile_mem_damage(&r->mem, NULL), 0);
		assert_int_equal(r->chain.written, 0);
		r->segs[gone].gpa = segs[gone].gpa;
		assert_int_equal(vmoon_cursor_write(&out, buf, 24), 24);
	}
}

static void test_chain__a_cursor_names_each_range_once(void **state)
{
	struct vq_rig *r = *state;
	const struct vmoon_seg segs[] = {{BUF, 4}, {BUF + 8, 4}, {BUF + 16, 4}};
	struct vmoon_cursor c, tail;
	struct vmoon_seg s;

	make(r, segs, 3, 0);
	assert_int_equal(vmoon_chain_writer(&r->chain, &c), VMOON_OK);
	vmoon_cursor_skip(&c, 2);
	assert_int_equal(vmoon_cursor_split(&c, 8, &tail), VMOON_OK);
	assert_true(vmoon_cursor_next(&c, &s));
	assert_int_equal(s.gpa, BUF + 2);
	assert_int_equal(s.len, 2);
	assert_true(vmoon_cursor_next(&c, &s));
	assert_int_equal(s.len, 4);
	assert_true(vmoon_cursor_next(&c, &s));
	assert_int_equal(s.gpa, BUF + 16);
	assert_int_equal(s.len, 2);
	assert_false(vmoon_cursor_next(&c, &s));
	assert_true(vmoon_cursor_next(&tail, &s));
	assert_int_equal(s.gpa, BUF + 18);
	assert_int_equal(s.len, 2);
	assert_int_equal(r->chain.written, 0);
	vmoon_chain_add_written(&r->chain, 10);
	assert_int_equal(r->chain.written, 10);
}

static const struct CMUnitTest tests[] = {
	VQ_TEST(test_rw_01__each_part_is_seen_by_its_own_cursor),
	VQ_TEST(test_rw_02__at_the_end_what_is_left_is_what_comes),
	VQ_TEST(test_rw_03__exact_past_the_end_moves_nothing),
	VQ_TEST(test_rw_04__objects_in_pieces_of_1_byte_survive),
	VQ_TEST(test_rw_05__a_cut_parts_the_bytes_exactly),
	VQ_TEST(test_rw_06__a_buffer_that_is_no_ram_makes_no_cursor),
	VQ_TEST(test_rw_07__a_reader_of_a_writable_chain_has_nothing),
	VQ_TEST(test_rw_08__exactly_the_pages_written_are_dirty),
	VQ_TEST(test_rw_08__the_queues_own_writes_mark_the_used_ring),
	VQ_TEST(test_q12__a_buffer_over_a_border_is_whole),
	VQ_TEST(test_q14__what_is_gone_meanwhile_is_nothing_at_all),
	VQ_TEST(test_chain__a_cursor_names_each_range_once),
};

int main(void)
{
	return VQ_RUN_BOTH(tests);
}
