/* SPDX-License-Identifier: MIT */
/* test_pvpanic.c - mirrors devices/pvpanic.c. */
#include "devices/pvpanic.h"
#include "tests/support/fake_host.h"
#include "tests/support/fixture.h"

struct rig {
	struct fake_notify event;
	struct vmoon_device *dev;
};

static int setup(void **state)
{
	struct rig *r = test_calloc(1, sizeof(*r));
	struct vmoon_pvpanic_config cfg = {
		.event = {fake_notify_fire, &r->event}};
	struct vmoon_error err;

	assert_ok(vmoon_pvpanic_create(&cfg, &r->dev, &err), &err);
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

static void test_pvpanic__reads_the_events_it_knows(void **state)
{
	struct rig *r = *state;

	assert_int_equal(fake_in(r->dev, 0), 0x03);
}

static void test_pvpanic__tells_the_known_bits_that_were_written(void **state)
{
	struct rig *r = *state;

	for (unsigned val = 0; val < 256; val++) {
		r->event = (struct fake_notify){0};
		fake_out(r->dev, 0, val);
		assert_int_equal(r->event.count, (val & 3) != 0);
		assert_int_equal(r->event.last, val & 3);
	}
}

static void test_s09__pvpanic_takes_only_its_one_byte(void **state)
{
	static const unsigned sizes[] = {0, 2, 4, 8};
	struct rig *r = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(sizes); i++) {
		r->dev->ops->write(r->dev, 0, sizes[i], 1);
		assert_int_equal(r->dev->ops->read(r->dev, 0, sizes[i]), 0);
	}
	fake_out(r->dev, 1, 1);
	assert_int_equal(fake_in(r->dev, 1), 0);
	assert_int_equal(r->event.count, 0);
}

static void test_pvpanic__has_no_state_but_its_section(void **state)
{
	struct rig *r = *state;
	unsigned char buf[32];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};
	struct vmoon_state_reader good = {.buf = buf}, bad = {.buf = buf};
	struct vmoon_error err;

	r->dev->ops->reset(r->dev);
	r->dev->ops->save(r->dev, &w);
	bad.size = w.len - 1;
	assert_int_equal(r->dev->ops->load(r->dev, &bad, &err), VMOON_E_IMAGE);
	good.size = w.len;
	assert_ok(r->dev->ops->load(r->dev, &good, &err), &err);
	assert_int_equal(r->event.count, 0);
}

#define pvpanic_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest tests[] = {
	pvpanic_test(test_pvpanic__reads_the_events_it_knows),
	pvpanic_test(test_pvpanic__tells_the_known_bits_that_were_written),
	pvpanic_test(test_s09__pvpanic_takes_only_its_one_byte),
	pvpanic_test(test_pvpanic__has_no_state_but_its_section),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
