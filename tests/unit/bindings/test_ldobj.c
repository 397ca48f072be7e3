/* SPDX-License-Identifier: MIT */
#include "bindings/ldobj.h"

#include <stdio.h>

#include "tests/support/ldobj_rig.h"

#define DEVICE "local dev = require 'vmoon.device'\nreturn dev.mmio { "
static const struct vmoon_ldobj_options ignore = {
	.has_on_error = true, .on_error = VMOON_LDSPEC_IGNORE};
/* For hooks that never end. */
static const struct vmoon_ldobj_options hasty = {.has_on_error = true,
						 .on_error =
							 VMOON_LDSPEC_IGNORE,
						 .budget_ns = 100000000};
static const struct vmoon_ldobj_options plain = {0};

/* ---- d ---- */

static void test_d_reg_reads_and_writes_what_the_guest_sees(void **state)
{
	struct ldobj_rig r;

	(void)state;
	rig_open(&r,
		 DEVICE
		 "name = 'x', size = 256, registers = {\n"
		 "A = { at = 0, access = 'rw' },\n"
		 "F = { at = 4, access = 'rw', fields = { ON = { bit = 0 },\n"
		 "  N = { bits = { 4, 7 } }, ONE = { bits = { 8, 8 } } } },\n"
		 "L = { at = 16, access = 'rw', array = { count = 4, stride = "
		 "4 } },\n"
		 "GO = { at = 8, access = 'wo', on_write = function(d, v)\n"
		 "  d.reg.A = d.reg.A + v\n"
		 "  d.reg.F.ON = not d.reg.F.ON; d.reg.F.N = d.reg.F.N + 1\n"
		 "  assert(d.reg.F.ONE == 0); assert(d.reg.F() == d.reg.F())\n"
		 "  for i = 0, #d.reg.L - 1 do d.reg.L[i] = i * 3 end\n"
		 "  d.reg.L[1] = d.reg.L[3] + 1\n"
		 "end } } }",
		 plain);
	rig_write32(&r, 0, 5);
	rig_write32(&r, 8, 2);
	assert_null(rig_stats(&r).error);
	assert_int_equal(rig_read32(&r, 0), 7);
	assert_int_equal(rig_read32(&r, 4), 0x11);
	assert_int_equal(rig_read32(&r, 20), 10);
	assert_int_equal(rig_read32(&r, 28), 9);
	rig_close(&r);
}

/* Each is one line in an on_write; the text of its error, or "" for none. */
static const struct {
	const char *line, *error;
} wrong_uses[] = {
	{"d.x = 1", "d.x cannot be set"},
	{"local a = d.statte", "d has no 'statte'"},
	{"local a = d.reg.NO", "there is no register 'NO'"},
	{"d.reg.G0 = 1", "there is no register 'G0' (did you mean 'GO'?)"},
	{"d.reg.NO = 1", "there is no register 'NO'"},
	{"d.reg.A = 'x'", "takes an integer or a boolean, not string"},
	{"d.reg.A = 1.5", "no 64-bit integer"},
	{"d.reg.A = 2.0^70", "no 64-bit integer"},
	{"d.reg.A = 0/0", "no 64-bit integer"},
	{"d.reg.A = {}", "not table"},
	{"d.reg.A = nil", "not no value"},
	{"local a = d.reg.F.NO", "register F has no field 'NO'"},
	{"d.reg.F.NO = 1", "register F has no field 'NO'"},
	{"local a = d.reg.L[4]", "L has the elements 0 to 3"},
	{"local a = d.reg.L[-1]", "L has the elements 0 to 3"},
	{"d.reg.L = 1", "L is an array"},
	{"d.reg.L[9] = 1", "L has the elements 0 to 3"},
	{"d:set_timer('no', 1)", "there is no timer 'no'"},
	{"d:set_timer('t', -1)", "seconds are from 0"},
	{"d:set_timer('t', 0/0)", "seconds are from 0"},
	{"d:set_timer('t', 1e300)", "seconds are from 0"},
	{"d:fifo_put('A', 1)", "register A has no fifo"},
	{"d:fifo_get('NO')", "there is no register 'NO'"},
	{"d:mem_read(0, 65537)", "at most 64 KiB"},
	{"d:mem_read(0, -1)", "at most 64 KiB"},
	{"d:mem_write(0, ('x'):rep(65537))", "at most 64 KiB"},
	{"d:post(('x'):rep(65), 1)", "a name has 1 to 64 bytes"},
	{"d:post('x', print)", "function"},
	{"d.time()", "table expected"},
	{"d:exit()", "number expected"},
	{"d:exit(-1)", "a status has 32 bits"},
	{"d:exit(1 << 32)", "a status has 32 bits"},
	{"d.params.hz = 1", ""},
	{"setmetatable(d, nil)", "metatable"},
};

static void test_a_wrong_use_of_d_is_an_error_with_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(wrong_uses); i++) {
		struct ldobj_rig r;
		char text[1000];

		(void)snprintf(
			text, sizeof(text),
			DEVICE
			"name = 'x', size = 256, params = { hz = { type = "
			"'integer', default = 3 } }, registers = {\n"
			"A = { at = 0, access = 'rw' },\n"
			"F = { at = 4, access = 'rw', fields = { ON = { bit = "
			"0 } } },\n"
			"L = { at = 16, access = 'rw', array = { count = 4, "
			"stride = 4 } },\n"
			"GO = { at = 8, access = 'wo', on_write = "
			"function(d)\n%s\nend } },\n"
			"timers = { t = function() end } }",
			wrong_uses[i].line);
		rig_open(&r, text, ignore);
		rig_write32(&r, 8, 1);
		if (wrong_uses[i].error[0] == '\0') {
			rig_close(&r);
			continue;
		}
		if (rig_stats(&r).error == NULL ||
		    strstr(rig_stats(&r).error, wrong_uses[i].error) == NULL ||
		    strstr(rig_stats(&r).error, "on_write of GO: ") == NULL)
			fail_msg("%s: %s", wrong_uses[i].line,
				 rig_stats(&r).error == NULL
					 ? "no error"
					 : rig_stats(&r).error);
		rig_close(&r);
	}
}

static void test_memory_of_the_guest_is_read_and_written_with_bounds(
	void **state)
{
	struct ldobj_rig r;
	char bytes[4] = {0};

	(void)state;
	rig_open(&r,
		 DEVICE
		 "name = 'x', size = 16, registers = {\n"
		 "GO = { at = 0, access = 'wo', on_write = function(d, at)\n"
		 "  assert(d:mem_write(at, 'abcd') == true)\n"
		 "  assert(d:mem_read(at + 1, 2) == 'bc')\n"
		 "  assert(#d:mem_read(0, 65536) == 65536)\n"
		 "  assert(d:mem_read(0, 0) == '')\n"
		 "  for _, a in ipairs { 1 << 40, -1, (128 << 10) - 3, "
		 "math.mininteger } do\n"
		 "    local v, why = d:mem_read(a, 4)\n"
		 "    assert(v == nil and why:find('guest memory'))\n"
		 "    v, why = d:mem_write(a, 'xxxx')\n"
		 "    assert(v == nil and why:find('guest memory'))\n"
		 "  end\n"
		 "end } } }",
		 plain);
	rig_write32(&r, 0, 0x1000);
	assert_null(rig_stats(&r).error);
	assert_ok(vmoon_bench_peek(r.b, 0x1000, bytes, 4, &r.err), &r.err);
	assert_memory_equal(bytes, "abcd", 4);
	rig_close(&r);
}

static void test_fifos_take_from_the_driver_and_give(void **state)
{
	struct ldobj_rig r;

	(void)state;
	rig_open(&r,
		 DEVICE
		 "name = 'x', size = 16, registers = {\n"
		 "DATA = { at = 0, access = 'rw', fifo = { depth = 2 } },\n"
		 "GO = { at = 4, access = 'wo', on_write = function(d)\n"
		 "  local from, to = d:fifo_len('DATA')\n"
		 "  assert(from == 2 and to == 0)\n"
		 "  assert(d:fifo_put('DATA', d:fifo_get('DATA') + 1))\n"
		 "  assert(d:fifo_put('DATA', d:fifo_get('DATA') + 1))\n"
		 "  assert(d:fifo_get('DATA') == nil)\n"
		 "  assert(d:fifo_put('DATA', 1) == false)\n"
		 "end } } }",
		 plain);
	rig_write32(&r, 0, 10);
	rig_write32(&r, 0, 20);
	rig_write32(&r, 4, 1);
	assert_null(rig_stats(&r).error);
	assert_int_equal(rig_read32(&r, 0), 11);
	assert_int_equal(rig_read32(&r, 0), 21);
	assert_int_equal(rig_read32(&r, 0), 0);
	rig_close(&r);
}

static void test_array_hooks_get_the_element_and_tables_are_the_same_ones(
	void **state)
{
	struct ldobj_rig r;

	(void)state;
	rig_open(&r,
		 DEVICE
		 "name = 'x', size = 64, state = { log = '' }, registers = {\n"
		 "L = { at = 0, access = 'rw', array = { count = 4, stride = 8 "
		 "},\n"
		 "  on_read = function(d, i) return i * 10 end,\n"
		 "  on_write = function(d, new, old, i)\n"
		 "    d.state.log = d.state.log .. ('%d>%d@%d '):format(old, "
		 "new, i)\n"
		 "  end },\n"
		 "F = { at = 32, access = 'rw', fields = { A = { bit = 0 },\n"
		 "  N = { bits = { 8, 15 } } }, on_write = function(d, new, "
		 "old)\n"
		 "    Seen = nil\n"
		 "  end },\n"
		 "G = { at = 36, access = 'rw', fields = { A = { bit = 0 },\n"
		 "  N = { bits = { 8, 15 } } }, on_write = function(d, new, "
		 "old)\n"
		 "    assert(new ~= old and old.A == false and old.N == 0)\n"
		 "    assert(new.A == true and new.N == 0x12)\n"
		 "    new.A, new.N, old.N = nil, nil, 'x'\n"
		 "    d.state.log = d.state.log .. 'ok'\n"
		 "    d.reg.G.A, d.reg.G.N = false, 0\n"
		 "  end } } }",
		 plain);
	assert_int_equal(rig_read32(&r, 16), 20);
	rig_write32(&r, 8, 7);
	rig_write32(&r, 8, 9);
	for (int i = 0; i < 3; i++)
		rig_write32(&r, 36, 0xffff1201);
	assert_null(rig_stats(&r).error);
	{
		unsigned char buf[200];
		size_t len = 0;

		assert_ok(vmoon_ldobj_pack_state(r.obj, buf, sizeof(buf), &len,
						 &r.err),
			  &r.err);
		assert_true(memmem(buf, len, "0>7@1 7>9@1 okokok", 18) != NULL);
	}
	rig_close(&r);
}

/* ---- errors ---- */

#define FAILING                                                       \
	DEVICE "name = 'x', size = 256, registers = {\n"              \
	       "R = { at = 0, access = 'ro', on_read = function(d)\n" \
	       "  %s\n end },\n"                                      \
	       "W = { at = 4, access = 'rw', reset = 5, on_write = "  \
	       "function(d)\n  %s\n end },\n"                         \
	       "P = { at = 8, access = 'rw' },\n"                     \
	       "OK = { at = 12, access = 'ro', on_read = function() " \
	       "return 42 end } } }"

static const char *const bad_hooks[] = {
	"error('no')",
	"error({})",
	"error(nil)",
	"error(setmetatable({}, { __tostring = function() d:fail('x') end }))",
	"local x = nil + 1",
	"while true do end",
	"while true do pcall(function() while true do end end) end",
	"coroutine.wrap(function() error('in') end)()",
	"coroutine.yield()",
	"local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end",
	"local function f() return 1 + f() end f()",
	"string.rep('x', 1 << 40)",
};

static void test_y_20__an_error_in_a_hook_is_contained(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(bad_hooks); i++) {
		struct ldobj_rig r;
		char text[2000];
		lua_State *L;
		int top;

		(void)snprintf(text, sizeof(text), FAILING, bad_hooks[i],
			       bad_hooks[i]);
		rig_open(&r, text, hasty);
		L = vmoon_ldstate_lua(vmoon_ldobj_state(r.obj));
		top = lua_gettop(L);
		assert_int_equal(rig_read32(&r, 0), 0xffffffff);
		assert_int_equal(rig_read32(&r, 12), 42);
		assert_int_equal(lua_gettop(L), top);
		rig_write32(&r, 4, 77); /* ignored */
		assert_int_equal(lua_gettop(L), top);
		assert_int_equal(rig_read32(&r, 4), 5);
		assert_int_equal(rig_read32(&r, 12), 42);
		rig_write32(&r, 8, 3);
		assert_int_equal(rig_read32(&r, 8), 3);
		assert_int_equal(rig_stats(&r).errors, 2);
		assert_false(vmoon_ldobj_has_failed(r.obj));
		/* The third one. */
		assert_int_equal(rig_read32(&r, 0), 0xffffffff);
		assert_true(vmoon_ldobj_has_failed(r.obj));
		assert_int_equal(rig_read32(&r, 12), 0xffffffff);
		assert_int_equal(rig_read32(&r, 8), 0xffffffff);
		rig_write32(&r, 8, 4);
		/* Until the machine's reset. */
		assert_ok(vmoon_bench_reset(r.b, &r.err), &r.err);
		assert_int_equal(rig_read32(&r, 12), 42);
		assert_int_equal(rig_read32(&r, 8), 0);
		rig_close(&r);
	}
}

static void test_y_20__an_error_is_reported_by_its_policy(void **state)
{
	struct ldobj_rig r;
	char text[2000];

	(void)state;
	(void)snprintf(text, sizeof(text), FAILING, "error('no')", "");
	rig_open(&r, text, plain);
	assert_null(vmoon_bench_failure(r.b));
	assert_int_equal(rig_read32(&r, 0), 0xffffffff);
	assert_non_null(vmoon_bench_failure(r.b));
	assert_string_equal(vmoon_bench_failure(r.b)->msg,
			    "device 'x': on_read of R: test.lua:4: no");
	assert_int_equal(vmoon_bench_failure(r.b)->status, VMOON_E_SCRIPT);
	/* It is paused, not failed: it goes on when the VM does. */
	for (int i = 0; i < 10; i++)
		assert_int_equal(rig_read32(&r, 0), 0xffffffff);
	assert_int_equal(rig_read32(&r, 12), 42);
	rig_close(&r);
}

static void test_y_21__a_hook_that_appends_fills_its_own_memory_only(
	void **state)
{
	struct ldobj_rig r;
	uint64_t calls = 0;

	(void)state;
	rig_open(&r,
		 DEVICE
		 "name = 'x', size = 16, memory = '1M', on_error = 'ignore',\n"
		 "registers = { W = { at = 0, access = 'rw', on_write = "
		 "function(d, new)\n"
		 "  d.state[#d.state + 1] = ('x'):rep(1000) .. #d.state\n"
		 "end }, P = { at = 4, access = 'rw' } } }",
		 plain);
	for (; calls < 100000 && !vmoon_ldobj_has_failed(r.obj); calls++)
		rig_write32(&r, 0, calls);
	assert_true(vmoon_ldobj_has_failed(r.obj));
	assert_in_range(calls, 500, 2000);
	assert_int_equal(rig_read32(&r, 4), 0xffffffff);
	assert_true(rig_stats(&r).state.memory_peak <= 1 << 20);
	assert_non_null(strstr(rig_stats(&r).error, "out of memory"));
	for (int i = 0; i < 100000; i++) /* whatever the guest goes on with */
		rig_write32(&r, 0, 1);
	assert_int_equal(rig_stats(&r).errors, 3);
	rig_close(&r);
}

/* What on_read gives: the value by width, or a strike. */
#define STRIKE UINT64_C(0x5741494b)
static const struct {
	const char *text;
	uint64_t value;
} shapes[] = {
	{"return 0", 0},
	{"return 0x1122334455667788", UINT64_C(0x1122334455667788)},
	{"return -1", UINT64_MAX},
	{"return math.mininteger", UINT64_C(1) << 63},
	{"return true", 1},
	{"return false", 0},
	{"return 7.0", 7},
	{"return -2.0", UINT64_MAX - 1},
	{"return 2.0^53", UINT64_C(1) << 53},
	{"return 2.0^63", UINT64_C(1) << 63},
	{"return 5, 6, 7", 5},
	{"return table.unpack({ 9, 8 }, 1, 200)", 9},
	{"", STRIKE},
	{"return nil", STRIKE},
	{"return 1.5", STRIKE},
	{"return 2.0^64", STRIKE},
	{"return 0/0", STRIKE},
	{"return 1/0", STRIKE},
	{"return '7'", STRIKE},
	{"return {}", STRIKE},
	{"return print", STRIKE},
	{"return d", STRIKE},
	{"return coroutine.create(print)", STRIKE},
	{"return table.unpack({}, 1, 1000000)", STRIKE},
};

static void test_y_23__what_a_hook_returns_is_masked_or_a_strike(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(shapes); i++)
		for (unsigned width = 1; width <= 8; width *= 2) {
			const uint64_t mask = UINT64_MAX >> (64 - 8 * width);
			const bool is_strike = shapes[i].value == STRIKE;
			struct ldobj_rig r;
			char text[500];
			uint64_t got;

			(void)snprintf(text, sizeof(text),
				       DEVICE "name = 'x', size = 16, "
					      "registers = { R = { at = 0, "
					      "width = %u, access = 'ro', "
					      "on_read = function(d) %s end } "
					      "} }",
				       width, shapes[i].text);
			rig_open(&r, text, ignore);
			got = rig_read(&r, 0, width);
			if (got != (is_strike ? mask
					      : shapes[i].value & mask) ||
			    rig_stats(&r).errors != is_strike)
				fail_msg("%s, width %u: 0x%llx, %s",
					 shapes[i].text, width,
					 (unsigned long long)got,
					 rig_stats(&r).error == NULL
						 ? "no error"
						 : rig_stats(&r).error);
			rig_close(&r);
		}
}

static void test_d_fail_ends_the_device_until_the_reset(void **state)
{
	struct ldobj_rig r;

	(void)state;
	rig_open(&r,
		 DEVICE "name = 'x', size = 16, registers = { W = { at = 0, "
			"access = 'rw', on_write = function(d) d:fail('broken"
			"\\nglass\\27') end } } }",
		 plain);
	rig_write32(&r, 0, 1);
	assert_string_equal(vmoon_bench_failure(r.b)->msg,
			    "device 'x': broken glass "); /* one line */
	assert_int_equal(rig_read32(&r, 0), 0xffffffff);
	assert_ok(vmoon_bench_reset(r.b, &r.err), &r.err);
	assert_int_equal(rig_read32(&r, 0), 0);
	rig_close(&r);
}

static void test_d_exit_ends_the_machine_with_the_first_status(void **state)
{
	struct ldobj_rig r;
	uint32_t status = 77;

	(void)state;
	rig_open(&r,
		 DEVICE "name = 'x', size = 16, registers = { W = { at = 0, "
			"access = 'rw', on_write = function(d, v) d:exit(v) "
			"end } } }",
		 plain);
	assert_false(vmoon_bench_exit(r.b, &status));
	assert_int_equal(status, 77);
	rig_write32(&r, 0, 0xffffffff);
	rig_write32(&r, 0, 5); /* the device goes on until the VM ends */
	assert_int_equal(rig_read32(&r, 0), 5);
	assert_true(vmoon_bench_exit(r.b, &status));
	assert_int_equal(status, 0xffffffff);
	assert_null(rig_stats(&r).error);
	rig_close(&r);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_d_reg_reads_and_writes_what_the_guest_sees),
	cmocka_unit_test(test_a_wrong_use_of_d_is_an_error_with_its_line),
	cmocka_unit_test(
		test_memory_of_the_guest_is_read_and_written_with_bounds),
	cmocka_unit_test(test_fifos_take_from_the_driver_and_give),
	cmocka_unit_test(
		test_array_hooks_get_the_element_and_tables_are_the_same_ones),
	cmocka_unit_test(test_y_20__an_error_in_a_hook_is_contained),
	cmocka_unit_test(test_y_20__an_error_is_reported_by_its_policy),
	cmocka_unit_test(
		test_y_21__a_hook_that_appends_fills_its_own_memory_only),
	cmocka_unit_test(test_y_23__what_a_hook_returns_is_masked_or_a_strike),
	cmocka_unit_test(test_d_fail_ends_the_device_until_the_reset),
	cmocka_unit_test(test_d_exit_ends_the_machine_with_the_first_status),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
