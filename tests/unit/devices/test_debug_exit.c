/* SPDX-License-Identifier: MIT */
/* test_debug_exit.c - mirrors devices/debug_exit.c. */
#include "devices/debug_exit.h"
#include "tests/support/fake_host.h"
#include "tests/support/fixture.h"

struct rig {
	struct fake_notify exit;
	struct vmoon_device *dev;
};

static int setup(void **state)
{
	struct rig *r = test_calloc(1, sizeof(*r));
	struct vmoon_debug_exit_config cfg = {
		.exit = {fake_notify_fire, &r->exit}};
	struct vmoon_error err;

	assert_ok(vmoon_debug_exit_create(&cfg, &r->dev, &err), &err);
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

static void test_debug_exit__tells_the_status_in_the_width_written(void **state)
{
	static const struct {
		unsigned size;
		uint64_t told;
	} row[] = {{1, 0x78}, {2, 0x5678}, {4, 0x12345678}};
	struct rig *r = *state;

	for (unsigned i = 0; i < VMOON_COUNTOF(row); i++) {
		r->dev->ops->write(r->dev, 0, row[i].size, 0x9abcdef012345678);
		assert_int_equal(r->exit.count, i + 1);
		assert_true(r->exit.last == row[i].told);
	}
}

static void test_debug_exit__status_0_is_a_status(void **state)
{
	struct rig *r = *state;

	fake_out(r->dev, 0, 0);
	assert_int_equal(r->exit.count, 1);
	assert_int_equal(r->exit.last, 0);
}

static void test_s09__debug_exit_ignores_other_offsets_and_widths(void **state)
{
	struct rig *r = *state;

	for (unsigned off = 0; off < 256; off++)
		for (unsigned size = 1; size <= 8; size *= 2) {
			assert_int_equal(r->dev->ops->read(r->dev, off, size),
					 0);
			if (off != 0 || size == 8)
				r->dev->ops->write(r->dev, off, size, 1);
		}
	assert_int_equal(r->exit.count, 0);
}

static void test_debug_exit__has_no_state_but_its_section(void **state)
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
	assert_int_equal(r->exit.count, 0);
}

#define exit_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest tests[] = {
	exit_test(test_debug_exit__tells_the_status_in_the_width_written),
	exit_test(test_debug_exit__status_0_is_a_status),
	exit_test(test_s09__debug_exit_ignores_other_offsets_and_widths),
	exit_test(test_debug_exit__has_no_state_but_its_section),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
