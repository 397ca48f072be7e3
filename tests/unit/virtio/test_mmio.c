/* SPDX-License-Identifier: MIT */
/* test_mmio.c - the registers of virtio over MMIO, in every state. */
#include "tests/support/fixture.h"
#include "tests/support/vdev_rig.h"

static void test_vio_01__magic_version_device_and_vendor(void **state)
{
	struct rig *r = *state;

	assert_int_equal(rd(r, R_MAGIC), 0x74726976); /* "virt" */
	assert_int_equal(rd(r, R_VERSION), 2);
	assert_int_equal(rd(r, R_DEVICE), RIG_ID);
	assert_int_equal(rd(r, R_VENDOR), 0);
	assert_int_equal(rd(r, R_STATUS), 0);
	assert_int_equal(rd(r, R_ISR), 0);
	assert_int_equal(rd(r, R_GENERATION), 0);
	assert_int_equal(rd(r, R_QUEUE_MAX), RIG_SIZE);
	assert_int_equal(rd(r, R_QUEUE_READY), 0);
	assert_int_equal(r->faults, 0);
	assert_false(r->irq.level);
}

static void test_vio_02__features_are_read_by_page_and_are_0_behind_them(
	void **state)
{
	struct rig *r = *state;

	assert_int_equal(rd(r, R_DEV_FEATURES), 0x30000005);
	wr(r, R_DEV_FEATURES_SEL, 1);
	assert_int_equal(rd(r, R_DEV_FEATURES), 0xc0000001);
	for (unsigned i = 0; i < 32; i++) {
		wr(r, R_DEV_FEATURES_SEL, i == 0 ? 2 : UINT32_C(1) << i);
		if (i != 0)
			assert_int_equal(rd(r, R_DEV_FEATURES), 0);
	}
	wr(r, R_DEV_FEATURES_SEL, UINT32_MAX);
	assert_int_equal(rd(r, R_DEV_FEATURES), 0);
	assert_int_equal(r->faults, 0);
}

/* The driver's features cannot be read: a snapshot has them. */
static bool takes_features(struct rig *r)
{
	unsigned char a[RIG_SNAPSHOT], b[RIG_SNAPSHOT];
	size_t len;

	wr(r, R_DRV_FEATURES_SEL, 0);
	len = rig_image(r, a);
	wr(r, R_DRV_FEATURES, 0x12345678);
	rig_image(r, b);
	return memcmp(a, b, len) != 0;
}

static void test_vio_03__features_are_taken_with_driver_before_features_ok(
	void **state)
{
	struct rig *r = *state;

	rig_to(r, 0);
	assert_false(takes_features(r));
	rig_to(r, S_ACK);
	assert_false(takes_features(r));
	rig_to(r, S_FEATURES);
	assert_false(takes_features(r));
	rig_live(r);
	assert_false(takes_features(r));
	assert_int_equal(r->faults_of[VMOON_GUEST_FAULT_VALUE], 4);
	rig_to(r, S_DRIVER);
	assert_true(takes_features(r));
	wr(r, R_STATUS, S_DRIVER | S_FAILED);
	wr(r, R_DRV_FEATURES_SEL, 1);
	wr(r, R_DRV_FEATURES, 1);
	assert_int_equal(r->faults_of[VMOON_GUEST_FAULT_VALUE], 5);
}

static void test_vio_03__a_page_behind_the_second_takes_nothing(void **state)
{
	struct rig *r = *state;
	unsigned char a[RIG_SNAPSHOT], b[RIG_SNAPSHOT];
	size_t len;

	rig_to(r, S_DRIVER);
	for (unsigned page = 2; page < 70; page++) {
		wr(r, R_DRV_FEATURES_SEL, page);
		len = rig_image(r, a);
		wr(r, R_DRV_FEATURES, UINT32_MAX);
		assert_int_equal(rig_image(r, b), len);
		assert_memory_equal(a, b, len);
	}
	assert_int_equal(r->faults, 68);
}

static const unsigned queue_regs[] = {
	R_QUEUE_NUM, R_QUEUE_READY, R_DESC, R_DESC + 4,
	R_AVAIL,     R_AVAIL + 4,   R_USED, R_USED + 4,
};

/* 16 values of which some would be fine at another time. */
static const uint32_t values[16] = {
	0,          1,          2,          16,         64,     128,
	255,        256,        257,        0x1000,     0x3000, 0x10001,
	0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff,
};

static void assert_frozen(struct rig *r)
{
	unsigned char a[RIG_SNAPSHOT], b[RIG_SNAPSHOT];
	size_t len;

	for (unsigned q = 0; q < RIG_QUEUES; q++) {
		wr(r, R_QUEUE_SEL, q);
		len = rig_image(r, a);
		r->faults = 0;
		for (unsigned i = 0; i < VMOON_COUNTOF(queue_regs); i++)
			for (unsigned n = 0; n < 16; n++)
				wr(r, queue_regs[i], values[n]);
		assert_int_equal(r->faults, 16 * VMOON_COUNTOF(queue_regs));
		assert_int_equal(rig_image(r, b), len);
		assert_memory_equal(a, b, len);
	}
}

static void test_t01_vio_06__queue_registers_are_frozen_outside_of_set_up(
	void **state)
{
	struct rig *r = *state;

	assert_frozen(r);
	rig_to(r, S_ACK);
	assert_frozen(r);
	rig_to(r, S_DRIVER);
	assert_frozen(r);
	rig_live(r);
	assert_frozen(r);
	/* Still the private copy, and still good. */
	assert_true(rig_serves(r, 0));
	assert_true(rig_serves(r, 1));
	wr(r, R_STATUS, S_LIVE | S_FAILED);
	assert_frozen(r);
	rig_live(r);
	rig_break(r, 0);
	assert_int_equal(rd(r, R_STATUS), S_LIVE | S_NEEDS_RESET);
	assert_frozen(r);
	rig_to(r, S_FEATURES);
	rig_queue_up(r, 0);
	wr(r, R_STATUS, S_FEATURES | S_FAILED);
	assert_frozen(r);
}

static void test_t01__each_register_with_16_values_changes_no_live_queue(
	void **state)
{
	struct rig *r = *state;

	for (unsigned off = 0; off < R_CONFIG; off += 4) {
		if (off == R_STATUS)
			continue; /* T02 */
		rig_live(r);
		for (unsigned n = 0; n < 16; n++)
			wr(r, off, values[n]);
		assert_int_equal(rd(r, R_STATUS), S_LIVE);
		assert_true(rig_serves(r, 0));
		assert_true(rig_serves(r, 1));
		for (unsigned q = 0; q < 2; q++) {
			wr(r, R_QUEUE_SEL, q);
			assert_int_equal(rd(r, R_QUEUE_MAX), RIG_SIZE);
			assert_int_equal(rd(r, R_QUEUE_READY), 1);
			assert_int_equal(vmoon_vq_size(r->fake->q[q].vq),
					 RIG_SIZE);
		}
	}
}

static void test_t01__a_ready_queue_is_frozen_until_it_is_not_ready(
	void **state)
{
	struct rig *r = *state;
	unsigned char a[RIG_SNAPSHOT], b[RIG_SNAPSHOT];
	size_t len;

	rig_to(r, S_FEATURES);
	rig_queue_up(r, 0);
	len = rig_image(r, a);
	for (unsigned i = 0; i < VMOON_COUNTOF(queue_regs); i++)
		for (unsigned n = 0; n < 16; n++)
			if (queue_regs[i] != R_QUEUE_READY)
				wr(r, queue_regs[i], values[n]);
	assert_int_equal(r->faults, 16 * 7);
	assert_int_equal(rig_image(r, b), len);
	assert_memory_equal(a, b, len);
	wr(r, R_QUEUE_READY, 0);
	wr(r, R_QUEUE_NUM, 16);
	wr(r, R_DESC, 0x7000);
	assert_int_equal(r->faults, 16 * 7);
	wr(r, R_QUEUE_READY, 1);
	wr(r, R_STATUS, S_LIVE);
	assert_int_equal(vmoon_vq_size(r->fake->q[0].vq), 16);
}

static void test_t05_vio_07__a_queue_that_is_missing_reads_0_and_takes_nothing(
	void **state)
{
	struct rig *r = *state;
	unsigned char a[RIG_SNAPSHOT], b[RIG_SNAPSHOT];
	size_t len;

	rig_to(r, S_FEATURES);
	for (unsigned sel = RIG_QUEUES; sel <= UINT16_MAX; sel++) {
		wr(r, R_QUEUE_SEL, sel);
		assert_int_equal(rd(r, R_QUEUE_MAX), 0);
		assert_int_equal(rd(r, R_QUEUE_READY), 0);
		if (sel % 256 != 3)
			continue;
		len = rig_image(r, a);
		for (unsigned i = 0; i < VMOON_COUNTOF(queue_regs); i++)
			wr(r, queue_regs[i], 1);
		assert_int_equal(rd(r, R_QUEUE_READY), 0);
		assert_int_equal(rig_image(r, b), len);
		assert_memory_equal(a, b, len);
	}
	for (unsigned sel = 0; sel < RIG_QUEUES; sel++) {
		wr(r, R_QUEUE_SEL, sel);
		assert_int_equal(rd(r, R_QUEUE_MAX), RIG_SIZE);
	}
}

static void test_vio_08__a_queue_is_ready_by_1_alone(void **state)
{
	struct rig *r = *state;

	rig_to(r, S_FEATURES);
	for (unsigned n = 0; n < 16; n++) {
		wr(r, R_QUEUE_READY, 0);
		r->faults = 0;
		wr(r, R_QUEUE_READY, values[n]);
		assert_int_equal(rd(r, R_QUEUE_READY), values[n] == 1);
		assert_int_equal(r->faults, values[n] > 1);
		wr(r, R_QUEUE_READY, 1);
		wr(r, R_QUEUE_READY, values[n]);
		assert_int_equal(rd(r, R_QUEUE_READY), values[n] == 1);
	}
}

static void test_vio_13__an_acknowledge_clears_its_bits_once_live(void **state)
{
	struct rig *r = *state;

	rig_live(r);
	assert_true(rig_serves(r, 0));
	r->fake->vd.host.config_changed(r->fake->vd.host.ctx);
	assert_int_equal(rd(r, R_ISR), 3);
	assert_true(r->irq.level);
	for (unsigned n = 2; n < 8; n++)
		wr(r, R_ACK, UINT32_C(1) << n);
	assert_int_equal(rd(r, R_ISR), 3);
	wr(r, R_ACK, 0);
	wr(r, R_ACK, 1);
	assert_int_equal(rd(r, R_ISR), 2);
	assert_true(r->irq.level);
	assert_int_equal(r->irq.edges, 1);
	wr(r, R_ACK, 2);
	assert_int_equal(rd(r, R_ISR), 0);
	assert_false(r->irq.level);
	assert_int_equal(r->faults, 0);
	wr(r, R_ACK, 0x102); /* does not fit */
	assert_int_equal(r->faults, 1);
}

static void test_vio_13__before_driver_ok_an_acknowledge_is_refused(
	void **state)
{
	struct rig *r = *state;
	static const unsigned at[] = {0, S_ACK, S_DRIVER, S_FEATURES};

	for (unsigned i = 0; i < VMOON_COUNTOF(at); i++) {
		rig_to(r, at[i]);
		wr(r, R_ACK, 3);
		assert_int_equal(r->faults, i + 1);
	}
}

static void test_vio_18__what_does_not_fit_is_not_cut(void **state)
{
	struct rig *r = *state;

	rig_to(r, S_FEATURES);
	wr(r, R_QUEUE_SEL, 0x10000);
	assert_int_equal(rd(r, R_QUEUE_MAX), 0);
	assert_int_equal(r->faults, 1);
	wr(r, R_QUEUE_SEL, 0);
	wr(r, R_QUEUE_NUM, 16);
	assert_int_equal(r->faults, 1);
	wr(r, R_QUEUE_NUM, 0x10001);
	wr(r, R_QUEUE_NUM, 0x10010);
	assert_int_equal(r->faults, 3);
	rig_part(r, R_DESC, rig_desc(0));
	rig_part(r, R_AVAIL, rig_avail(0));
	rig_part(r, R_USED, rig_used(0));
	wr(r, R_QUEUE_READY, 0x10001);
	assert_int_equal(rd(r, R_QUEUE_READY), 0);
	wr(r, R_QUEUE_READY, 1);
	wr(r, R_STATUS, 0x100); /* no reset */
	wr(r, R_STATUS, 0x100 | S_LIVE);
	wr(r, R_STATUS, 0x180); /* nor a failure */
	assert_int_equal(rd(r, R_STATUS), S_FEATURES);
	wr(r, R_STATUS, S_LIVE);
	assert_int_equal(vmoon_vq_size(r->fake->q[0].vq), 16);
}

static void test_vio_19__a_notify_of_no_queue_is_ignored(void **state)
{
	struct rig *r = *state;

	rig_live(r);
	memset(r->kicks, 0, sizeof(r->kicks));
	for (unsigned n = 0; n < 16; n++)
		if (values[n] > 2)
			wr(r, R_NOTIFY, values[n]);
	wr(r, R_NOTIFY, RIG_QUEUES);
	wr(r, R_NOTIFY, 0x10000);
	assert_int_equal(r->faults, 15);
	for (unsigned q = 0; q < RIG_QUEUES; q++) {
		assert_int_equal(r->kicks[q], 0);
		wr(r, R_NOTIFY, q);
		assert_int_equal(r->kicks[q], 1);
	}
	assert_int_equal(r->faults, 15);
	assert_int_equal(r->fake->q[0].notifies, 0); /* later, by the loop */
	r->fake->vd.host.needs_reset(r->fake->vd.host.ctx);
	wr(r, R_NOTIFY, 0); /* nobody would listen */
	assert_int_equal(r->kicks[0], 1);
}

static void kick_all(struct rig *r)
{
	const unsigned was = r->fake->q[0].notifies + r->fake->q[1].notifies;

	rig_offer(r, 0);
	for (unsigned q = 0; q < 70; q++) {
		wr(r, R_NOTIFY, q);
		vmoon_virtio_mmio_kick(r->dev, q);
	}
	vmoon_virtio_mmio_kick(r->dev, UINT32_MAX);
	assert_int_equal(r->fake->q[2].notifies, 0);
	assert_int_equal(r->fake->q[0].notifies + r->fake->q[1].notifies, was);
	assert_int_equal(rig_used_idx(r, 0), 0);
	assert_false(r->irq.level);
}

static void test_t12__kicks_are_ignored_in_all_states_but_one(void **state)
{
	struct rig *r = *state;

	kick_all(r);
	rig_to(r, S_ACK);
	kick_all(r);
	rig_to(r, S_DRIVER);
	kick_all(r);
	rig_to(r, S_FEATURES);
	rig_queue_up(r, 0);
	kick_all(r);
	wr(r, R_STATUS, S_FEATURES | S_FAILED);
	kick_all(r);
	rig_live(r);
	wr(r, R_STATUS, S_LIVE | S_FAILED);
	kick_all(r);
	rig_live(r);
	r->fake->vd.host.needs_reset(r->fake->vd.host.ctx);
	wr(r, R_ACK, 2);
	kick_all(r);
	rig_live(r);
	wr(r, R_STATUS, 0); /* after it was live */
	kick_all(r);
	rig_live(r);
	assert_true(rig_serves(r, 0));
	vmoon_virtio_mmio_kick(r->dev, 2); /* never set up */
	assert_int_equal(r->fake->q[2].notifies, 0);
}

static void test_mmio__registers_of_one_direction_refuse_the_other(void **state)
{
	struct rig *r = *state;
	static const unsigned write_only[] = {
		R_DEV_FEATURES_SEL,
		R_DRV_FEATURES,
		R_DRV_FEATURES_SEL,
		R_QUEUE_SEL,
		R_QUEUE_NUM,
		R_NOTIFY,
		R_ACK,
		R_DESC,
		R_USED + 4,
		R_SHM_SEL,
	};
	static const unsigned read_only[] = {
		R_MAGIC,     R_VERSION, R_DEVICE,     R_VENDOR,  R_DEV_FEATURES,
		R_QUEUE_MAX, R_ISR,     R_GENERATION, R_SHM_LEN,
	};

	rig_to(r, S_FEATURES);
	for (unsigned i = 0; i < VMOON_COUNTOF(write_only); i++)
		assert_int_equal(rd(r, write_only[i]), 0);
	assert_int_equal(r->faults, VMOON_COUNTOF(write_only));
	r->faults = 0;
	for (unsigned i = 0; i < VMOON_COUNTOF(read_only); i++) {
		const uint32_t was = rd(r, read_only[i]);

		wr(r, read_only[i], ~was);
		assert_int_equal(rd(r, read_only[i]), was);
	}
	assert_int_equal(r->faults, VMOON_COUNTOF(read_only));
}

static void test_mmio__there_is_no_shared_memory_and_no_queue_reset(
	void **state)
{
	struct rig *r = *state;

	for (unsigned id = 0; id < 4; id++) {
		wr(r, R_SHM_SEL, id);
		for (unsigned off = R_SHM_LEN; off < R_QUEUE_RESET; off += 4)
			assert_int_equal(rd(r, off), 0xffffffff);
	}
	assert_int_equal(r->faults, 0);
	rig_live(r);
	wr(r, R_QUEUE_RESET, 1);
	assert_int_equal(rd(r, R_QUEUE_RESET), 0);
	assert_int_equal(r->faults, 2);
	assert_true(rig_serves(r, 0));
}

static void test_mmio__an_address_may_come_by_halves_in_any_order(void **state)
{
	struct rig *r = *state;

	rig_to(r, S_FEATURES);
	rig_queue_up(r, 1);
	rig_queue_up(r, 0);
	wr(r, R_QUEUE_READY, 0);
	wr(r, R_DESC + 4, 7); /* far away, and back */
	wr(r, R_DESC, 8);     /* not aligned: refused, the old one stays */
	wr(r, R_DESC + 4, 0);
	assert_int_equal(r->faults, 1);
	wr(r, R_QUEUE_READY, 1);
	wr(r, R_STATUS, S_LIVE);
	assert_true(rig_serves(r, 0));
}

static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
	T(test_vio_01__magic_version_device_and_vendor),
	T(test_vio_02__features_are_read_by_page_and_are_0_behind_them),
	T(test_vio_03__features_are_taken_with_driver_before_features_ok),
	T(test_vio_03__a_page_behind_the_second_takes_nothing),
	T(test_t01_vio_06__queue_registers_are_frozen_outside_of_set_up),
	T(test_t01__each_register_with_16_values_changes_no_live_queue),
	T(test_t01__a_ready_queue_is_frozen_until_it_is_not_ready),
	T(test_t05_vio_07__a_queue_that_is_missing_reads_0_and_takes_nothing),
	T(test_vio_08__a_queue_is_ready_by_1_alone),
	T(test_vio_13__an_acknowledge_clears_its_bits_once_live),
	T(test_vio_13__before_driver_ok_an_acknowledge_is_refused),
	T(test_vio_18__what_does_not_fit_is_not_cut),
	T(test_vio_19__a_notify_of_no_queue_is_ignored),
	T(test_t12__kicks_are_ignored_in_all_states_but_one),
	T(test_mmio__registers_of_one_direction_refuse_the_other),
	T(test_mmio__there_is_no_shared_memory_and_no_queue_reset),
	T(test_mmio__an_address_may_come_by_halves_in_any_order),
#undef T
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
