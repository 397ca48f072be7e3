/* SPDX-License-Identifier: MIT */
/* test_mmio_config.c - the configuration space over MMIO, and its widths. */
#include "tests/support/fixture.h"
#include "tests/support/vdev_rig.h"

/*
 * components.md has the tail of a read that crosses the end left alone; the
 * gauntlet's rule, all or nothing, is the stricter one and counts.
 */
static void test_t08_vio_14__a_config_read_that_crosses_the_end_is_all_0(
	void **state)
{
	struct rig *r = *state;
	const struct vmoon_device_ops *ops = r->dev->ops;

	for (uint64_t off = 0; off < RIG_CONFIG + 16; off++) {
		for (unsigned size = 1; size <= 8; size *= 2) {
			uint64_t want = 0;

			for (unsigned i = size; i-- > 0;)
				want = want << 8 | (0xa0 + off + i);
			if (off + size > RIG_CONFIG)
				want = 0;
			r->faults = 0;
			assert_int_equal(
				ops->read(r->dev, R_CONFIG + off, size), want);
			assert_int_equal(r->faults, want == 0);
		}
	}
	for (unsigned size = 1; size <= 8; size *= 2) {
		assert_int_equal(ops->read(r->dev, UINT64_MAX, size), 0);
		assert_int_equal(ops->read(r->dev, 0x1000 - size, size), 0);
		ops->write(r->dev, UINT64_MAX, size, UINT64_MAX);
		ops->write(r->dev, UINT64_MAX - size, size, UINT64_MAX);
	}
}

static void test_t08__a_config_write_that_crosses_the_end_does_nothing(
	void **state)
{
	struct rig *r = *state;
	const struct vmoon_device_ops *ops = r->dev->ops;
	unsigned inside = 0;

	rig_to(r, S_DRIVER);
	for (uint64_t off = 0; off < RIG_CONFIG + 16; off++) {
		for (unsigned size = 1; size <= 8; size *= 2) {
			inside += off + size <= RIG_CONFIG;
			ops->write(r->dev, R_CONFIG + off, size, 0);
			assert_int_equal(r->fake->config_writes, inside);
		}
	}
	assert_int_equal(inside, 20 + 19 + 17 + 13);
}

static void test_t09_vio_15__only_what_is_writable_is_written(void **state)
{
	struct rig *r = *state;
	unsigned char was[RIG_CONFIG];

	memcpy(was, r->fake->config, sizeof(was));
	rig_to(r, S_DRIVER);
	for (unsigned off = 0; off < RIG_CONFIG; off++)
		r->dev->ops->write(r->dev, R_CONFIG + off, 1, 0xff);
	for (unsigned off = 0; off < RIG_CONFIG; off++)
		assert_int_equal(r->fake->config[off],
				 off < RIG_WRITABLE ? 0xff : was[off]);
	assert_int_equal(r->faults, RIG_CONFIG - RIG_WRITABLE);
	r->dev->ops->write(r->dev, R_CONFIG, 8, 0x1122334455667788);
	assert_int_equal(rd(r, R_CONFIG), 0x55667788);
	assert_memory_equal(r->fake->config + 4, was + 4, RIG_CONFIG - 4);
}

static void test_vio_15__a_config_write_needs_a_driver_that_is_well(
	void **state)
{
	struct rig *r = *state;

	wr(r, R_CONFIG, 0);
	rig_to(r, S_ACK);
	wr(r, R_CONFIG, 0);
	rig_to(r, S_DRIVER);
	wr(r, R_STATUS, S_DRIVER | S_FAILED);
	wr(r, R_CONFIG, 0);
	assert_int_equal(r->fake->config_writes, 0);
	assert_int_equal(r->faults, 3);
	rig_live(r);
	wr(r, R_CONFIG, 0);
	assert_int_equal(r->fake->config_writes, 1);
	assert_int_equal(r->faults, 3);
}

static void test_vio_17__below_the_config_space_all_but_words_is_refused(
	void **state)
{
	struct rig *r = *state;
	const struct vmoon_device_ops *ops = r->dev->ops;
	unsigned char a[RIG_SNAPSHOT], b[RIG_SNAPSHOT];
	unsigned n = 0;
	size_t len;

	rig_to(r, S_FEATURES);
	len = rig_image(r, a);
	for (unsigned off = 0; off < R_CONFIG; off++) {
		for (unsigned size = 1; size <= 8; size *= 2) {
			if (size == 4 && off % 4 == 0)
				continue;
			n += 2;
			ops->write(r->dev, off, size, 1);
			assert_int_equal(ops->read(r->dev, off, size), 0);
		}
	}
	assert_int_equal(r->faults_of[VMOON_GUEST_FAULT_WIDTH], n);
	assert_int_equal(r->faults, n);
	assert_int_equal(rig_image(r, b), len);
	assert_memory_equal(a, b, len);
	for (unsigned size = 1; size <= 8; size *= 2)
		assert_int_not_equal(ops->read(r->dev, R_CONFIG + 3, size), 0);
}

static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
	T(test_t08_vio_14__a_config_read_that_crosses_the_end_is_all_0),
	T(test_t08__a_config_write_that_crosses_the_end_does_nothing),
	T(test_t09_vio_15__only_what_is_writable_is_written),
	T(test_vio_15__a_config_write_needs_a_driver_that_is_well),
	T(test_vio_17__below_the_config_space_all_but_words_is_refused),
#undef T
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
