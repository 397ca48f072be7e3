/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "tests/support/ldobj_rig.h"

#define DEVICE "local dev = require 'vmoon.device'\nreturn dev.mmio { "
static const struct vmoon_ldobj_options plain = {0};

/* d.state.seen is what on_write has put together. */
static void assert_seen(struct ldobj_rig *r, const char *text)
{
	unsigned char buf[1000];
	size_t len = 0;

	if (rig_stats(r).error != NULL)
		fail_msg("%s", rig_stats(r).error);
	assert_ok(
		vmoon_ldobj_pack_state(r->obj, buf, sizeof(buf), &len, &r->err),
		&r->err);
	assert_true(len <= sizeof(buf));
	if (memmem(buf, len, text, strlen(text)) == NULL)
		fail_msg("not seen: %s", text);
}

/* What on_write takes decides what is decoded for it. */
static const struct {
	const char *takes, *seen;
} shapes[] = {
	{"(d) local new, old = nil, nil", "nil nil"},
	{"(d, new) local old = nil", "true,5 nil"},
	{"(d, new, old)", "true,5 false,0"},
	{"(d, new, old, more) assert(more == nil)", "true,5 false,0"},
	{"(...) local d, new, old, more = ...; assert(more == nil)",
	 "true,5 false,0"},
};

static void test_a_function_gets_the_fields_that_it_takes(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(shapes); i++) {
		struct ldobj_rig r;
		char text[1000];

		(void)snprintf(
			text, sizeof(text),
			DEVICE
			"name = 'x', size = 16, state = { seen = '' },\n"
			"registers = { F = { at = 0, access = 'rw', "
			"fields = {\n"
			"  ON = { bit = 0 }, N = { bits = { 4, 7 } } },\n"
			"  on_write = function%s\n"
			"    local function text(t) return t and "
			"tostring(t.ON) .. ',' .. t.N end\n"
			"    d.state.seen = ('%%s %%s'):format("
			"text(new), text(old))\n"
			"  end } } }",
			shapes[i].takes);
		rig_open(&r, text, plain);
		rig_write32(&r, 0, 0x51);
		assert_seen(&r, shapes[i].seen);
		rig_close(&r);
	}
}

static void test_a_field_may_have_any_name_and_any_width(void **state)
{
	struct ldobj_rig r;

	(void)state;
	rig_open(
		&r,
		DEVICE
		"name = 'x', size = 64, state = { seen = '' }, registers = {\n"
		"ALL = { at = 0, access = 'rw', width = 8,\n"
		"  fields = { ['end'] = { bits = { 0, 63 } } },\n"
		"  on_write = function(d, new) d.state.seen = d.state.seen ..\n"
		"    (' %x'):format(new['end']) end },\n"
		"TOP = { at = 8, access = 'rw', width = 8, fields = {\n"
		"  n = { bit = 63 }, f = { bits = { 32, 62 } }, a = { bit = 0 "
		"} },\n"
		"  on_write = function(d, new, old) d.state.seen = "
		"d.state.seen ..\n"
		"    (' %s %x %s'):format(new.n, new.f, old.a) end } } }",
		plain);
	assert_ok(vmoon_bench_write(r.b, 0, 8, UINT64_MAX, &r.err), &r.err);
	assert_ok(vmoon_bench_write(r.b, 8, 8, UINT64_MAX << 32 | 1, &r.err),
		  &r.err);
	assert_ok(vmoon_bench_write(r.b, 8, 8, UINT64_C(1) << 62, &r.err),
		  &r.err);
	assert_seen(&r, " ffffffffffffffff true 7fffffff false "
			"false 40000000 true");
	rig_close(&r);
}

static void test_an_element_of_an_array_has_fields_and_its_index(void **state)
{
	struct ldobj_rig r;

	(void)state;
	rig_open(&r,
		 DEVICE
		 "name = 'x', size = 64, state = { seen = '' }, registers = {\n"
		 "L = { at = 0, access = 'rw', array = { count = 4, stride = 4 "
		 "},\n"
		 "  fields = { V = { bits = { 8, 15 } } },\n"
		 "  on_write = function(d, new, old, i) d.state.seen = "
		 "d.state.seen ..\n"
		 "    (' %d:%d>%d'):format(i, old.V, new.V) end } } }",
		 plain);
	rig_write32(&r, 12, 0x1700);
	rig_write32(&r, 12, 0x0900);
	rig_write32(&r, 0, 0x0100);
	assert_seen(&r, " 3:0>23 3:23>9 0:0>1");
	rig_close(&r);
}

static void test_the_line_of_a_mistake_is_that_of_the_file(void **state)
{
	struct ldobj_rig r;

	(void)state;
	rig_open(&r,
		 DEVICE
		 "name = 'x', size = 16, registers = {\n"
		 "F = { at = 0, access = 'rw', fields = { ON = { bit = 0 "
		 "} },\n"
		 "  on_write = function(d, new)\n"
		 "    error('no')\n"
		 "  end } } }",
		 (struct vmoon_ldobj_options){.has_on_error = true,
					      .on_error = VMOON_LDSPEC_IGNORE});
	rig_write32(&r, 0, 1);
	assert_non_null(rig_stats(&r).error);
	assert_string_equal(rig_stats(&r).error,
			    "on_write of F: test.lua:5: no");
	rig_close(&r);
}

/* A register of fields costs memory and time to make. */
static void test_many_fields_are_too_much_only_for_a_small_heap(void **state)
{
	static const char text[] =
		"local dev = require 'vmoon.device'\n"
		"local regs = {}\n"
		"for i = 0, 127 do\n"
		"  local fields = {}\n"
		"  for k = 0, 31 do fields['F' .. k] = { bit = k } end\n"
		"  regs['R' .. i] = { at = i * 4, access = 'rw', fields = "
		"fields,\n"
		"    on_write = function(d, new, old) d.state.n = new.F31 end "
		"}\n"
		"end\n"
		"return dev.mmio { name = 'x', size = 4096, registers = regs }";
	struct ldobj_rig r;

	(void)state;
	rig_open(&r, text, plain);
	rig_write32(&r, 4 * 127, UINT64_C(1) << 31);
	assert_null(rig_stats(&r).error);
	assert_int_equal(rig_stats(&r).hooks, 1);
	rig_close(&r);
	memset(&r, 0, sizeof(r));
	assert_int_equal(
		rig_make(&r, text,
			 (struct vmoon_ldobj_options){.memory = 1 << 20}),
		VMOON_E_NOMEM);
	vmoon_watchdog_destroy(r.dog);
}

/* What the access was, and how the registers are. */
static void test_a_hook_that_fails_is_told_with_its_registers(void **state)
{
	struct ldobj_rig r;

	(void)state;
	rig_open(&r,
		 DEVICE "name = 'x', size = 64, registers = { CTRL = { at = 8, "
			"fields = { ON = { bit = 0 }, DIV = { bits = { 4, 7 } "
			"} }, on_write = function() error('no') end }, "
			"N = { at = 12, on_read = function() error('no') end "
			"}, A = { at = 16, array = { count = 2 }, on_write = "
			"function() error('no') end }, Z = { at = 32, reset = "
			"7 } } }",
		 (struct vmoon_ldobj_options){.has_on_error = true,
					      .on_error = VMOON_LDSPEC_IGNORE});
	rig_write32(&r, 8, 0x51);
	assert_non_null(strstr(r.lines,
			       "on_write of CTRL (+0x08, value 0x51) failed; "
			       "registers: CTRL=0x51 {DIV=5 ON} N=hook "
			       "Z=0x7\n"));
	assert_int_equal(rig_read32(&r, 8), 0); /* and was ignored */
	rig_write32(&r, 20, 3);
	assert_non_null(strstr(r.lines, "on_write of A (+0x14, value 0x3) "));
	(void)rig_read32(&r, 12);
	assert_non_null(strstr(r.lines, "on_read of N (+0x0c) failed; "));
	rig_close(&r);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_a_hook_that_fails_is_told_with_its_registers),
	cmocka_unit_test(test_a_function_gets_the_fields_that_it_takes),
	cmocka_unit_test(test_a_field_may_have_any_name_and_any_width),
	cmocka_unit_test(test_an_element_of_an_array_has_fields_and_its_index),
	cmocka_unit_test(test_the_line_of_a_mistake_is_that_of_the_file),
	cmocka_unit_test(test_many_fields_are_too_much_only_for_a_small_heap),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
