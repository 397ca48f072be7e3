/* SPDX-License-Identifier: MIT */
/* test_device.c - status, features and activation of virtio devices. */
#include "tests/support/fixture.h"
#include "tests/support/vdev_rig.h"

/* The device is as good as new: it comes up and does its work. */
static void assert_works(struct rig *r)
{
	r->fake->is_failing = r->fake->is_holding = r->fake->gives_up = false;
	rig_live(r);
	assert_int_equal(rd(r, R_STATUS), S_LIVE);
	assert_true(rig_serves(r, 0));
	assert_true(rig_serves(r, 1));
}

/* ---- status ---- */

static void drop_interrupt(void *ctx, uint32_t vector)
{
	(void)ctx, (void)vector;
}

static void drop_kick(void *ctx, unsigned queue)
{
	(void)ctx, (void)queue;
}

/*
 * 2.1 and 3.1.1: 0 resets; FAILED is added to whatever there is; of the others
 * the next one is added to all that came before it; nothing else is a step.
 */
static unsigned status_after(unsigned was, unsigned val)
{
	static const unsigned steps[][2] = {{0, 1}, {1, 3}, {3, 11}, {11, 15}};

	if (val == 0)
		return 0;
	if ((val & 0x80) != 0)
		return was | 0x80;
	for (unsigned i = 0; i < VMOON_COUNTOF(steps); i++)
		if (was == steps[i][0] && val == steps[i][1])
			return val;
	return was;
}

static void test_t02_vio_09__each_of_65536_pairs_of_status_values(void **state)
{
	struct rig *r = *state;
	const struct vmoon_vdev_config cfg = {.gm = &r->watch.gm,
					      .interrupt = drop_interrupt,
					      .kick = drop_kick};
	struct vmoon_vdev v;

	assert_int_equal(vmoon_vdev_init(&v, &cfg, &rig_fake(r)->vd, NULL),
			 VMOON_OK);
	for (unsigned was = 0; was < 256; was++) {
		for (unsigned val = 0; val < 256; val++) {
			const unsigned want = status_after(was, val);
			bool is_taken;

			v.regs = (struct vmoon_vdev_regs){
				.status = (uint8_t)was,
				.driver_features = VMOON_VIRTIO_F_VERSION_1};
			is_taken = vmoon_vdev_set_status(&v, val);
			assert_int_equal(v.regs.status, want);
			assert_int_equal(v.is_live, was == 11 && val == 15);
			if (want == was && val != was && (val & 0x80) == 0)
				assert_false(is_taken);
			v.is_live = false;
		}
	}
	vmoon_vdev_fini(&v);
}

static void test_vio_10__a_status_that_drops_bits_changes_nothing(void **state)
{
	struct rig *r = *state;

	rig_to(r, S_DRIVER);
	wr(r, R_STATUS, 8); /* would be FEATURES_OK */
	assert_int_equal(rd(r, R_STATUS), S_DRIVER);
	wr(r, R_STATUS, S_FEATURES);
	wr(r, R_STATUS, 4); /* would be DRIVER_OK */
	assert_int_equal(rd(r, R_STATUS), S_FEATURES);
	assert_int_equal(r->fake->activates, 0);
	assert_int_equal(r->faults_of[VMOON_GUEST_FAULT_VALUE], 2);
	wr(r, R_STATUS, S_FEATURES); /* nothing new is nothing wrong */
	assert_int_equal(r->faults, 2);
}

static void test_vio_12__failed_goes_with_all_and_blocks_the_rest(void **state)
{
	struct rig *r = *state;
	static const unsigned at[] = {0, S_ACK, S_DRIVER, S_FEATURES, S_LIVE};

	for (unsigned i = 0; i < VMOON_COUNTOF(at); i++) {
		rig_to(r, at[i]);
		wr(r, R_STATUS, S_FAILED); /* what it drops does not count */
		assert_int_equal(rd(r, R_STATUS), at[i] | S_FAILED);
		for (unsigned val = 1; val < 256; val++)
			wr(r, R_STATUS, val);
		assert_int_equal(rd(r, R_STATUS), at[i] | S_FAILED);
		r->faults = 0;
		rig_features(r, 1);
		wr(r, R_CONFIG, 1);
		assert_int_equal(r->faults, 3);
		assert_int_equal(r->fake->config_writes, 0);
	}
	assert_works(r);
}

/* ---- features ---- */

static void try_features(struct rig *r, uint64_t features, bool is_fine)
{
	rig_to(r, S_DRIVER);
	rig_features(r, features);
	wr(r, R_STATUS, S_FEATURES);
	assert_int_equal(rd(r, R_STATUS), is_fine ? S_FEATURES : S_DRIVER);
	if (!is_fine)
		return;
	wr(r, R_STATUS, S_LIVE);
	assert_true(r->fake->features == features);
	assert_true(rig_stats(r).features == features);
}

static void test_t03_vio_04__a_bit_that_is_not_offered_is_refused(void **state)
{
	struct rig *r = *state;
	const uint64_t offered =
		r->fake->vd.features | VMOON_VIRTIO_F_VERSION_1 |
		VMOON_VIRTIO_F_INDIRECT_DESC | VMOON_VIRTIO_F_EVENT_IDX;

	for (unsigned i = 0; i < 64; i++) {
		const uint64_t bit = UINT64_C(1) << i;

		try_features(r, VMOON_VIRTIO_F_VERSION_1 | bit,
			     (offered & bit) != 0);
	}
	try_features(r, offered, true);
	try_features(r, UINT64_MAX, false);
}

static void test_t03__features_after_features_ok_stay_what_they_were(
	void **state)
{
	struct rig *r = *state;

	rig_to(r, S_FEATURES);
	rig_features(r, VMOON_VIRTIO_F_VERSION_1 | 5);
	assert_int_equal(r->faults_of[VMOON_GUEST_FAULT_VALUE], 2);
	wr(r, R_STATUS, S_LIVE);
	rig_features(r, UINT64_MAX);
	assert_true(r->fake->features == VMOON_VIRTIO_F_VERSION_1);
}

static void test_vio_05__without_version_1_there_is_no_features_ok(void **state)
{
	struct rig *r = *state;

	try_features(r, 0, false);
	try_features(r, 5, false);
	try_features(r, VMOON_VIRTIO_F_EVENT_IDX, false);
	try_features(r, VMOON_VIRTIO_F_VERSION_1, true);
}

/* ---- activation ---- */

static void assert_gave_up(struct rig *r)
{
	assert_int_equal(rd(r, R_STATUS), S_LIVE | S_NEEDS_RESET);
	assert_int_equal(rd(r, R_ISR), 2);
	assert_true(r->irq.level);
	assert_false(rig_stats(r).is_live);
	assert_true(rig_stats(r).is_broken);
	assert_true(rig_stats(r).features == 0);
	for (unsigned q = 0; q < RIG_QUEUES; q++) {
		wr(r, R_QUEUE_SEL, q);
		assert_int_equal(rd(r, R_QUEUE_READY), 0);
	}
	/* The driver can make it quiet, and begin again. */
	wr(r, R_ACK, 2);
	assert_false(r->irq.level);
}

static const uint32_t sizes[] = {0,   1,   2,   3,   16,    128,
				 255, 256, 257, 512, 32768, 65535};

static void test_t04__a_size_that_is_none_leaves_the_old_one(void **state)
{
	struct rig *r = *state;

	for (unsigned i = 0; i < VMOON_COUNTOF(sizes); i++) {
		const uint32_t n = sizes[i];
		const bool is_fine = n > 0 && n <= 256 && (n & (n - 1)) == 0;

		rig_to(r, S_FEATURES);
		rig_queue_up(r, 0);
		wr(r, R_QUEUE_READY, 0);
		wr(r, R_QUEUE_NUM, 64);
		r->faults = 0;
		wr(r, R_QUEUE_NUM, n);
		assert_int_equal(r->faults, !is_fine);
		wr(r, R_QUEUE_READY, 1);
		wr(r, R_STATUS, S_LIVE);
		assert_int_equal(rd(r, R_STATUS), S_LIVE);
		assert_int_equal(vmoon_vq_size(r->fake->q[0].vq),
				 is_fine ? n : 64);
		assert_true(rig_serves(r, 0));
	}
}

struct ring_part {
	unsigned reg, align, len; /* len for 256 entries */
};

static const struct ring_part parts[] = {
	{R_DESC, 16, 16 * 256},
	{R_AVAIL, 2, 6 + 2 * 256},
	{R_USED, 4, 6 + 8 * 256},
};

/* First, last and middle byte outside of RAM, and far away. */
static void bad_addresses(const struct ring_part *p, vmoon_gpa out[12])
{
	const uint64_t align = p->align, down = ~(align - 1);

	out[0] = RIG_HOLE;                       /* begins in the hole */
	out[1] = RIG_HOLE_END - align;           /* the first bytes only */
	out[2] = RIG_HOLE - align;               /* first and last are RAM */
	out[3] = (RIG_HOLE - p->len / 2) & down; /* the middle is not */
	out[4] = (RIG_HOLE - p->len + align) & down; /* the last bytes only */
	out[5] = (RIG_RAM_END - p->len + align) & down;
	out[6] = RIG_RAM_END - align;
	out[7] = RIG_RAM_END;
	out[8] = UINT64_C(1) << 32;
	out[9] = UINT64_C(1) << 63;
	out[10] = (UINT64_MAX - p->len + 1) & down; /* to the end of all */
	out[11] = UINT64_MAX & down;                /* past it: it wraps */
}

static void test_t06_vio_20__a_ring_that_is_not_all_ram_needs_a_reset(
	void **state)
{
	struct rig *r = *state;
	vmoon_gpa bad[12];

	for (unsigned p = 0; p < VMOON_COUNTOF(parts); p++) {
		bad_addresses(&parts[p], bad);
		for (unsigned i = 0; i < 12; i++) {
			r->fake->activates = 0;
			rig_to(r, S_FEATURES);
			rig_queue_up(r, 1);
			rig_queue_up(r, 0);
			wr(r, R_QUEUE_READY, 0);
			rig_part(r, parts[p].reg, bad[i]);
			wr(r, R_QUEUE_READY, 1);
			wr(r, R_STATUS, S_LIVE);
			assert_gave_up(r);
			assert_int_equal(r->fake->activates, 0);
			assert_false(rig_serves(r, 1));
		}
	}
	assert_int_equal(r->faults_of[VMOON_GUEST_FAULT_VALUE], 0);
	assert_int_equal(rig_stats(r).needs_reset, 36);
	assert_works(r);
}

static void test_t06__the_last_fitting_addresses_are_fine(void **state)
{
	struct rig *r = *state;

	for (unsigned p = 0; p < VMOON_COUNTOF(parts); p++) {
		rig_to(r, S_FEATURES);
		rig_queue_up(r, 0);
		wr(r, R_QUEUE_READY, 0);
		rig_part(r, parts[p].reg,
			 (RIG_RAM_END - parts[p].len) &
				 ~(vmoon_gpa)(parts[p].align - 1));
		wr(r, R_QUEUE_READY, 1);
		wr(r, R_STATUS, S_LIVE);
		assert_int_equal(rd(r, R_STATUS), S_LIVE);
	}
}

static void test_t06__an_address_that_is_not_aligned_is_not_taken(void **state)
{
	struct rig *r = *state;

	rig_to(r, S_FEATURES);
	rig_queue_up(r, 0);
	wr(r, R_QUEUE_READY, 0);
	for (unsigned p = 0; p < VMOON_COUNTOF(parts); p++)
		for (unsigned off = 1; off < parts[p].align; off++)
			wr(r, parts[p].reg, 0x7000 + off);
	assert_int_equal(r->faults, 15 + 1 + 3);
	wr(r, R_QUEUE_READY, 1);
	wr(r, R_STATUS, S_LIVE);
	assert_true(rig_serves(r, 0));
}

static void test_t07__what_fails_at_any_step_of_activation_needs_a_reset(
	void **state)
{
	struct rig *r = *state;

	/* The first queue, one behind good ones, the device. */
	for (unsigned step = 0; step < 3; step++) {
		rig_to(r, S_FEATURES);
		for (unsigned q = 0; q < RIG_QUEUES; q++)
			rig_queue_up(r, q);
		if (step < 2) {
			wr(r, R_QUEUE_SEL, step * 2);
			wr(r, R_QUEUE_READY, 0);
			rig_part(r, R_USED, RIG_RAM_END);
			wr(r, R_QUEUE_READY, 1);
		}
		r->fake->is_failing = step == 2;
		r->irq.edges = 0;
		wr(r, R_STATUS, S_LIVE);
		assert_gave_up(r);
		assert_int_equal(r->irq.edges, 1);
		assert_int_equal(r->fake->activates, step == 2);
		assert_false(r->fake->is_active);
		for (unsigned q = 0; q < RIG_QUEUES; q++)
			assert_false(rig_serves(r, q));
	}
	assert_works(r);
}

static void test_device__a_queue_that_is_not_ready_is_legal(void **state)
{
	struct rig *r = *state;

	rig_to(r, S_FEATURES);
	rig_queue_up(r, 1);
	wr(r, R_STATUS, S_LIVE);
	assert_null(r->fake->q[0].vq);
	assert_non_null(r->fake->q[1].vq);
	assert_true(rig_serves(r, 1));
	assert_true(rig_stats(r).is_live);
}

static void test_device__activation_looks_at_each_queue_once(void **state)
{
	struct rig *r = *state;

	rig_live(r); /* there may be chains from before */
	assert_int_equal(r->kicks[0], 1);
	assert_int_equal(r->kicks[1], 1);
	assert_int_equal(r->kicks[2], 0);
}

static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
	T(test_t02_vio_09__each_of_65536_pairs_of_status_values),
	T(test_vio_10__a_status_that_drops_bits_changes_nothing),
	T(test_vio_12__failed_goes_with_all_and_blocks_the_rest),
	T(test_t03_vio_04__a_bit_that_is_not_offered_is_refused),
	T(test_t03__features_after_features_ok_stay_what_they_were),
	T(test_vio_05__without_version_1_there_is_no_features_ok),
	T(test_t04__a_size_that_is_none_leaves_the_old_one),
	T(test_t06_vio_20__a_ring_that_is_not_all_ram_needs_a_reset),
	T(test_t06__the_last_fitting_addresses_are_fine),
	T(test_t06__an_address_that_is_not_aligned_is_not_taken),
	T(test_t07__what_fails_at_any_step_of_activation_needs_a_reset),
	T(test_device__a_queue_that_is_not_ready_is_legal),
	T(test_device__activation_looks_at_each_queue_once),
#undef T
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
