/* SPDX-License-Identifier: MIT */
/* test_ldproblems.c - mistakes of a device file are shown where they are. */
#include "bindings/ldproblems.h"

#include <lauxlib.h>
#include <lualib.h>

#include "bindings/lmod.h"
#include "tests/support/ldspec_rig.h"

struct rig {
	struct spec_rig device;
	const char *file; /* its text */
	lua_State *L;     /* the script's */
};

/* bench { params = { ... } }: loads rig->file. */
static int bench(lua_State *L)
{
	struct rig *rig = lua_touserdata(L, lua_upvalueindex(1));
	struct vmoon_ldproblems *list = vmoon_ldproblems_push(L, NULL);
	char why[VMOON_LDPACK_PATH_MAX + 64];
	unsigned char params[512];
	struct vmoon_ldspec_source source = {.path = "dev/counter.lua",
					     .text = rig->file,
					     .len = strlen(rig->file)};
	const struct vmoon_ldproblems_origin origin = {
		.source = &source, .function = "bench", .prefix = ""};
	struct vmoon_error err;

	if (lua_getfield(L, 1, "params") != LUA_TNIL) {
		source.params = params;
		source.params_len = vmoon_ldpack(L, -1, params, sizeof(params),
						 "params", why);
	}
	spec_rig_close(&rig->device);
	spec_rig_open(&rig->device);
	if (vmoon_ldspec_load(rig->device.state.s, &source,
			      vmoon_ldproblems_add, list, &rig->device.spec,
			      &err) != VMOON_OK)
		return vmoon_ldproblems_raise(L, list, &origin, &err);
	return 0;
}

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	spec_rig_open(&rig->device);
	rig->L = luaL_newstate();
	assert_non_null(rig->L);
	luaL_openlibs(rig->L);
	luaL_requiref(rig->L, "vmoon", luaopen_vmoon, 0);
	lua_pop(rig->L, 1);
	lua_pushlightuserdata(rig->L, rig);
	lua_pushcclosure(rig->L, bench, 1);
	lua_setglobal(rig->L, "bench");
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	lua_close(rig->L);
	spec_rig_close(&rig->device);
	free(rig);
	return 0;
}

/* What the script's call raises, as text; it stays on the stack. */
static void check(struct rig *rig, const char *file, const char *script,
		  const char *text)
{
	rig->file = file;
	assert_int_equal(
		luaL_loadbuffer(rig->L, script, strlen(script), script),
		LUA_OK);
	assert_int_not_equal(lua_pcall(rig->L, 0, 0, 0), LUA_OK);
	assert_string_equal(luaL_tolstring(rig->L, -1, NULL), text);
	lua_settop(rig->L, 1);
}

static const char mistakes[] =
	"-- a comment with dev.mmio { in it }\n"
	"local dev = require \"vmoon.device\"\n"
	"local function tick(d) return { at = 1 } end\n"
	"return dev.mmio {\n"
	"  size = 0x1000,\n"
	"  irq = \"levl\",\n"
	"  registers = {\n"
	"    CTRL = { at = 0x08, acess = \"rw\", on_write = function(d)\n"
	"      if d then return end\n"
	"    end },\n"
	"    STATUS = { at = 0x0a, irq_when = \"STATUS & CRTL\" },\n"
	"    COUNT = {\n"
	"      at = 0x10, reset = -1, fields = { X = { bits = { 3, 1 } } },\n"
	"    },\n"
	"  },\n"
	"  timers = { tick = tick, tock = 5 },\n"
	"  state = { cache = { fn = tick } },\n"
	"  [\"odd key\"] = 1,\n"
	"}\n";

static const char all_of_them[] =
	"9 problems in device 'dev/counter.lua'\n"
	"dev/counter.lua:4:17: unknown field \"odd key\"\n"
	"    4 | return dev.mmio {\n"
	"      |                 ^\n"
	"dev/counter.lua:6:9: irq: expected one of \"level\", \"edge\"; got "
	"string \"levl\"\n"
	"    6 |   irq = \"levl\",\n"
	"      |         ^~~~~~\n"
	"        hint: did you mean \"level\"?\n"
	"dev/counter.lua:8:25: registers.CTRL.acess: unknown field \"acess\"\n"
	"    8 |     CTRL = { at = 0x08, acess = \"rw\", on_write = "
	"function(d)\n"
	"      |                         ^~~~~\n"
	"        hint: did you mean \"access\"?\n"
	"dev/counter.lua:11:21: registers.STATUS.at: STATUS at 0x0a..0x0d "
	"overlaps CTRL at 0x08..0x0b\n"
	"   11 |     STATUS = { at = 0x0a, irq_when = \"STATUS & CRTL\" },\n"
	"      |                     ^~~~\n"
	"        hint: a register has 4 bytes unless its width says otherwise\n"
	"dev/counter.lua:11:38: registers.STATUS.irq_when: column 10: there is "
	"no register \"CRTL\"\n"
	"   11 |     STATUS = { at = 0x0a, irq_when = \"STATUS & CRTL\" },\n"
	"      |                                      ^~~~~~~~~~~~~~~\n"
	"        hint: did you mean \"CTRL\"?\n"
	"dev/counter.lua:13:26: registers.COUNT.reset: -1 is out of range "
	"0..0xffffffff\n"
	"   13 |       at = 0x10, reset = -1, fields = { X = { bits = { 3, 1 } "
	"} },\n"
	"      |                          ^~\n"
	"dev/counter.lua:13:54: registers.COUNT.fields.X.bits: expected the "
	"first and the last bit, 0 to 63\n"
	"   13 |       at = 0x10, reset = -1, fields = { X = { bits = { 3, 1 } "
	"} },\n"
	"      |                                                      ^\n"
	"        hint: for example: bits = { 4, 7 }\n"
	"dev/counter.lua:16:34: timers.tock: expected a function, got integer "
	"5\n"
	"   16 |   timers = { tick = tick, tock = 5 },\n"
	"      |                                  ^\n"
	"        hint: for example: tock = function(d) end\n"
	"dev/counter.lua:17:28: state.cache.fn: a function cannot be saved\n"
	"   17 |   state = { cache = { fn = tick } },\n"
	"      |                            ^~~~\n"
	"        hint: state is plain data: numbers, strings, booleans and "
	"tables of them";

static void test_ldproblems__all_of_them_in_the_order_of_the_file(void **state)
{
	check(*state, mistakes, "bench {}", all_of_them);
}

static void test_ldproblems__a_table_that_a_variable_has(void **state)
{
	check(*state,
	      "local regs = {\n"
	      "  A = { at = 0, width = 3 },\n"
	      "}\n"
	      "local device = { size = 16, registers = regs }\n"
	      "device.irq = 5\n"
	      "return require \"vmoon.device\".pio(device)\n",
	      "bench {}",
	      "2 problems in device 'dev/counter.lua'\n"
	      "dev/counter.lua:2:25: registers.A.width: expected 1, 2, 4 or 8; "
	      "got integer 3\n"
	      "    2 |   A = { at = 0, width = 3 },\n"
	      "      |                         ^\n"
	      "        hint: bytes, not bits; 4 when it is left out\n"
	      "dev/counter.lua:5:14: irq: expected one of \"level\", \"edge\"; "
	      "got integer 5\n"
	      "    5 | device.irq = 5\n"
	      "      |              ^");
}

static void test_ldproblems__a_device_that_is_no_table(void **state)
{
	check(*state, "local t = { 1 }\nreturn t\n", "bench {}",
	      "1 problem in device 'dev/counter.lua'\n"
	      "dev/counter.lua:2:1: a device file returns dev.mmio { ... }, "
	      "dev.pio { ... } or dev.virtio { ... }; got a table\n"
	      "    2 | return t\n"
	      "      | ^~~~~~\n"
	      "        hint: for example: return "
	      "require(\"vmoon.device\").mmio { ... }");
}

static void test_ldproblems__parameters_are_in_the_script(void **state)
{
	check(*state,
	      "return require \"vmoon.device\".pio {\n"
	      "  size = 4, registers = { A = { at = 0 } },\n"
	      "  params = { hz = { type = \"integer\", default = 1, max = 9 } "
	      "},\n"
	      "}\n",
	      "local x = 1\nbench {\n  params = { hz = 10, zh = 2 },\n}",
	      "2 problems in device 'dev/counter.lua'\n"
	      "[string \"local x = 1...\"]:3:19: params.hz: 10 is not at most "
	      "9\n"
	      "    3 |   params = { hz = 10, zh = 2 },\n"
	      "      |                   ^~\n"
	      "[string \"local x = 1...\"]:3:23: params.zh: unknown parameter "
	      "\"zh\"\n"
	      "    3 |   params = { hz = 10, zh = 2 },\n"
	      "      |                       ^~\n"
	      "        hint: did you mean \"hz\"?");
}

static void test_ldproblems__both_at_once(void **state)
{
	check(*state,
	      "return require \"vmoon.device\".pio {\n"
	      "  siz = 4, size = 4, registers = { A = { at = 0 } },\n"
	      "}\n",
	      "bench { params = { hz = 10 } }",
	      "2 problems in device 'dev/counter.lua'\n"
	      "dev/counter.lua:2:3: siz: unknown field \"siz\"\n"
	      "    2 |   siz = 4, size = 4, registers = { A = { at = 0 } },\n"
	      "      |   ^~~\n"
	      "        hint: did you mean \"size\"?\n"
	      "[string \"bench { params = { hz = 10 } }\"]:1:20: params.hz: "
	      "unknown parameter \"hz\"\n"
	      "    1 | bench { params = { hz = 10 } }\n"
	      "      |                    ^~");
}

static void test_ldproblems__the_error_is_a_vmoon_error(void **state)
{
	struct rig *rig = *state;
	lua_State *L = rig->L;

	check(rig, mistakes, "bench {}", all_of_them);
	lua_getfield(L, 1, "kind");
	assert_string_equal(lua_tostring(L, -1), "config");
	lua_getfield(L, 1, "where");
	assert_string_equal(lua_tostring(L, -1), "dev/counter.lua:4:17");
	lua_getfield(L, 1, "problems");
	assert_int_equal(lua_rawlen(L, -1), 9);
	lua_rawgeti(L, -1, 2);
	lua_getfield(L, -1, "path");
	assert_string_equal(lua_tostring(L, -1), "irq");
}

static void test_ldproblems__a_file_that_fails_has_its_own_error(void **state)
{
	check(*state, "error(\"no\")", "bench {}",
	      "dev/counter.lua:1: no\n  at [string \"bench {}\"]:1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest tests[] = {
	TEST(test_ldproblems__all_of_them_in_the_order_of_the_file),
	TEST(test_ldproblems__a_table_that_a_variable_has),
	TEST(test_ldproblems__a_device_that_is_no_table),
	TEST(test_ldproblems__parameters_are_in_the_script),
	TEST(test_ldproblems__both_at_once),
	TEST(test_ldproblems__the_error_is_a_vmoon_error),
	TEST(test_ldproblems__a_file_that_fails_has_its_own_error),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
