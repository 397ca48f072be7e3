/* SPDX-License-Identifier: MIT */
/* test_regmap_state.c - snapshots of register maps; other maps; no memory. */
#include "tests/support/regmap_rig.h"

static void test_regmap__a_snapshot_has_all_of_it(void **state)
{
	struct regmap_rig *r = *state;
	unsigned char buf[1024], again[1024];
	size_t len;

	wr(r, 0x00, 4, 0x12345678);
	wr(r, 0x20, 4, 0x55);
	wr(r, 0x60, 1, 7);
	wr(r, 0x60, 1, 8);
	assert_true(vmoon_regmap_fifo_put(r->map, FIFO, 9));
	r->extra = 42;
	len = save(r, buf, sizeof(buf));
	r->dev->ops->reset(r->dev);
	r->extra = 0;
	assert_false(r->level);
	assert_int_equal(load(r, buf, len), VMOON_OK);
	assert_true(r->level); /* signalled again */
	assert_int_equal(r->extra, 42);
	assert_int_equal(save(r, again, sizeof(again)), len);
	assert_memory_equal(buf, again, len);
	wr(r, 0x20, 4, 0x66); /* spent before */
	assert_int_equal(rd(r, 0x20, 4), 0x55);
	assert_int_equal(rd(r, 0x60, 1), 9);
}

static void test_regmap__a_bad_snapshot_changes_nothing(void **state)
{
	struct regmap_rig *r = *state;
	unsigned char buf[1024], now[1024], same[1024];
	size_t len, len_now;

	wr(r, 0x00, 4, 1);
	wr(r, 0x60, 1, 7);
	len = save(r, buf, sizeof(buf));
	wr(r, 0x00, 4, 2);
	len_now = save(r, now, sizeof(now));
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(load(r, buf, cut), VMOON_E_IMAGE);
		assert_int_equal(save(r, same, sizeof(same)), len_now);
		assert_memory_equal(now, same, len_now);
	}
	r->refuses_load = true;
	assert_int_equal(load(r, buf, len), VMOON_E_IMAGE);
	assert_int_equal(rd(r, 0x00, 4), 2);
	r->refuses_load = false;
	assert_int_equal(load(r, buf, len), VMOON_OK);
	assert_int_equal(rd(r, 0x00, 4), 1);
}

/* Any bytes: refused or taken, never more than that. */
static void test_regmap__a_changed_snapshot_is_survived(void **state)
{
	struct regmap_rig *r = *state;
	unsigned char buf[1024];
	const size_t len = save(r, buf, sizeof(buf));

	for (size_t i = 0; i < len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			buf[i] ^= (unsigned char)(1u << bit);
			VMOON_IGNORE(load(r, buf, len));
			assert_true(vmoon_regmap_fifo_len(r->map, FIFO, true) <=
				    3);
			(void)rd(r, 0x60, 1);
			wr(r, 0x60, 1, 1);
			buf[i] ^= (unsigned char)(1u << bit);
		}
	}
	assert_int_equal(load(r, buf, len), VMOON_OK);
}

/* ---- another map ---- */

static void test_regmap__a_reload_keeps_what_is_the_same(void **state)
{
	struct regmap_rig *r = *state;
	struct vmoon_reg changed[2] = {regs[RW], regs[W1C]};
	struct vmoon_regmap_spec spec = whole_spec();

	wr(r, 0x00, 4, 0xcafe);
	changed[0].at = 0x80;
	changed[1].width = 2;
	changed[1].reset = 3;
	spec.regs = changed;
	spec.reg_count = 2;
	spec.irq_count = 0;
	assert_int_equal(vmoon_regmap_reload(r->map, &spec, NULL), VMOON_OK);
	assert_int_equal(rd(r, 0x80, 4), 0xcafe);
	assert_int_equal(rd(r, 0x0c, 2), 3);
	assert_int_equal(rd(r, 0x00, 4), 0);
	changed[0].width = 5;
	assert_int_equal(vmoon_regmap_reload(r->map, &spec, NULL),
			 VMOON_E_CONFIG);
	changed[0].width = 4;
	spec.window *= 2;
	assert_int_equal(vmoon_regmap_reload(r->map, &spec, NULL),
			 VMOON_E_CONFIG);
	assert_int_equal(rd(r, 0x80, 4), 0xcafe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_regmap__a_snapshot_has_all_of_it),
		T(test_regmap__a_bad_snapshot_changes_nothing),
		T(test_regmap__a_changed_snapshot_is_survived),
		T(test_regmap__a_reload_keeps_what_is_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
