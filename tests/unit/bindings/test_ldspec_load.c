/* SPDX-License-Identifier: MIT */
/* test_ldspec_load.c - how a device file is loaded: what cannot be run, memory
 * that ends, parameters, and the keys as text. */
#include "bindings/ldspec.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "bindings/ldspec_keys.h"
#include "runtime/mem.h"
#include "tests/support/ldspec_rig.h"

static const char plain[] =
	REGS("CTRL = { at = 8, fields = { ENABLE = { bit = 0 }, IRQEN = { bit "
	     "= 1 } }, on_write = print }, STATUS = { at = 0x0c, irq_when = "
	     "'STATUS & CTRL.IRQEN' }, A = { at = 0x10, array = { count = 4 } "
	     "}");

/* ---- files that cannot be run ---- */

static void test_ldspec__a_file_that_cannot_be_run(void **state)
{
	static const struct {
		const char *text;
		enum vmoon_status status;
		const char *message;
	} rows[] = {
		{"return dev.", VMOON_E_SCRIPT,
		 "dev.lua:1: <name> expected near <eof>"},
		{"\n\nerror 'no'", VMOON_E_SCRIPT, "dev.lua:3: no"},
		{"#!x\nerror 'no'", VMOON_E_SCRIPT, "dev.lua:2: no"},
		{"\xef\xbb\xbf\nerror 'no'", VMOON_E_SCRIPT, "dev.lua:2: no"},
		{"\xef\xbb\xbf#!x\nerror 'no'", VMOON_E_SCRIPT,
		 "dev.lua:2: no"},
		{"while true do end", VMOON_E_TIMEOUT,
		 "dev.lua:1: exceeded its budget of 1000 ms"},
		{"local s = 'xxxx' while true do s = s .. s end", VMOON_E_NOMEM,
		 "dev.lua: out of memory (16384 KiB)"},
		{"error {}", VMOON_E_SCRIPT,
		 "dev.lua: an error that is no text (a table value)"},
		{"require 'vmoon.device'.mmoi {}", VMOON_E_SCRIPT,
		 "dev.lua:1: vmoon.device has no 'mmoi' (did you mean "
		 "'mmio'?)"},
		{"require 'vmoon.device'.mmio = 1", VMOON_E_SCRIPT,
		 "dev.lua:1: vmoon.device is read-only"},
		{"require 'vmoon.device'.pio()", VMOON_E_SCRIPT,
		 "dev.lua:1: dev.pio takes a table, got nothing: dev.pio { "
		 "name = \"counter\", ... }"},
		{"return require 'vmoon.device'.mmio 'x'", VMOON_E_SCRIPT,
		 "dev.lua:1: dev.mmio takes a table, got string: dev.mmio { "
		 "name = "
		 "\"counter\", ... }"},
	};
	struct spec_rig *r = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(rows); i++) {
		assert_int_equal(spec_rig_text(r, rows[i].text),
				 rows[i].status);
		assert_string_equal(r->err.msg, rows[i].message);
		assert_int_equal(r->problems, 0);
		assert_null(r->spec);
	}
}

/* A host that is slow gets more time for both by one figure. */
static void test_ldspec__a_longer_budget_is_one_for_loading_too(void **state)
{
	static const char text[] = "while true do end";
	const struct vmoon_ldspec_source source = {
		.path = "dev.lua", .text = text, .len = sizeof(text) - 1};
	static const struct {
		uint64_t budget_ns;
		const char *message;
	} rows[] = {
		{20000000, "dev.lua:1: exceeded its budget of 200 ms"},
		{1000000, "dev.lua:1: exceeded its budget of 100 ms"},
	};
	struct spec_rig *r = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(rows); i++) {
		if (r->state.s != NULL)
			spec_rig_close(r);
		spec_rig_open(r);
		rig_close(&r->state);
		rig_open(&r->state, (struct vmoon_ldstate_options){
					    .budget_ns = rows[i].budget_ns});
		assert_int_equal(vmoon_ldspec_load(r->state.s, &source, NULL,
						   NULL, &r->spec, &r->err),
				 VMOON_E_TIMEOUT);
		assert_string_equal(r->err.msg, rows[i].message);
	}
}

static void test_ldspec__bytecode_and_missing_files(void **state)
{
	static const char code[] = "\x1bLua\x54";
	struct vmoon_ldspec_source source = {
		.path = "x.lua", .text = code, .len = sizeof(code) - 1};
	struct spec_rig *r = *state;

	assert_int_equal(spec_rig_load(r, &source), VMOON_E_SCRIPT);
	assert_non_null(strstr(r->err.msg,
			       "x.lua: it is binary data, not a Lua script"));
	source = (struct vmoon_ldspec_source){.path = "no/such.lua"};
	assert_int_equal(spec_rig_load(r, &source), VMOON_E_SYS);
	assert_string_equal(
		r->err.msg,
		"device file 'no/such.lua': No such file or directory");
	source.path = "scripts";
	assert_int_equal(spec_rig_load(r, &source), VMOON_E_SYS);
	assert_string_equal(r->err.msg, "device file 'scripts': it is a "
					"directory; name the file in it");
	source.path = "/dev/null";
	assert_int_equal(spec_rig_load(r, &source), VMOON_E_SYS);
	assert_string_equal(r->err.msg, "device file '/dev/null': not a file");
	source.path = NULL;
	assert_int_equal(spec_rig_load(r, &source), VMOON_E_INVAL);
}

/* The heap of the spec ends at each of its allocations in turn. */
static void test_ldspec__memory_may_end_anywhere(void **state)
{
	struct spec_rig *r = *state;
	enum vmoon_status st = VMOON_E_NOMEM;
	size_t limit = 0;

	for (; st != VMOON_OK && limit < 65536; limit += 509) {
		const struct vmoon_allocator heap = {.size = sizeof(heap),
						     .limit = limit + 1};
		struct vmoon_mem mem;

		vmoon_mem_init(&mem, &heap);
		r->mem = &mem;
		st = spec_rig_text(r, plain);
		assert_true(st == VMOON_OK || st == VMOON_E_NOMEM);
		vmoon_ldspec_destroy(r->spec);
		r->spec = NULL;
		assert_int_equal(vmoon_mem_used(&mem), 0);
		r->mem = NULL;
	}
	assert_int_equal(st, VMOON_OK);
	assert_true(limit > 4096);
}

/* ---- parameters ---- */

static const char with_params[] =
	MMIO("params = { hz = { type = 'integer', default = 50, min = 1, max = "
	     "100 }, mode = { type = 'string', default = 'fast', choices = { "
	     "'fast', 'slow' } }, gain = { type = 'number', default = 0.5 }, "
	     "loud = { type = 'boolean', default = false }, must = { type = "
	     "'integer' } }, methods = { get = function(d, p) local n = 0 for "
	     "_ in pairs(p) do n = n + 1 end return n, p.hz, p.mode, p.gain, "
	     "p.loud, p.must end, typo = function(d, p) return p.hx end, set "
	     "= function(d, p) p.hz = 1 end }");

static enum vmoon_status load_with(struct spec_rig *r, const char *params)
{
	lua_State *L = luaL_newstate();
	unsigned char buf[4096];
	char why[VMOON_LDPACK_PATH_MAX + 64];
	struct vmoon_ldspec_source source = {.path = "dev.lua",
					     .text = with_params,
					     .len = sizeof(with_params) - 1};

	assert_non_null(L);
	assert_int_equal(luaL_dostring(L, params), LUA_OK);
	source.params = buf;
	source.params_len =
		vmoon_ldpack(L, -1, buf, sizeof(buf), "params", why);
	assert_int_not_equal(source.params_len, 0);
	lua_close(L);
	return spec_rig_load(r, &source);
}

static bool call_method(struct spec_rig *r, size_t i, int results)
{
	lua_pushvalue(r->state.L, r->spec->methods[i].fn);
	lua_pushnil(r->state.L);
	lua_pushvalue(r->state.L, r->spec->params);
	return vmoon_ldstate_call(r->state.s, 2, results);
}

static void test_ldspec__parameters_are_values_or_defaults(void **state)
{
	struct spec_rig *r = *state;
	lua_State *L;

	assert_ok(load_with(r, "return { must = 7, mode = 'slow', gain = 2 }"),
		  &r->err);
	assert_string_equal(r->said, "");
	L = r->state.L;
	assert_true(call_method(r, 0, 6));
	assert_int_equal(lua_tointeger(L, -6), 5);
	assert_int_equal(lua_tointeger(L, -5), 50);
	assert_string_equal(lua_tostring(L, -4), "slow");
	assert_true(lua_tonumber(L, -3) == 2.0);
	assert_true(lua_isboolean(L, -2) && !lua_toboolean(L, -2));
	assert_int_equal(lua_tointeger(L, -1), 7);
	lua_pop(L, 6);
	assert_false(call_method(r, 1, 0));
	assert_string_equal(vmoon_ldstate_error(r->state.s),
			    "dev.lua:1: parameters are read-only: keep what "
			    "changes in d.state");
	assert_false(call_method(r, 2, 1));
	assert_string_equal(vmoon_ldstate_error(r->state.s),
			    "dev.lua:1: there is no parameter 'hx' (did you "
			    "mean 'hz'?)");
}

static void test_ldspec__parameters_that_are_refused(void **state)
{
	struct spec_rig *r = *state;

	assert_int_equal(
		load_with(r, "return { zh = 1, hz = 101, mode = 'slwo', gain = "
			     "'x', loud = 0, ['a b'] = 1 }"),
		VMOON_E_CONFIG);
	assert_string_equal(
		r->said,
		"given params.gain: expected a number, got string \"x\"\n"
		"given params.hz: 101 is out of range 1..100\n"
		"given params.loud: expected true or false, got integer 0\n"
		"given params.mode: expected one of \"fast\", \"slow\"; got "
		"string \"slwo\"\n"
		"  did you mean \"slow\"?\n"
		"given params.must: missing parameter \"must\"\n"
		"  it has no default: params = { must = ... }\n"
		"given params: the name of a parameter is 1 to 63 letters, "
		"digits or \"_\", no digit first; got string \"a b\"\n"
		"given params.zh! unknown parameter \"zh\"\n"
		"  did you mean \"hz\"?\n");
	assert_string_equal(r->err.where, "params.gain");
	assert_string_equal(r->err.msg,
			    "dev.lua: 7 problems; first: params.gain: expected "
			    "a number, got string \"x\"");
}

static void test_ldspec__damaged_parameters_are_an_error(void **state)
{
	static const unsigned char damaged[] = {3, 1, 2};
	const struct vmoon_ldspec_source source = {
		.path = "dev.lua",
		.text = with_params,
		.len = sizeof(with_params) - 1,
		.params = damaged,
		.params_len = sizeof(damaged)};
	struct spec_rig *r = *state;

	assert_int_equal(spec_rig_load(r, &source), VMOON_E_SCRIPT);
	assert_string_equal(
		r->err.msg,
		"dev.lua: the parameters of the device are no table");
}

/* ---- inline devices, keys ---- */

static void test_ldspec__an_inline_device_may_run_in_the_script(void **state)
{
	static const char text[] = FILE_OF(
		"return dev.mmio { size = 8, where = 'script', registers = { A "
		"= { at = 0, on_read = "
		"print }, B = { at = 4, on_read = print, where = 'vcpu' } "
		"} }");
	const struct vmoon_ldspec_source source = {
		.text = text, .len = sizeof(text) - 1, .allow_script = true};
	struct spec_rig *r = *state;

	assert_ok(spec_rig_load(r, &source), &r->err);
	assert_int_equal(r->spec->regs[0].where, VMOON_LDSPEC_SCRIPT);
	assert_int_equal(r->spec->regs[1].where, VMOON_LDSPEC_VCPU);
	assert_string_equal(r->spec->name, "device");
}

static void test_ldspec__keys_as_text_for_the_manual(void **state)
{
	const size_t len = vmoon_ldkeys_text(NULL, 0);
	char *text = malloc(len + 1);

	(void)state;
	assert_non_null(text);
	assert_int_equal(vmoon_ldkeys_text(text, len + 1), len);
	assert_int_equal(strlen(text), len);
	assert_memory_equal(text, "a device\n  name  (string; ", 24);
	assert_non_null(strstr(text,
			       "  irq  (choice: level, edge; left out: it "
			       "has no interrupt; of mmio, pio)  "
			       "irq = \"level\"\n"
			       "      The kind of its interrupt.\n"));
	assert_non_null(strstr(text, "\na register (registers.NAME)\n"
				     "  at  (offset; required)  at = 0x04\n"));
	assert_int_equal(vmoon_ldkeys_text(text, 10), len);
	assert_int_equal(strlen(text), 9);
	free(text);
}

/* Every key has its words, and an example that begins with its name. */
static void test_ldspec__every_key_is_documented(void **state)
{
	const struct vmoon_ldkeys *t;

	(void)state;
	assert_ptr_equal(vmoon_ldkeys_table(0), &vmoon_ldkeys_device);
	for (size_t i = 0; (t = vmoon_ldkeys_table(i)) != NULL; i++) {
		assert_true(t->count <= VMOON_LDKEY_ROWS_MAX);
		for (size_t k = 0; k < t->count; k++) {
			const struct vmoon_ldkey *row = &t->rows[k];
			const size_t n = strlen(row->name);

			assert_non_null(row->word);
			assert_int_equal(row->doc[strlen(row->doc) - 1], '.');
			assert_memory_equal(row->example, row->name, n);
			assert_memory_equal(row->example + n, " = ", 3);
			assert_true(row->type != VMOON_LDKEY_CHOICE ||
				    row->choices != NULL);
		}
	}
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, spec_rig_setup, spec_rig_teardown)

static const struct CMUnitTest tests[] = {
	TEST(test_ldspec__a_file_that_cannot_be_run),
	TEST(test_ldspec__a_longer_budget_is_one_for_loading_too),
	TEST(test_ldspec__bytecode_and_missing_files),
	TEST(test_ldspec__memory_may_end_anywhere),
	TEST(test_ldspec__parameters_are_values_or_defaults),
	TEST(test_ldspec__parameters_that_are_refused),
	TEST(test_ldspec__damaged_parameters_are_an_error),
	TEST(test_ldspec__an_inline_device_may_run_in_the_script),
	cmocka_unit_test(test_ldspec__keys_as_text_for_the_manual),
	cmocka_unit_test(test_ldspec__every_key_is_documented),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
