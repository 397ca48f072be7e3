/* SPDX-License-Identifier: MIT */
/*
 * test_blk_stable.c - drivers that do not take the FLUSH they are offered:
 * what they are told to be written is stable (VIRTIO 1.2, 5.2.6.2).
 */
#include "virtio/blk.h"

#include "tests/support/blk_ask.h"
#include "tests/support/fixture.h"

enum { SECTORS = 64, DISK_BYTES = SECTORS * 512 };

#define DATA RIG_DATA
#define F_FLUSH (UINT64_C(1) << 9)

static struct blk_rig *make(bool has_flush)
{
	struct blk_rig *r = malloc(sizeof(*r));
	struct vmoon_blk_config cfg = {.queues = 1, .has_flush = has_flush};
	uint64_t features;

	assert_non_null(r);
	assert_true(rig_init_memory(r));
	assert_true(rig_init_disk(r, DISK_BYTES, false));
	assert_true(rig_create(r, &cfg));
	features = RIG_FEATURES(r->vd) & ~F_FLUSH;
	r->vd->ops->reset(r->vd);
	assert_true(rig_start(r, features) && rig_activate(r, features));
	return r;
}

static int set_up(void **state)
{
	*state = make(true);
	return 0;
}

static int set_up_unsafe(void **state)
{
	*state = make(false);
	return 0;
}

static int tear_down(void **state)
{
	rig_fini(*state);
	free(*state);
	return 0;
}

/* Whether the last two that the backend did were op, then a flush. */
static bool ends_in_flush_of(struct blk_rig *r, enum vmoon_block_op op)
{
	const uint64_t n = vmoon_array_disk_logged(r->disk);
	struct vmoon_array_disk_entry last, before;

	return n >= 2 && vmoon_array_disk_entry(r->disk, n - 1, &last) &&
	       vmoon_array_disk_entry(r->disk, n - 2, &before) &&
	       last.op == VMOON_BLOCK_FLUSH && last.len == 0 && before.op == op;
}

static void test_blk__what_is_told_to_be_written_is_stable(void **state)
{
	struct blk_rig *r = *state;
	const struct rig_buf out = {DATA, 1024, false};
	const struct rig_buf in = {DATA + 0x1000, 512, true};
	const struct rig_buf list = {DATA, 32, false};
	uint32_t len = 0;

	assert_int_equal(ask(r, T_OUT, 8, &out, &len), S_OK);
	assert_int_equal(len, 1);
	assert_true(ends_in_flush_of(r, VMOON_BLOCK_WRITE));
	assert_int_equal(rig_stats(r).written_bytes, 1024);
	assert_int_equal(rig_stats(r).writes, 1);
	assert_int_equal(rig_stats(r).flushes, 0);
	put_segment(r, 0, 0, 1, 0);
	put_segment(r, 1, 1, 1, 0);
	assert_int_equal(ask(r, T_WZ, 0, &list, &len), S_OK);
	assert_true(ends_in_flush_of(r, VMOON_BLOCK_ZEROES));
	assert_int_equal(ask(r, T_IN, 8, &in, &len), S_OK);
	assert_int_equal(ask(r, T_DISCARD, 0, &list, &len), S_OK);
	assert_int_equal(vmoon_array_disk_logged(r->disk), 2 + 3 + 1 + 2);
}

static void test_blk__what_is_not_stable_is_an_error(void **state)
{
	struct blk_rig *r = *state;
	const struct rig_buf out = {DATA, 512, false};
	uint32_t len = 0;

	assert_true(rig_fail(r, VMOON_BLOCK_FLUSH, 1, EIO, 0));
	assert_int_equal(ask(r, T_OUT, 8, &out, &len), S_IOERR);
	assert_int_equal(len, 1);
	assert_int_equal(ask(r, T_OUT, 8, &out, &len), S_OK);
	assert_true(rig_fail(r, VMOON_BLOCK_WRITE, 1, ENOSPC, 100));
	assert_int_equal(ask(r, T_OUT, 8, &out, &len), S_IOERR);
	assert_false(ends_in_flush_of(r, VMOON_BLOCK_WRITE));
	assert_int_equal(ask(r, T_OUT, 8, &out, &len), S_OK);
	assert_int_equal(rig_stats(r).writes, 2);
	assert_int_equal(rig_stats(r).in_flight, 0);
	assert_alive(r);
}

static void test_blk__a_reset_ends_what_waits_to_be_stable(void **state)
{
	struct blk_rig *r = *state;
	const struct vmoon_array_disk_fault hold = {.op = VMOON_BLOCK_FLUSH,
						    .nth = 1,
						    .is_held = true,
						    .moved = UINT64_MAX};
	const struct rig_buf out = {DATA, 512, false};
	uint64_t features = RIG_FEATURES(r->vd) & ~F_FLUSH;
	uint32_t id, len;
	uint16_t i;

	assert_true(vmoon_array_disk_fault(r->disk, &hold));
	i = rig_request(r, 0, T_OUT, 8, &out);
	rig_run(r, 1000);
	assert_int_equal(vmoon_array_disk_held(r->disk), 1);
	assert_false(rig_used(r, 0, &id, &len));
	assert_int_equal(rig_get(r, RIG_STATUS(0, i), 1), RIG_NO_STATUS);
	r->vd->ops->reset(r->vd);
	assert_int_equal(rig_stats(r).in_flight, 0);
	assert_true(rig_start(r, features) && rig_activate(r, features));
	assert_alive(r);
}

/* FLUSH is not offered: nobody has promised anything. */
static void test_blk__without_a_cache_nothing_is_flushed(void **state)
{
	struct blk_rig *r = *state;
	const struct rig_buf out = {DATA, 512, false};
	uint32_t len = 0;

	assert_int_equal(ask(r, T_OUT, 8, &out, &len), S_OK);
	assert_int_equal(vmoon_array_disk_logged(r->disk), 1);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	T(test_blk__what_is_told_to_be_written_is_stable),
	T(test_blk__what_is_not_stable_is_an_error),
	T(test_blk__a_reset_ends_what_waits_to_be_stable),
	cmocka_unit_test_setup_teardown(
		test_blk__without_a_cache_nothing_is_flushed, set_up_unsafe,
		tear_down),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
