/* SPDX-License-Identifier: MIT */
/* test_i8042.c - mirrors devices/i8042.c. */
#include "devices/i8042.h"
#include "tests/support/fake_host.h"
#include "tests/support/fixture.h"

enum { OFF_DATA = 0, OFF_COMMAND = 4 };

struct rig {
	struct fake_notify reset;
	struct vmoon_device *dev;
};

static int setup(void **state)
{
	struct rig *r = test_calloc(1, sizeof(*r));
	struct vmoon_i8042_config cfg = {
		.reset = {fake_notify_fire, &r->reset}};
	struct vmoon_error err;

	assert_ok(vmoon_i8042_create(&cfg, &r->dev, &err), &err);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	r->dev->ops->destroy(r->dev);
	test_free(r);
	return 0;
}

static void test_i8_01__command_fe_asks_for_a_reset(void **state)
{
	struct rig *r = *state;

	fake_out(r->dev, OFF_COMMAND, 0xfe);
	assert_int_equal(r->reset.count, 1);
	assert_int_equal(r->reset.last, 0);
}

static void test_i8_02__reads_are_0_and_other_commands_do_nothing(void **state)
{
	struct rig *r = *state;

	for (unsigned off = 0; off < VMOON_I8042_PORTS; off++)
		for (unsigned val = 0; val < 256; val++) {
			if (off == OFF_COMMAND && val == 0xfe)
				continue;
			fake_out(r->dev, off, val);
			assert_int_equal(fake_in(r->dev, off), 0);
		}
	assert_int_equal(r->reset.count, 0);
}

static void test_s09__a_wide_write_to_the_command_port_is_ignored(void **state)
{
	static const unsigned sizes[] = {0, 2, 4, 8};
	struct rig *r = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(sizes); i++) {
		r->dev->ops->write(r->dev, OFF_COMMAND, sizes[i], 0xfe);
		r->dev->ops->write(r->dev, OFF_DATA, sizes[i],
				   0xfefefefefefefefe);
		assert_int_equal(
			r->dev->ops->read(r->dev, OFF_COMMAND, sizes[i]), 0);
	}
	assert_int_equal(r->reset.count, 0);
}

static void test_s13__a_storm_of_resets_is_one_event(void **state)
{
	struct rig *r = *state;

	for (unsigned i = 0; i < 1000000; i++)
		fake_out(r->dev, OFF_COMMAND, 0xfe);
	assert_int_equal(r->reset.count, 1);
	r->dev->ops->reset(r->dev); /* the machine has answered */
	fake_out(r->dev, OFF_COMMAND, 0xfe);
	assert_int_equal(r->reset.count, 2);
}

/* S14: parameters of commands that we lack must not pass for commands. */
static void test_s14__any_order_of_other_bytes_leaves_no_trace(void **state)
{
	struct rig *r = *state;
	uint32_t x = 42;

	for (unsigned turn = 0; turn < 1000000; turn++) {
		unsigned off, val;

		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		off = (x & 0xff) % VMOON_I8042_PORTS;
		val = x >> 8 & 0xff;
		if (off == OFF_COMMAND && val == 0xfe)
			continue;
		fake_out(r->dev, off, val);
		assert_int_equal(fake_in(r->dev, off), 0);
	}
	assert_int_equal(r->reset.count, 0);
}

static void test_i8042__load_forgets_a_request(void **state)
{
	struct rig *r = *state;
	unsigned char buf[32];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};
	struct vmoon_state_reader good = {.buf = buf}, bad = {.buf = buf};
	struct vmoon_error err;

	fake_out(r->dev, OFF_COMMAND, 0xfe);
	r->dev->ops->save(r->dev, &w);
	bad.size = w.len - 1;
	assert_int_equal(r->dev->ops->load(r->dev, &bad, &err), VMOON_E_IMAGE);
	good.size = w.len;
	assert_ok(r->dev->ops->load(r->dev, &good, &err), &err);
	fake_out(r->dev, OFF_COMMAND, 0xfe);
	assert_int_equal(r->reset.count, 2);
}

#define i8042_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest tests[] = {
	i8042_test(test_i8_01__command_fe_asks_for_a_reset),
	i8042_test(test_i8_02__reads_are_0_and_other_commands_do_nothing),
	i8042_test(test_s09__a_wide_write_to_the_command_port_is_ignored),
	i8042_test(test_s13__a_storm_of_resets_is_one_event),
	i8042_test(test_s14__any_order_of_other_bytes_leaves_no_trace),
	i8042_test(test_i8042__load_forgets_a_request),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
