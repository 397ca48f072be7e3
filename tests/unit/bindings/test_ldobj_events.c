/* SPDX-License-Identifier: MIT */
/* test_ldobj_events.c - what d:post sends: in order, bounded, or the latest. */
#include "bindings/ldobj.h"

#include <stdio.h>

#include "tests/support/ldobj_rig.h"

#define DEVICE "local dev = require 'vmoon.device'\nreturn dev.mmio { "

static const struct vmoon_ldobj_options plain = {0};

static void test_events_go_to_the_script_in_order_and_are_bounded(void **state)
{
	char name[VMOON_REGMAP_NAME_MAX + 1];
	unsigned char buf[VMOON_LDOBJ_EVENT_MAX];
	struct ldobj_rig r;
	unsigned taken = 0;
	size_t len = 0;

	(void)state;
	rig_open(&r,
		 DEVICE "name = 'x', size = 16, registers = { W = { at = 0, "
			"access = 'rw', on_write = function(d, v) d:post('e' "
			".. v, ('x'):rep(1000)) end } } }",
		 plain);
	for (unsigned i = 0; i < 100; i++)
		rig_write32(&r, 0, i);
	assert_int_equal(r.events, 1);
	assert_int_equal(rig_stats(&r).events + rig_stats(&r).events_lost, 100);
	assert_true(rig_stats(&r).events_lost > 0);
	for (; vmoon_ldobj_take_event(r.obj, name, buf, sizeof(buf), &len);
	     taken++) {
		char want[16];

		(void)snprintf(want, sizeof(want), "e%u", taken);
		assert_string_equal(name, want);
		assert_in_range(len, 1000, 1020);
	}
	assert_int_equal(taken, rig_stats(&r).events);
	rig_write32(&r, 0, 5);
	assert_int_equal(r.events, 2);
	assert_null(rig_stats(&r).error);
	rig_close(&r);
}

static void test_the_latest_event_of_a_name_takes_the_others_place(void **state)
{
	static const char *const want[] = {"other", "level"};
	char name[VMOON_REGMAP_NAME_MAX + 1];
	unsigned char buf[64];
	struct ldobj_rig r;
	size_t len = 0;

	(void)state;
	rig_open(&r,
		 DEVICE
		 "name = 'x', size = 16, registers = { W = { at = 0, "
		 "access = 'rw', on_write = function(d, v) "
		 "d:post('level', v, 'latest') "
		 "if v == 2 then d:post('other', 1, 'all') end end } } }",
		 plain);
	for (unsigned i = 0; i < 20000; i++)
		rig_write32(&r, 0, i);
	assert_int_equal(rig_stats(&r).events, 20001);
	assert_int_equal(rig_stats(&r).events_lost, 0);
	assert_int_equal(r.events, 1); /* told once: it was never empty */
	for (size_t i = 0; i < VMOON_COUNTOF(want); i++) {
		assert_true(vmoon_ldobj_take_event(r.obj, name, buf,
						   sizeof(buf), &len));
		assert_string_equal(name, want[i]);
	}
	assert_int_equal(buf[len - 8], 19999 & 0xff);
	assert_false(
		vmoon_ldobj_take_event(r.obj, name, buf, sizeof(buf), &len));
	assert_null(rig_stats(&r).error);
	rig_write32(&r, 0, 5);
	assert_int_equal(r.events, 2);
	rig_close(&r);
}

/* One that does not fit leaves what waits. */
static void test_a_latest_event_that_is_lost_drops_nothing(void **state)
{
	char name[VMOON_REGMAP_NAME_MAX + 1];
	unsigned char buf[VMOON_LDOBJ_EVENT_MAX];
	struct ldobj_rig r;
	size_t len = 0;

	(void)state;
	rig_open(&r,
		 DEVICE "name = 'x', size = 16, state = { kept = {} }, "
			"registers = { W = { at = 0, access = 'rw', "
			"on_write = function(d, v) d.state.kept[v + 1] = "
			"d:post('a', ('x'):rep(v * 20000), 'latest') end } } }",
		 plain);
	rig_write32(&r, 0, 0);
	rig_write32(&r, 0, 1);
	assert_int_equal(rig_stats(&r).events, 1);
	assert_int_equal(rig_stats(&r).events_lost, 1);
	assert_true(
		vmoon_ldobj_take_event(r.obj, name, buf, sizeof(buf), &len));
	assert_in_range(len, 1, 32);
	assert_null(rig_stats(&r).error);
	rig_close(&r);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_events_go_to_the_script_in_order_and_are_bounded),
	cmocka_unit_test(
		test_the_latest_event_of_a_name_takes_the_others_place),
	cmocka_unit_test(test_a_latest_event_that_is_lost_drops_nothing),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
