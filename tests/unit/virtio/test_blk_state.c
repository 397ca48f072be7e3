/* SPDX-License-Identifier: MIT */
/* test_blk_state.c - a disk in a snapshot, with requests in flight. */
#include "tests/support/blk_flight.h"

enum { SNAPSHOT_MAX = 4096 };

static size_t save(struct blk_rig *r, unsigned char *buf)
{
	struct vmoon_state_writer w = {.buf = buf, .size = SNAPSHOT_MAX};

	r->vd->ops->save(r->vd, &w);
	assert_false(w.is_overflow);
	return w.len;
}

static enum vmoon_status load(struct blk_rig *r, const unsigned char *buf,
			      size_t len)
{
	struct vmoon_state_reader reader = {.buf = buf, .size = len};
	struct vmoon_error err;

	return r->vd->ops->load(r->vd, &reader, &err);
}

static void save_rings(struct blk_rig *r, unsigned char *buf, size_t *out_len)
{
	struct vmoon_state_writer w = {.buf = buf, .size = SNAPSHOT_MAX};

	for (unsigned i = 0; i < r->vd->queue_count; i++)
		vmoon_vq_save(r->q[i].vq, &w);
	assert_false(w.is_overflow);
	*out_len = w.len;
}

static void load_rings(struct blk_rig *r, const unsigned char *buf, size_t len)
{
	struct vmoon_state_reader reader = {.buf = buf, .size = len};
	const uint64_t f = RIG_FEATURES(r->vd) | VMOON_VIRTIO_F_INDIRECT_DESC;

	for (unsigned i = 0; i < r->vd->queue_count; i++) {
		vmoon_vq_stop(r->q[i].vq);
		assert_true(vmoon_vq_start(r->q[i].vq, &r->q[i].setup,
					   &r->watch.gm, f));
		assert_int_equal(vmoon_vq_load(r->q[i].vq, &reader, NULL),
				 VMOON_OK);
	}
}

static void test_blk__what_was_in_flight_is_done_after_a_load(void **state)
{
	struct blk_rig *r = *state;
	unsigned char dev[SNAPSHOT_MAX], rings[SNAPSHOT_MAX],
		again[SNAPSHOT_MAX];
	size_t len, rings_len;

	restart(r);
	assert_true(rig_hold(r));
	for (unsigned i = 0; i < 40; i++)
		offer_indirect(r, 0, i);
	rig_run(r, 1000);
	for (unsigned i = 0; i < 10; i++)
		assert_true(vmoon_array_disk_release(r->disk, 3));
	len = save(r, dev);
	save_rings(r, rings, &rings_len);
	/* The same machine is another one: reset, loaded, live. */
	r->vd->ops->reset(r->vd);
	vmoon_array_disk_clear_faults(r->disk);
	load_rings(r, rings, rings_len);
	assert_int_equal(load(r, dev, len), VMOON_OK);
	assert_int_equal(save(r, again), len);
	assert_memory_equal(dev, again, len);
	assert_true(rig_activate(r, RIG_FEATURES(r->vd) |
					    VMOON_VIRTIO_F_INDIRECT_DESC));
	assert_int_equal(rig_stats(r).in_flight, 30);
	rig_run(r, 1000);
	assert_int_equal(count_used(r, 0), 40);
	for (unsigned i = 0; i < 40; i++)
		assert_true(is_sector(r, i));
	assert_int_equal(vmoon_vq_in_flight(r->q[0].vq), 0);
}

/* A driver may change a chain that is in flight; that it is one, too. */
static void test_q15__a_chain_that_is_none_after_a_load_goes_back(void **state)
{
	struct blk_rig *r = *state;
	unsigned char dev[SNAPSHOT_MAX], rings[SNAPSHOT_MAX];
	size_t len, rings_len;
	uint32_t id, used = 7;

	restart(r);
	assert_true(rig_hold(r));
	offer_indirect(r, 0, 0);
	offer_indirect(r, 0, 1);
	rig_run(r, 1000);
	len = save(r, dev);
	save_rings(r, rings, &rings_len);
	r->vd->ops->reset(r->vd);
	vmoon_array_disk_clear_faults(r->disk);
	rig_put(r, RIG_RING(0) + 8, 47, 4); /* an odd indirect table */
	load_rings(r, rings, rings_len);
	assert_int_equal(load(r, dev, len), VMOON_OK);
	assert_true(rig_activate(r, RIG_FEATURES(r->vd) |
					    VMOON_VIRTIO_F_INDIRECT_DESC));
	rig_run(r, 1000);
	assert_true(rig_used(r, 0, &id, &used));
	assert_int_equal(id, 0);
	assert_int_equal(used, 0);
	assert_true(rig_used(r, 0, &id, &used));
	assert_int_equal(id, 1);
	assert_int_equal(used, 513);
	assert_int_equal(vmoon_vq_in_flight(r->q[0].vq), 0);
	assert_int_equal(rig_stats(r).in_flight, 0);
}

static void test_blk__a_load_that_is_refused_changes_nothing(void **state)
{
	struct blk_rig *r = *state;
	unsigned char good[SNAPSHOT_MAX], now[SNAPSHOT_MAX], bad[SNAPSHOT_MAX];
	const size_t head = 1 + 10 + 4; /* tag and version */
	size_t len;

	restart(r);
	assert_true(rig_hold(r));
	for (unsigned i = 0; i < 3; i++)
		offer_indirect(r, 0, i);
	rig_run(r, 1000);
	len = save(r, good);
	assert_int_equal(len, head + 3 + 3 * 3);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(load(r, good, cut), VMOON_E_IMAGE);
	for (unsigned kind = 0; kind < 5; kind++) {
		memcpy(bad, good, len);
		switch (kind) {
		case 0: bad[head + 3] = 1; break;     /* no such queue */
		case 1: bad[head + 3 + 2] = 1; break; /* no such head */
		case 2:
			bad[head + 3 + 4] = bad[head + 3 + 1];
			break;                       /* twice */
		case 3: bad[head + 2] = 0x7f; break; /* too many */
		default: bad[head - 1] = 9; break;   /* version */
		}
		assert_int_equal(load(r, bad, len), VMOON_E_IMAGE);
	}
	assert_int_equal(save(r, now), len);
	assert_memory_equal(now, good, len);
	assert_int_equal(vmoon_array_disk_held(r->disk), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_true(vmoon_array_disk_release(r->disk, 0));
	assert_int_equal(count_used(r, 0), 3);
}

/* Heads that the ring does not have in flight are forgotten. */
static void test_blk__loaded_heads_that_are_not_in_flight_are_dropped(
	void **state)
{
	struct blk_rig *r = *state;
	unsigned char buf[SNAPSHOT_MAX];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};

	vmoon_state_begin(&w, "virtio-blk", 1);
	vmoon_state_put(&w, 0, 1);
	vmoon_state_put(&w, 256, 2);
	for (unsigned i = 0; i < 256; i++) {
		vmoon_state_put(&w, 0, 1);
		vmoon_state_put(&w, i, 2);
	}
	r->vd->ops->reset(r->vd);
	assert_int_equal(load(r, buf, w.len), VMOON_OK);
	restart(r);
	assert_int_equal(load(r, buf, w.len), VMOON_OK);
	assert_true(rig_start(r, 0) && rig_activate(r, 0));
	assert_int_equal(rig_stats(r).in_flight, 0);
	read_sector(r, 0, 2);
	rig_run(r, 1000);
	assert_int_equal(count_used(r, 0), 1);
}

static void test_k08__a_lost_write_is_not_forgotten_by_a_snapshot(void **state)
{
	struct blk_rig *r = *state;
	const struct rig_buf out = {DATA, 512, false};
	unsigned char buf[SNAPSHOT_MAX];
	uint16_t head;
	size_t len;

	assert_true(rig_fail(r, VMOON_BLOCK_WRITE, 1, EIO, 0));
	rig_request(r, 0, T_OUT, 0, &out);
	rig_run(r, 1000);
	len = save(r, buf);
	restart(r);
	r->vd->ops->reset(r->vd);
	assert_int_equal(load(r, buf, len), VMOON_OK);
	assert_true(rig_start(r, RIG_FEATURES(r->vd)) &&
		    rig_activate(r, RIG_FEATURES(r->vd)));
	head = rig_request(r, 0, T_FLUSH, 0, NULL);
	rig_run(r, 1000);
	assert_int_equal(rig_get(r, RIG_STATUS(0, head), 1), S_IOERR);
}

/* ---- a reset that waits for the backend ---- */

static void late_submit(struct vmoon_block *b, struct vmoon_block_request *q)
{
	(void)b, (void)q;
	fail();
}

static bool late_drain(struct vmoon_block *b)
{
	(void)b;
	return false;
}

/* Only ever drained: its requests are under way, and stay so. */
static const struct vmoon_block_ops late_ops = {.submit = late_submit,
						.drain = late_drain};

static void test_blk__a_reset_that_waits_has_nothing_in_flight(void **state)
{
	struct blk_rig *r = *state;
	const struct vmoon_block_ops *ops = r->disk->ops;
	unsigned char none[SNAPSHOT_MAX], late[SNAPSHOT_MAX];
	size_t len;

	r->vd->ops->reset(r->vd);
	len = save(r, none);
	restart(r);
	assert_int_equal(r->reset_waits, 0);
	assert_true(rig_hold(r));
	for (unsigned i = 0; i < 3; i++)
		read_sector(r, 0, i);
	rig_run(r, 1000);
	r->disk->ops = &late_ops;
	r->vd->ops->reset(r->vd);
	assert_int_equal(r->reset_waits, 1);
	assert_int_equal(r->resets_done, 0);
	/* They lie in the device, for the backend alone. */
	assert_int_equal(rig_stats(r).in_flight, 3);
	assert_int_equal(save(r, late), len);
	assert_memory_equal(late, none, len);
	assert_int_equal(load(r, none, len), VMOON_E_STATE);
	r->disk->ops = ops;
	assert_true(ops->drain(r->disk));
	r->disk->drained(r->disk->drained_ctx);
	assert_int_equal(r->resets_done, 1);
	assert_int_equal(rig_stats(r).in_flight, 0);
	restart(r);
	read_sector(r, 0, 2);
	rig_run(r, 1000);
	assert_int_equal(count_used(r, 0), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	T(test_blk__what_was_in_flight_is_done_after_a_load),
	T(test_q15__a_chain_that_is_none_after_a_load_goes_back),
	T(test_blk__a_load_that_is_refused_changes_nothing),
	T(test_blk__loaded_heads_that_are_not_in_flight_are_dropped),
	T(test_k08__a_lost_write_is_not_forgotten_by_a_snapshot),
	T(test_blk__a_reset_that_waits_has_nothing_in_flight),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
