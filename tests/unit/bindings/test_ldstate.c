/* SPDX-License-Identifier: MIT */
/* test_ldstate.c - a device's state runs code, within its walls and its time.
 */
#include "bindings/ldstate.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "runtime/mem.h"
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

static void test_y_17__a_line_harms_no_terminal(void **state)
{
	static const struct {
		const char *text, *line;
		size_t size;
	} rows[] = {
		{"a\nb\33[31mc\177", "a b [31mc ", 64},
		{"\302\23331m\302\240", " 31m\302\240", 64},
		{"\303\244\342\202\254\360\237\230\200",
		 "\303\244\342\202\254\360\237\230\200", 64},
		{"\233\377\300\200\303", "?????", 64},
		{"abc", "ab", 3},
		{"a\342\202\254", "a", 4},
		{"", "", 1},
	};
	char line[64];

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(rows); i++) {
		vmoon_ldstate_line(line, rows[i].size, rows[i].text,
				   strlen(rows[i].text));
		assert_string_equal(line, rows[i].line);
	}
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

static void test_y_17__an_errors_text_is_one_short_line(void **state)
{
	struct ldstate_rig *r = *state;

	assert_int_equal(rig_try(r, "error(('a\\n'):rep(10000), 0)"),
			 VMOON_E_SCRIPT);
	assert_int_equal(strlen(vmoon_ldstate_error(r->s)),
			 VMOON_LDSTATE_ERROR_MAX - 1);
	assert_null(strchr(vmoon_ldstate_error(r->s), '\n'));
	/* The name of a chunk is a script's as well. */
	assert_int_equal(
		rig_try(r, "load('while true do end', '=a\\27\\n\\127b')()"),
		VMOON_E_TIMEOUT);
	assert_string_equal(vmoon_ldstate_error(r->s),
			    "a   b:1: exceeded its budget of 100 ms");
}

static void test_ldstate__run_is_late_as_well(void **state)
{
	struct ldstate_rig *r = *state;

	assert_int_equal(
		vmoon_ldstate_run(r->s, rig_chunk,
				  (void *)(uintptr_t) "while true do end",
				  1000000, &r->err),
		VMOON_E_TIMEOUT);
	assert_string_equal(r->err.msg, "test:1: exceeded its budget of 1 ms");
	rig_run(r, "assert(true)");
}

static int fail_inside(lua_State *L)
{
	struct ldstate_rig *r = lua_touserdata(L, 1);
	struct vmoon_error err;

	lua_pushinteger(L, 5);
	assert_int_equal(vmoon_ldstate_run(r->s, rig_chunk,
					   (void *)(uintptr_t) "error 'inner'",
					   0, &err),
			 VMOON_E_SCRIPT);
	assert_int_equal(lua_gettop(L), 2);
	assert_ok(vmoon_ldstate_run(r->s, rig_chunk,
				    (void *)(uintptr_t) "return 6", 0, &err),
		  &err);
	return 2;
}

static void test_ldstate__run_inside_of_run_shares_its_time(void **state)
{
	struct ldstate_rig *r = *state;

	assert_ok(vmoon_ldstate_run(r->s, fail_inside, r, 0, &r->err), &r->err);
	assert_int_equal(lua_tointeger(r->L, -2), 5);
	assert_int_equal(lua_tointeger(r->L, -1), 6);
}

static void test_ldstate__a_state_knows_its_owner(void **state)
{
	struct ldstate_rig *r = *state;
	int owner;

	assert_null(vmoon_ldstate_owner(r->s));
	vmoon_ldstate_set_owner(r->s, &owner);
	assert_ptr_equal(vmoon_ldstate_owner(vmoon_ldstate_of(r->L)), &owner);
	assert_ok(rig_try(r, "return coroutine.create(function() end)"),
		  &r->err);
	assert_ptr_equal(vmoon_ldstate_of(lua_tothread(r->L, -1)), r->s);
}

static void test_ldstate__options_have_bounds(void **state)
{
	struct ldstate_rig *r = *state;
	struct vmoon_ldstate_options opts = {
		.watchdog = r->dog, .memory = VMOON_LDSTATE_MEMORY_MIN - 1};
	struct vmoon_ldstate *s = NULL;

	assert_int_equal(vmoon_ldstate_create(&opts, &s, &r->err),
			 VMOON_E_INVAL);
	opts.memory = ((size_t)1 << 30) + 1;
	assert_int_equal(vmoon_ldstate_create(&opts, &s, &r->err),
			 VMOON_E_INVAL);
	opts.memory = 0;
	opts.watchdog = NULL;
	assert_int_equal(vmoon_ldstate_create(&opts, &s, &r->err),
			 VMOON_E_INVAL);
	assert_null(s);
	vmoon_ldstate_destroy(NULL);
}

static void test_ldstate__a_trusted_one_has_all_of_lua(void **state)
{
	struct ldstate_rig r;

	(void)state;
	rig_open(&r, (struct vmoon_ldstate_options){.is_trusted = true});
	rig_run(&r, "assert(os.time() > 0 and io.open and debug.sethook)\n"
		    "x = 1\n"
		    "table.move({}, 1, 5000000, 2)\n"
		    "setmetatable({}, { __gc = function() end })");
	rig_close(&r);
}

/* One call with more finalizers, such as files have, than there is room for. */
static void test_ldstate__a_trusted_call_may_take_long(void **state)
{
	struct ldstate_rig r;

	(void)state;
	rig_open(&r, (struct vmoon_ldstate_options){.is_trusted = true});
	rig_run(&r, "local m = { __gc = function() end }\n"
		    "for i = 1, 1000000 do setmetatable({}, m) end");
	rig_close(&r);
}

/* ---- memory ---- */

/* Live data stays, and what is none goes, a slice at a time. */
static void test_ldstate__slices_of_the_collector_do(void **state)
{
	struct ldstate_rig *r = *state;
	struct vmoon_ldstate_stats before, after;

	assert_false(vmoon_ldstate_wants_gc(r->s));
	rig_run(r, "local t = {}\n"
		   "for i = 1, 5000 do t[i] = { i } end");
	assert_true(vmoon_ldstate_wants_gc(r->s));
	vmoon_ldstate_stats(r->s, &before);
	for (int i = 0; i < 10000 && vmoon_ldstate_wants_gc(r->s); i++)
		vmoon_ldstate_gc(r->s, 0);
	assert_false(vmoon_ldstate_wants_gc(r->s));
	vmoon_ldstate_stats(r->s, &after);
	assert_true(after.memory < before.memory / 4);
	assert_int_equal(after.memory_peak, before.memory_peak);
}

static void test_ldstate__calls_collect_what_nobody_else_does(void **state)
{
	struct ldstate_rig *r = *state;
	struct vmoon_ldstate_stats stats;

	push_global_function(r, "return function()\n"
				"  for i = 1, 200 do local _ = { i } end\n"
				"end");
	for (int i = 0; i < 5000; i++) {
		lua_pushvalue(r->L, 1);
		assert_true(vmoon_ldstate_call(r->s, 0, 0));
	}
	vmoon_ldstate_stats(r->s, &stats);
	assert_true(stats.memory_peak < stats.memory_max / 2);
}

struct heap {
	size_t calls; /* that took memory, or moved it */
	size_t limit;
};

static void *count_calls(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
	struct heap *h = ctx;

	(void)old_size;
	if (new_size == 0) {
		free(ptr);
		return NULL;
	}
	if (h->calls++ >= h->limit)
		return NULL;
	return realloc(ptr, new_size);
}

static void test_y_20__creation_fails_cleanly_wherever_memory_ends(void **state)
{
	struct ldstate_rig *r = *state;
	struct heap h = {.limit = 0};
	const struct vmoon_allocator allocator = {
		.size = sizeof(allocator), .realloc = count_calls, .ctx = &h};
	struct vmoon_ldstate_options opts = {.watchdog = r->dog, .folder = "x"};
	struct vmoon_ldstate *s = NULL;
	struct vmoon_mem mem;
	enum vmoon_status st = VMOON_E_NOMEM;

	vmoon_mem_init(&mem, &allocator);
	opts.mem = &mem;
	for (; st != VMOON_OK; h.limit++, h.calls = 0) {
		assert_true(h.limit < 10);
		st = vmoon_ldstate_create(&opts, &s, &r->err);
		if (st != VMOON_OK) {
			assert_int_equal(st, VMOON_E_NOMEM);
			assert_int_equal(vmoon_mem_used(&mem), 0);
		}
	}
	vmoon_ldstate_destroy(s);
	assert_int_equal(vmoon_mem_used(&mem), 0);
}

static void test_ldstate__what_runs_calls_no_heap_of_the_hosts(void **state)
{
	struct ldstate_rig *r = *state, own = {0};
	struct heap h = {.limit = SIZE_MAX};
	const struct vmoon_allocator allocator = {
		.size = sizeof(allocator), .realloc = count_calls, .ctx = &h};
	struct vmoon_ldstate_options opts = {.watchdog = r->dog};
	struct vmoon_mem mem;
	size_t before;

	vmoon_mem_init(&mem, &allocator);
	opts.mem = &mem;
	assert_ok(vmoon_ldstate_create(&opts, &own.s, &own.err), &own.err);
	own.L = vmoon_ldstate_lua(own.s);
	before = h.calls;
	rig_run(&own, "local t = {}\n"
		      "for i = 1, 1000 do t[i] = ('x'):rep(i) end\n"
		      "pcall(string.rep, 'x', 1 << 40)");
	vmoon_ldstate_gc(own.s, VMOON_LDSTATE_BUDGET_NS);
	assert_int_equal(h.calls, before);
	vmoon_ldstate_destroy(own.s);
}

/* Each size of arena ends somewhere else; nothing but that is different. */
static void test_y_20__memory_may_end_at_any_point(void **state)
{
	static const char text[] =
		"local kept = {}\n"
		"for i = 1, 400 do\n"
		"  local co = coroutine.wrap(function(a)\n"
		"    local t = { a, tostring({}), ('%s'):format(print) }\n"
		"    table.insert(t, 1, (('x'):rep(i):gsub('x', 'yz')))\n"
		"    table.sort(t, function(x, y)\n"
		"      return tostring(x) < tostring(y)\n"
		"    end)\n"
		"    coroutine.yield(table.concat(t))\n"
		"  end)\n"
		"  kept[i] = { co(i), load('return ' .. i), co }\n"
		"  pcall(error, kept[i])\n"
		"end";
	struct ldstate_rig *r = *state;
	struct vmoon_ldstate_options opts = {
		.watchdog = r->dog,
		.budget_ns = 1000 * VMOON_LDSTATE_BUDGET_NS};
	unsigned full = 0;

	for (size_t i = 0; i < 300; i++) {
		struct ldstate_rig own = {0};
		enum vmoon_status st;

		opts.memory = VMOON_LDSTATE_MEMORY_MIN + i * 2320;
		assert_ok(vmoon_ldstate_create(&opts, &own.s, &own.err),
			  &own.err);
		own.L = vmoon_ldstate_lua(own.s);
		st = rig_try(&own, text);
		if (st != VMOON_OK && st != VMOON_E_NOMEM)
			fail_msg("%zu: %s", opts.memory, own.err.msg);
		full += st == VMOON_E_NOMEM;
		lua_settop(own.L, 0);
		vmoon_ldstate_gc(own.s, VMOON_LDSTATE_BUDGET_NS);
		rig_run(&own, "assert(#{ 1, 2 } == 2)");
		vmoon_ldstate_destroy(own.s);
	}
	assert_true(full > 100);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_y_17__a_line_harms_no_terminal),
	RIG(test_ldstate__run_leaves_results),
	RIG(test_ldstate__errors_are_text_with_a_place),
	RIG(test_ldstate__a_call_takes_and_gives_values),
	RIG(test_ldstate__a_failed_call_leaves_nothing),
	RIG(test_ldstate__a_loop_is_stopped_and_the_state_lives),
	RIG(test_y_17__an_errors_text_is_one_short_line),
	RIG(test_ldstate__run_is_late_as_well),
	RIG(test_ldstate__run_inside_of_run_shares_its_time),
	RIG(test_ldstate__a_state_knows_its_owner),
	RIG(test_ldstate__options_have_bounds),
	RIG(test_ldstate__a_trusted_one_has_all_of_lua),
	RIG(test_ldstate__a_trusted_call_may_take_long),
	RIG(test_ldstate__slices_of_the_collector_do),
	RIG(test_ldstate__calls_collect_what_nobody_else_does),
	RIG(test_y_20__creation_fails_cleanly_wherever_memory_ends),
	RIG(test_ldstate__what_runs_calls_no_heap_of_the_hosts),
	RIG(test_y_20__memory_may_end_at_any_point),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
