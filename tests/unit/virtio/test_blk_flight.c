/* SPDX-License-Identifier: MIT */
/* test_blk_flight.c - many requests of a disk at once, and what ends them. */
#include "tests/support/blk_flight.h"

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
		uint32_t id, len = 0;

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
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
