/* SPDX-License-Identifier: MIT */
/* test_stages.c - S15: protocols in two stages, and a bad first one. */
#include "tests/support/device_kinds.h"
#include "tests/support/fixture.h"

static void test_s15__cmos_data_goes_to_the_last_good_index(void **state)
{
	static const unsigned bad[] = {0, 2, 3, 4, 8};
	struct device_rig r;

	(void)state;
	assert_int_equal(make_cmos(memset(&r, 0, sizeof(r)), NULL), VMOON_OK);
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		/* Bad, then data: index 0 is the clock and stays so. */
		r.dev->ops->reset(r.dev);
		r.dev->ops->write(r.dev, 0, bad[i], 0x41);
		fake_out(r.dev, 1, 0x99);
		fake_out(r.dev, 0, 0x41);
		assert_int_equal(fake_in(r.dev, 1), 0);
		/* Good, bad, data: where the good one said. */
		fake_out(r.dev, 0, 0x40);
		r.dev->ops->write(r.dev, 0, bad[i], 0x41);
		fake_out(r.dev, 1, 0x77);
		assert_int_equal(fake_in(r.dev, 1), 0x77);
		/* Bad data leaves the stage as it was. */
		r.dev->ops->write(r.dev, 1, bad[i], 0x55);
		assert_int_equal(fake_in(r.dev, 1), 0x77);
		fake_out(r.dev, 0, 0x41);
		assert_int_equal(fake_in(r.dev, 1), 0);
		/* A bad reset index does not reset. */
		r.dev->ops->write(r.dev, 0, bad[i], 0x8f);
		fake_out(r.dev, 1, 0);
		assert_int_equal(r.told.count, 0);
	}
	r.dev->ops->destroy(r.dev);
}

static void test_s15__a_divisor_needs_a_good_line_control(void **state)
{
	static const unsigned bad[] = {0, 2, 3, 4, 8};
	struct device_rig r;

	(void)state;
	assert_int_equal(make_uart(memset(&r, 0, sizeof(r)), NULL), VMOON_OK);
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		/* Bad, then data: it is a byte to send. */
		r.dev->ops->reset(r.dev);
		r.dev->ops->write(r.dev, 3, bad[i], 0x83);
		fake_out(r.dev, 0, 'x');
		assert_int_equal(r.out.calls, i + 1);
		/* Good, bad, data: it is still the divisor. */
		fake_out(r.dev, 3, 0x83);
		r.dev->ops->write(r.dev, 3, bad[i], 0x03);
		fake_out(r.dev, 0, 0x21);
		fake_out(r.dev, 1, 0x43);
		assert_int_equal(r.out.calls, i + 1);
		assert_int_equal(fake_in(r.dev, 0), 0x21);
		assert_int_equal(fake_in(r.dev, 1), 0x43);
		fake_out(r.dev, 3, 0x03);
		assert_int_equal(fake_in(r.dev, 1), 0); /* IER */
	}
	r.dev->ops->destroy(r.dev);
}

/* Commands with a parameter: the byte that follows is no command. */
static void test_s15__an_i8042_parameter_never_resets(void **state)
{
	static const unsigned commands[] = {0x60, 0xd1, 0xd2, 0xd3, 0xd4, 0xff};
	static const unsigned bad[] = {0, 2, 3, 4, 8};
	struct device_rig r;

	(void)state;
	assert_int_equal(make_i8042(memset(&r, 0, sizeof(r)), NULL), VMOON_OK);
	for (size_t c = 0; c < VMOON_COUNTOF(commands); c++)
		for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
			r.dev->ops->write(r.dev, 4, bad[i], 0xfe);
			fake_out(r.dev, 0, 0xfe);
			fake_out(r.dev, 4, commands[c]);
			r.dev->ops->write(r.dev, 4, bad[i], 0xfe);
			fake_out(r.dev, 0, 0xfe);
		}
	assert_int_equal(r.told.count, 0);
	fake_out(r.dev, 4, 0xfe);
	assert_int_equal(r.told.count, 1);
	r.dev->ops->destroy(r.dev);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_s15__cmos_data_goes_to_the_last_good_index),
	cmocka_unit_test(test_s15__a_divisor_needs_a_good_line_control),
	cmocka_unit_test(test_s15__an_i8042_parameter_never_resets),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
