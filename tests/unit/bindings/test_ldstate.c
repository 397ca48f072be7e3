/* SPDX-License-Identifier: MIT */
/* test_ldstate.c - a device's state runs code, within its walls and its time.
 */
#include "bindings/ldstate.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "tests/support/ldstate_rig.h"

static int setup(void **state)
{
	struct ldstate_rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	rig_open(r, (struct vmoon_ldstate_options){0});
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	rig_close(*state);
	free(*state);
	return 0;
}

static void test_ldstate__run_leaves_results(void **state)
{
	struct ldstate_rig *r = *state;

	assert_ok(rig_try(r, "return 1, 'two'"), &r->err);
	assert_int_equal(lua_gettop(r->L), 2);
	assert_int_equal(lua_tointeger(r->L, 1), 1);
	assert_string_equal(lua_tostring(r->L, 2), "two");
}

static void test_ldstate__errors_are_text_with_a_place(void **state)
{
	struct ldstate_rig *r = *state;

	lua_pushinteger(r->L, 7);
	assert_int_equal(rig_try(r, "\nerror 'no'"), VMOON_E_SCRIPT);
	assert_string_equal(r->err.msg, "test:2: no");
	assert_string_equal(vmoon_ldstate_error(r->s), "test:2: no");
	assert_int_equal(lua_gettop(r->L), 1); /* as it was */
	lua_settop(r->L, 0);
	rig_fails(r, "return x(", VMOON_E_SCRIPT,
		  "test:1: unexpected symbol near <eof>");
}

static void push_global_function(struct ldstate_rig *r, const char *text)
{
	assert_ok(rig_try(r, text), &r->err);
	assert_int_equal(lua_gettop(r->L), 1);
}

static void test_ldstate__a_call_takes_and_gives_values(void **state)
{
	struct ldstate_rig *r = *state;
	struct vmoon_ldstate_stats stats;

	push_global_function(r, "return function(a, b) return a * b end");
	for (int i = 0; i < 1000; i++) {
		lua_pushvalue(r->L, 1);
		lua_pushinteger(r->L, i);
		lua_pushinteger(r->L, 2);
		assert_true(vmoon_ldstate_call(r->s, 2, 1));
		assert_int_equal(lua_tointeger(r->L, -1), 2 * i);
		lua_settop(r->L, 1);
	}
	vmoon_ldstate_stats(r->s, &stats);
	assert_int_equal(stats.calls, 1000);
	assert_int_equal(stats.errors, 0);
}

static void test_ldstate__a_failed_call_leaves_nothing(void **state)
{
	struct ldstate_rig *r = *state;

	push_global_function(r, "return function() error {} end");
	lua_pushvalue(r->L, 1);
	lua_pushinteger(r->L, 1);
	assert_false(vmoon_ldstate_call(r->s, 1, 3));
	assert_int_equal(lua_gettop(r->L), 1);
	assert_string_equal(vmoon_ldstate_error(r->s),
			    "an error that is no text (a table value)");
	assert_false(vmoon_ldstate_was_late(r->s));
}

static void test_ldstate__a_loop_is_stopped_and_the_state_lives(void **state)
{
	struct ldstate_rig *r = *state;
	struct vmoon_ldstate_stats stats;

	push_global_function(r, "return function(n)\n"
				"  while n > 0 do end\n"
				"  return 5\n"
				"end");
	for (int i = 0; i < 3; i++) {
		lua_pushvalue(r->L, 1);
		lua_pushinteger(r->L, 1);
		assert_false(vmoon_ldstate_call(r->s, 1, 1));
		assert_true(vmoon_ldstate_was_late(r->s));
		assert_string_equal(vmoon_ldstate_error(r->s),
				    "test:2: exceeded its budget of 10 ms");
		lua_pushvalue(r->L, 1);
		lua_pushinteger(r->L, 0);
		assert_true(vmoon_ldstate_call(r->s, 1, 1));
		assert_int_equal(lua_tointeger(r->L, -1), 5);
		lua_settop(r->L, 1);
	}
	vmoon_ldstate_stats(r->s, &stats);
	assert_int_equal(stats.calls, 6);
	assert_int_equal(stats.late, 3);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(test_ldstate__run_leaves_results, setup,
					teardown),
	cmocka_unit_test_setup_teardown(
		test_ldstate__errors_are_text_with_a_place, setup, teardown),
	cmocka_unit_test_setup_teardown(
		test_ldstate__a_call_takes_and_gives_values, setup, teardown),
	cmocka_unit_test_setup_teardown(
		test_ldstate__a_failed_call_leaves_nothing, setup, teardown),
	cmocka_unit_test_setup_teardown(
		test_ldstate__a_loop_is_stopped_and_the_state_lives, setup,
		teardown),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
