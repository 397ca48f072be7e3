/* SPDX-License-Identifier: MIT */
/* test_gmem_window.c - windows on guest memory: in place, checked, logged. */
#include "runtime/gmem.h"
#include "tests/support/fixture.h"
#include "vmoon/gmem_window.h"

#include <stdalign.h>
#include <string.h>

enum { LOW = 0x1000, BYTES = 64, HIGH = LOW + BYTES, END = HIGH + BYTES };

/* Two regions that touch in the guest; skew makes the host's addresses odd. */
struct rig {
	alignas(16) unsigned char ram[2][BYTES + 64];
	struct vmoon_gmem gm;
};

static void init(struct rig *r, unsigned skew)
{
	const struct vmoon_gmem_region regions[] = {
		{LOW, BYTES, r->ram[0] + 32 + skew},
		{HIGH, BYTES, r->ram[1] + 32 + skew}};

	memset(r->ram, 0xee, sizeof(r->ram));
	assert_int_equal(vmoon_gmem_init(&r->gm, regions, 2, NULL), VMOON_OK);
	for (unsigned i = 0; i < 2 * BYTES; i++) {
		const unsigned char byte = (unsigned char)i;

		assert_int_equal(vmoon_gmem_write(&r->gm, LOW + i, &byte, 1),
				 VMOON_OK);
	}
}

static uint64_t at(unsigned i, unsigned bytes)
{
	uint64_t val = 0;

	for (unsigned k = bytes; k-- > 0;)
		val = val << 8 | ((i + k) & 0xff);
	return val;
}

static void test_window__opens_on_ram_only_and_else_stays(void **state)
{
	static const struct {
		vmoon_gpa gpa;
		uint64_t len;
		bool is_ram;
	} rows[] = {{LOW, BYTES, true},          {LOW, 2 * BYTES, true},
		    {LOW + 5, BYTES, true},      {END - 1, 1, true},
		    {LOW, 2 * BYTES + 1, false}, {END, 1, false},
		    {LOW - 1, 2, false},         {UINT64_MAX, 2, false},
		    {LOW, UINT64_MAX, false},    {LOW + 1, UINT64_MAX, false}};
	struct rig r;

	(void)state;
	init(&r, 0);
	for (size_t i = 0; i < VMOON_COUNTOF(rows); i++) {
		struct vmoon_gmem_window w, old;

		memset(&w, 0x11, sizeof(w));
		old = w;
		assert_int_equal(vmoon_gmem_window_open(&r.gm, rows[i].gpa,
							rows[i].len, &w),
				 rows[i].is_ram);
		if (!rows[i].is_ram)
			assert_memory_equal(&w, &old, sizeof(w));
	}
	vmoon_gmem_fini(&r.gm);
}

/* Every offset of every window of len bytes, in one block and over two. */
static void check_reads(const struct rig *r, vmoon_gpa gpa, uint32_t len)
{
	const unsigned first = (unsigned)(gpa - LOW);
	struct vmoon_gmem_window w;

	assert_true(vmoon_gmem_window_open(&r->gm, gpa, len, &w));
	for (uint32_t off = 0; off < len + 20; off++) {
		uint64_t pair[2] = {1, 2};
		unsigned char raw[4];
		uint16_t v = 0x7777;

		assert_int_equal(vmoon_gmem_window_get_le16(&w, off, &v),
				 off + 2 <= len);
		assert_int_equal(v,
				 off + 2 <= len ? at(first + off, 2) : 0x7777);
		assert_int_equal(vmoon_gmem_window_get_le64x2(&w, off, pair),
				 off + 16 <= len);
		assert_int_equal(pair[0],
				 off + 16 <= len ? at(first + off, 8) : 1);
		assert_int_equal(pair[1],
				 off + 16 <= len ? at(first + off + 8, 8) : 2);
		assert_int_equal(vmoon_gmem_window_read(&w, off, raw, 4),
				 off + 4 <= len ? VMOON_OK : VMOON_E_FAULT);
		v = 0x7777;
		if (vmoon_gmem_window_acquire_le16(&w, off, &v)) {
			assert_true(off + 2 <= len);
			assert_int_equal(v, at(first + off, 2));
		} else {
			assert_int_equal(v, 0x7777);
		}
	}
	for (unsigned back = 0; back < 20; back++) {
		const uint32_t off = UINT32_MAX - back;
		uint64_t pair[2];
		uint16_t v;

		assert_false(vmoon_gmem_window_get_le16(&w, off, &v));
		assert_false(vmoon_gmem_window_get_le64x2(&w, off, pair));
		assert_false(vmoon_gmem_window_acquire_le16(&w, off, &v));
		assert_false(vmoon_gmem_window_put_le64(&w, off, 1));
		assert_false(vmoon_gmem_window_release_le16(&w, off, 1));
	}
}

static void test_window__reads_what_is_there_and_nothing_beyond(void **state)
{
	struct rig r;

	(void)state;
	for (unsigned skew = 0; skew < 3; skew++) {
		init(&r, skew);
		for (unsigned start = 0; start < BYTES; start += 7)
			for (uint32_t len = 1; len <= BYTES; len += 5)
				check_reads(&r, LOW + start, len);
		vmoon_gmem_fini(&r.gm);
	}
}

static void test_window__an_index_is_one_access_or_none(void **state)
{
	struct vmoon_gmem_window w;
	struct rig r;
	uint16_t v;

	(void)state;
	init(&r, 0);
	assert_true(vmoon_gmem_window_open(&r.gm, LOW, 2 * BYTES, &w));
	for (uint32_t off = 0; off < 2 * BYTES; off++) {
		assert_int_equal(vmoon_gmem_window_acquire_le16(&w, off, &v),
				 off % 2 == 0);
		assert_int_equal(vmoon_gmem_window_release_le16(&w, off, 0x102),
				 off % 2 == 0);
	}
	vmoon_gmem_fini(&r.gm);
	init(&r, 1); /* the guest's address is even, the host's is odd */
	assert_true(vmoon_gmem_window_open(&r.gm, LOW, 8, &w));
	assert_false(vmoon_gmem_window_acquire_le16(&w, 2, &v));
	assert_false(vmoon_gmem_window_release_le16(&w, 2, 1));
	vmoon_gmem_fini(&r.gm);
}

static void test_window__writes_stay_inside(void **state)
{
	struct rig r;

	(void)state;
	for (unsigned skew = 0; skew < 2; skew++)
		for (uint32_t off = 0; off < 40; off++) {
			struct vmoon_gmem_window w;
			unsigned char now;

			init(&r, skew);
			assert_true(vmoon_gmem_window_open(&r.gm, LOW + 48, 32,
							   &w));
			assert_int_equal(vmoon_gmem_window_put_le64(
						 &w, off, ~at(48 + off, 8)),
					 off + 8 <= 32);
			for (unsigned i = 0; i < 2 * BYTES; i++) {
				const bool is_hit =
					off + 8 <= 32 && i - (48 + off) < 8;

				assert_int_equal(vmoon_gmem_read(&r.gm, LOW + i,
								 &now, 1),
						 VMOON_OK);
				assert_int_equal(now, is_hit ? (~i & 0xff) : i);
			}
			assert_int_equal(r.ram[0][31 + skew], 0xee);
			assert_int_equal(r.ram[1][32 + skew + BYTES], 0xee);
			vmoon_gmem_fini(&r.gm);
		}
}

static void test_window__what_is_not_plain_is_not_tried(void **state)
{
	uint64_t pair[2] = {1, 2};
	struct vmoon_gmem_window w;
	struct rig r;
	uint16_t v = 3;

	(void)state;
	init(&r, 0);
	assert_true(vmoon_gmem_window_open(&r.gm, LOW, BYTES, &w));
	assert_true(vmoon_gmem_window_is_plain(&w));
	for (uint32_t off = 0; off < BYTES + 20; off++) {
		assert_int_equal(vmoon_gmem_window_try_get_le16(&w, off, &v),
				 off % 2 == 0 && off + 2 <= BYTES);
		assert_int_equal(
			vmoon_gmem_window_try_get_le64x2(&w, off, pair),
			off + 16 <= BYTES);
	}
	/* In two blocks. */
	assert_true(vmoon_gmem_window_open(&r.gm, LOW, 2 * BYTES, &w));
	assert_false(vmoon_gmem_window_is_plain(&w));
	assert_false(vmoon_gmem_window_try_get_le16(&w, 0, &v));
	assert_false(vmoon_gmem_window_try_get_le64x2(&w, 0, pair));
	assert_false(vmoon_gmem_window_try_put_le64(&w, 0, ~UINT64_C(0)));
	assert_false(vmoon_gmem_window_try_release_le16(&w, 0, 0xffff));
	assert_true(vmoon_gmem_window_get_le16(&w, 0, &v));
	assert_int_equal(v, at(0, 2));
	vmoon_gmem_fini(&r.gm);
}

static void test_rw_08__what_a_window_writes_is_logged(void **state)
{
	enum { PAGE = VMOON_GMEM_DIRTY_PAGE };
	const struct vmoon_gmem_region region = {LOW, 4 * PAGE, NULL};
	const struct vmoon_gmem_memory memory = {VMOON_GMEM_ANONYMOUS, true, -1,
						 0, NULL};
	const struct vmoon_gmem empty = {.count = 0};
	struct vmoon_gmem_window w;
	struct vmoon_gmem gm;
	uint64_t pair[2], bits;
	uint16_t v;

	(void)state;
	assert_int_equal(vmoon_gmem_insert(&empty, &region, &memory, &gm, NULL),
			 VMOON_OK);
	assert_true(vmoon_gmem_window_open(&gm, LOW + 16, 4 * PAGE - 16, &w));
	assert_true(vmoon_gmem_window_get_le64x2(&w, PAGE, pair));
	assert_true(vmoon_gmem_window_acquire_le16(&w, PAGE, &v));
	assert_int_equal(vmoon_gmem_dirty_take(&gm, LOW, &bits, 1), VMOON_OK);
	assert_int_equal(bits, 0);
	assert_true(vmoon_gmem_window_put_le64(&w, PAGE - 20, 1));
	assert_int_equal(vmoon_gmem_dirty_take(&gm, LOW, &bits, 1), VMOON_OK);
	assert_int_equal(bits, 3);
	assert_true(vmoon_gmem_window_release_le16(&w, 4 * PAGE - 18, 1));
	assert_int_equal(vmoon_gmem_dirty_take(&gm, LOW, &bits, 1), VMOON_OK);
	assert_int_equal(bits, 8);
	assert_false(vmoon_gmem_window_put_le64(&w, 4 * PAGE - 18, 1));
	assert_int_equal(vmoon_gmem_dirty_take(&gm, LOW, &bits, 1), VMOON_OK);
	assert_int_equal(bits, 0);
	vmoon_gmem_fini(&gm);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_window__opens_on_ram_only_and_else_stays),
	cmocka_unit_test(test_window__reads_what_is_there_and_nothing_beyond),
	cmocka_unit_test(test_window__an_index_is_one_access_or_none),
	cmocka_unit_test(test_window__writes_stay_inside),
	cmocka_unit_test(test_window__what_is_not_plain_is_not_tried),
	cmocka_unit_test(test_rw_08__what_a_window_writes_is_logged),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
