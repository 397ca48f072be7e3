/* SPDX-License-Identifier: MIT */
/* test_blk_flight.c - many requests of a disk at once, and what ends them. */
#include "tests/support/blk_rig.h"
#include "tests/support/fixture.h"

#include "virtio/blk_run.h"

enum { SECTORS = 128, SNAPSHOT_MAX = 4096 };

#define DATA RIG_DATA
#define BUF(i) (DATA + (uint64_t)(i)*512)

static struct blk_rig *make(unsigned queues)
{
	struct blk_rig *r = malloc(sizeof(*r));
	struct vmoon_blk_config cfg = {.queues = queues, .has_flush = true};

	assert_non_null(r);
	assert_true(rig_init_memory(r));
	assert_true(rig_init_disk(r, SECTORS * 512, false));
	assert_true(rig_create(r, &cfg));
	return r;
}

static int set_up(void **state)
{
	*state = make(1);
	return 0;
}

static int tear_down(void **state)
{
	rig_fini(*state);
	free(*state);
	return 0;
}

static uint16_t read_sector(struct blk_rig *r, unsigned queue, unsigned i)
{
	const struct rig_buf data = {BUF(i), 512, true};

	return rig_request(r, queue, T_IN, i % SECTORS, &data);
}

static bool is_sector(struct blk_rig *r, unsigned i)
{
	for (unsigned k = 0; k < 512; k++)
		if (*rig_at(r, BUF(i) + k) != (i % SECTORS + 1) % 256)
			return false;
	return true;
}

static bool is_poison(struct blk_rig *r, unsigned i)
{
	for (unsigned k = 0; k < 512; k++)
		if (*rig_at(r, BUF(i) + k) != RIG_POISON)
			return false;
	return true;
}

static unsigned count_used(struct blk_rig *r, unsigned queue)
{
	unsigned n = 0;
	uint32_t id, len;

	for (; rig_used(r, queue, &id, &len); n++)
		assert_int_equal(len, 513);
	return n;
}

static void test_blk_21__requests_complete_in_any_order(void **state)
{
	struct blk_rig *r = *state;
	uint32_t seed = 1;
	unsigned left = 60;

	assert_true(rig_hold(r));
	for (unsigned i = 0; i < left; i++)
		read_sector(r, 0, i);
	rig_run(r, 1000);
	assert_int_equal(rig_stats(r).in_flight, 60);
	assert_int_equal(vmoon_array_disk_held(r->disk), 60);
	r->interrupts = 0;
	for (; left > 0; left--) {
		seed = seed * 1664525 + 1013904223;
		assert_true(
			vmoon_array_disk_release(r->disk, (seed >> 8) % left));
		assert_int_equal(rig_stats(r).in_flight, left - 1);
	}
	/* Each is told at once: nobody knows when the next one comes. */
	assert_int_equal(r->interrupts, 60);
	assert_int_equal(count_used(r, 0), 60);
	for (unsigned i = 0; i < 60; i++)
		assert_true(is_sector(r, i));
}

/* A batch that is answered inside one notify is one signal. */
static void test_blk_21__answers_inside_a_notify_are_one_signal(void **state)
{
	struct blk_rig *r = *state;

	r->interrupts = 0;
	for (unsigned i = 0; i < 20; i++)
		rig_request(r, 0, 99, 0, NULL);
	rig_run(r, 1000);
	assert_int_equal(r->interrupts, 1);
	assert_int_equal(rig_stats(r).unsupported, 20);
}

/* Indirect chains: one entry of the ring each, so that 256 are in flight. */
static void offer_indirect(struct blk_rig *r, unsigned queue, unsigned i)
{
	const uint16_t head = rig_header(r, queue, T_IN, i % SECTORS);
	const vmoon_gpa table = RIG_DATA + 0x40000 + (queue * 256 + i) * 48;
	const struct rig_buf bufs[] = {{RIG_HEADER(queue, head), 16, false},
				       {BUF(i), 512, true},
				       {RIG_STATUS(queue, head), 1, true}};

	for (unsigned k = 0; k < 3; k++) {
		rig_put(r, table + 16 * k, bufs[k].gpa, 8);
		rig_put(r, table + 16 * k + 8, bufs[k].len, 4);
		rig_put(r, table + 16 * k + 12,
			(bufs[k].is_write ? DESC_WRITE : 0u) |
				(k < 2 ? DESC_NEXT : 0u),
			2);
		rig_put(r, table + 16 * k + 14, k + 1, 2);
	}
	rig_put(r, RIG_RING(queue) + head * UINT64_C(16), table, 8);
	rig_put(r, RIG_RING(queue) + head * UINT64_C(16) + 8, 48, 4);
	rig_put(r, RIG_RING(queue) + head * UINT64_C(16) + 12, 4, 2);
	r->q[queue].next_desc = (uint16_t)((head + 1) % RIG_RING_SIZE);
	rig_offer(r, queue, head);
}

static void restart(struct blk_rig *r)
{
	const uint64_t features =
		RIG_FEATURES(r->vd) | VMOON_VIRTIO_F_INDIRECT_DESC;

	r->vd->ops->reset(r->vd);
	r->pending = r->held = 0;
	for (unsigned i = 0; i < r->vd->queue_count; i++)
		vmoon_vq_stop(r->q[i].vq);
	assert_true(rig_start(r, features) && rig_activate(r, features));
	vmoon_array_disk_clear_faults(r->disk);
}

static void test_t10__after_a_reset_nothing_that_was_in_flight_writes(
	void **state)
{
	struct blk_rig *r = *state;
	unsigned char *copy = malloc(RIG_LOW_BYTES);
	static const unsigned counts[] = {1, 2, 3, 17, 85, 128, 255, 256};

	assert_non_null(copy);
	for (size_t k = 0; k < VMOON_COUNTOF(counts); k++) {
		restart(r);
		assert_true(rig_hold(r));
		for (unsigned i = 0; i < counts[k]; i++)
			offer_indirect(r, 0, i);
		rig_run(r, 1000);
		assert_int_equal(rig_stats(r).in_flight, counts[k]);
		memcpy(copy, r->low, RIG_LOW_BYTES);
		r->vd->ops->reset(r->vd);
		vmoon_vq_stop(r->q[0].vq);
		assert_int_equal(rig_stats(r).in_flight, 0);
		assert_int_equal(vmoon_array_disk_held(r->disk), 0);
		assert_false(vmoon_array_disk_release(r->disk, 0));
		assert_false(vmoon_array_disk_work(r->disk));
		r->vd->ops->notify(r->vd, 0);
		r->vd->ops->tick(r->vd);
		r->vd->ops->reset(r->vd);
		assert_memory_equal(copy, r->low, RIG_LOW_BYTES);
		restart(r);
		read_sector(r, 0, 5);
		rig_run(r, 1000);
		assert_int_equal(count_used(r, 0), 1);
		assert_true(is_sector(r, 5));
	}
	free(copy);
}

static void test_t10__half_of_them_done_and_the_others_not(void **state)
{
	struct blk_rig *r = *state;

	restart(r);
	assert_true(rig_hold(r));
	for (unsigned i = 0; i < 200; i++)
		offer_indirect(r, 0, i);
	rig_run(r, 1000);
	for (unsigned i = 0; i < 100; i++)
		assert_true(vmoon_array_disk_release(r->disk, 0));
	r->vd->ops->reset(r->vd);
	assert_int_equal(count_used(r, 0), 100);
	for (unsigned i = 0; i < 200; i++)
		assert_true(i < 100 ? is_sector(r, i) : is_poison(r, i));
}

/* A list of ranges is in the middle: the next one must not be begun. */
static void test_t10__a_reset_between_the_ranges_of_one_request(void **state)
{
	struct blk_rig *r = *state;
	const struct rig_buf list = {DATA, 48, false};

	for (unsigned i = 0; i < 3; i++) {
		rig_put(r, DATA + 16 * i, i, 8);
		rig_put(r, DATA + 16 * i + 8, 1, 8);
	}
	assert_true(rig_hold(r));
	rig_request(r, 0, T_WZ, 0, &list);
	rig_run(r, 1000);
	assert_true(vmoon_array_disk_release(r->disk, 0));
	assert_int_equal(vmoon_array_disk_held(r->disk), 1);
	r->vd->ops->reset(r->vd);
	assert_int_equal(vmoon_array_disk_held(r->disk), 0);
	assert_int_equal(vmoon_array_disk_logged(r->disk), 1);
}

static void test_t13__a_bad_request_leaves_those_in_flight_alone(void **state)
{
	struct blk_rig *r = *state;

	assert_true(rig_hold(r));
	read_sector(r, 0, 1);
	rig_run(r, 1000);
	for (unsigned i = 0; i < 50; i++) {
		uint32_t id, len;

		rig_request(r, 0, T_IN, UINT64_MAX, NULL);
		rig_run(r, 1000);
		assert_true(rig_used(r, 0, &id, &len));
		assert_int_equal(len, 1);
	}
	assert_true(vmoon_array_disk_release(r->disk, 0));
	assert_int_equal(count_used(r, 0), 1);
	assert_true(is_sector(r, 1));
	assert_int_equal(r->faults, 50);
}

/* ---- several queues ---- */

static void test_blk__queues_share_a_pool_and_take_turns(void **state)
{
	struct blk_rig *r = make(3);
	unsigned done[3] = {0};

	(void)state;
	restart(r);
	assert_true(rig_hold(r));
	for (unsigned i = 0; i < 256; i++)
		for (unsigned q = 0; q < 3; q++)
			offer_indirect(r, q, i);
	rig_run(r, 1000);
	assert_int_equal(rig_stats(r).in_flight, VMOON_BLK_POOL);
	assert_int_equal(vmoon_vq_in_flight(r->q[0].vq), 256);
	assert_int_equal(r->held & 6, 6);
	/* The first queue's go, and the others get their places in turn. */
	for (unsigned i = 0; i < 100; i++) {
		assert_true(vmoon_array_disk_release(r->disk, 0));
		rig_run(r, 1000);
	}
	assert_int_equal(vmoon_vq_in_flight(r->q[0].vq), 156);
	assert_in_range(vmoon_vq_in_flight(r->q[1].vq), 49, 51);
	assert_in_range(vmoon_vq_in_flight(r->q[2].vq), 49, 51);
	assert_int_equal(rig_stats(r).in_flight, VMOON_BLK_POOL);
	vmoon_array_disk_clear_faults(r->disk);
	for (unsigned i = 0; i < 3000; i++) {
		rig_run(r, 1000);
		if (!vmoon_array_disk_release(r->disk, 0))
			break;
	}
	rig_run(r, 1000);
	for (unsigned q = 0; q < 3; q++) {
		done[q] = count_used(r, q);
		assert_int_equal(done[q], 256);
	}
	assert_int_equal(rig_stats(r).in_flight, 0);
	assert_int_equal(r->held, 0);
	tear_down((void **)&r);
}

static void test_t12__a_queue_that_was_not_set_up_is_left_alone(void **state)
{
	struct blk_rig *r = make(2);
	struct vmoon_vq *queues[VMOON_BLK_QUEUES_MAX] = {NULL};

	(void)state;
	r->vd->ops->reset(r->vd);
	r->vd->ops->notify(r->vd, 0);
	queues[1] = r->q[1].vq;
	assert_true(rig_start(r, 0));
	assert_int_equal(r->vd->ops->activate(r->vd, 0, queues), VMOON_OK);
	r->vd->ops->notify(r->vd, 0);
	read_sector(r, 1, 3);
	rig_run(r, 1000);
	assert_int_equal(count_used(r, 1), 1);
	tear_down((void **)&r);
}

/* ---- snapshots ---- */

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

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	T(test_blk_21__requests_complete_in_any_order),
	T(test_blk_21__answers_inside_a_notify_are_one_signal),
	T(test_t10__after_a_reset_nothing_that_was_in_flight_writes),
	T(test_t10__half_of_them_done_and_the_others_not),
	T(test_t10__a_reset_between_the_ranges_of_one_request),
	T(test_t13__a_bad_request_leaves_those_in_flight_alone),
	cmocka_unit_test(test_blk__queues_share_a_pool_and_take_turns),
	cmocka_unit_test(test_t12__a_queue_that_was_not_set_up_is_left_alone),
	T(test_blk__what_was_in_flight_is_done_after_a_load),
	T(test_blk__a_load_that_is_refused_changes_nothing),
	T(test_blk__loaded_heads_that_are_not_in_flight_are_dropped),
	T(test_k08__a_lost_write_is_not_forgotten_by_a_snapshot),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
