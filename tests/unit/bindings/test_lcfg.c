/* SPDX-License-Identifier: MIT */
/*
 * test_lcfg.c - mistakes in nested tables are found in the script: the text
 * of the manual's example, for a schema that has disks already.
 */
#include "bindings/lcfg.h"

#include <lauxlib.h>
#include <lualib.h>
#include <unistd.h>

#include "bindings/lmod.h"
#include "tests/support/config_fixture.h"
#include "tests/support/disk_schema.h"

/* A folder to run scripts in, and a state whose vmoon.new knows disks. */
struct rig {
	struct config_fixture files;
	struct disk_schema disks;
	struct vmoon_config *cfg;
	lua_State *L;
	char home[4096];
};

static const char *const names[] = {"bzImage", "rootfs.img", "data.img",
				    "demo_cfg.lua"};

static int check_disks(lua_State *L)
{
	struct rig *rig = lua_touserdata(L, lua_upvalueindex(1));

	vmoon_config_destroy(rig->cfg);
	rig->cfg = NULL;
	if (vmoon_config_create_for(&rig->disks.schema, NULL, &rig->cfg,
				    NULL) != VMOON_OK)
		return luaL_error(L, "no memory");
	vmoon_lcfg_check_into(L, 1, rig->cfg, "new", NULL);
	lua_pushboolean(L, 1);
	return 1;
}

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	assert_non_null(getcwd(rig->home, sizeof(rig->home)));
	(void)snprintf(rig->files.dir, sizeof(rig->files.dir),
		       "/tmp/vmoon-lcfg-XXXXXX");
	assert_non_null(mkdtemp(rig->files.dir));
	assert_int_equal(chdir(rig->files.dir), 0);
	for (size_t i = 0; i < VMOON_COUNTOF(names); i++)
		cf_write(names[i], "x");
	disk_schema_init(&rig->disks);
	rig->L = luaL_newstate();
	luaL_openlibs(rig->L);
	luaL_requiref(rig->L, "vmoon", luaopen_vmoon, 0);
	lua_pushlightuserdata(rig->L, rig);
	lua_pushcclosure(rig->L, check_disks, 1);
	lua_setfield(rig->L, -2, "new");
	lua_pop(rig->L, 1);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	lua_close(rig->L);
	vmoon_config_destroy(rig->cfg);
	for (size_t i = 0; i < VMOON_COUNTOF(names); i++)
		(void)unlink(names[i]);
	assert_int_equal(chdir(rig->home), 0);
	(void)rmdir(rig->files.dir);
	free(rig);
	return 0;
}

/* Runs the script; its error as text is left on the stack. */
static const char *error_of(struct rig *rig, const char *script)
{
	cf_write("demo_cfg.lua", script);
	assert_true(luaL_dofile(rig->L, "demo_cfg.lua"));
	return luaL_tolstring(rig->L, -1, NULL);
}

static void test_lcfg__the_example_of_the_manual(void **state)
{
	static const char script[] =
		"-- demo_cfg.lua: eight mistakes in one run.\n"
		"local vmoon = require \"vmoon\"\n"
		"\n"
		"\n"
		"-- A comment with { brackets } in it is no table.\n"
		"\n"
		"\n"
		"\n"
		"local vm = vmoon.new {\n"
		"    memroy  = \"256M\",\n"
		"    vcpu_count = 2,\n"
		"    cpus    = 200,          -- too many\n"
		"    memory  = 128,\n"
		"    kernel  = \"bzImage\",\n"
		"    disks   = {\n"
		"      { path = \"rootfs.img\" },\n"
		"      { path = \"data.img\", is_read_only = true, "
		"cache = \"writebak\" },\n"
		"      { readonly = true },\n"
		"    },\n"
		"    boot    = \"phv\",\n"
		"}\n"
		"return vm\n";
	static const char text[] =
		"8 problems in VM configuration\n"
		"demo_cfg.lua:10:5: memroy: unknown field \"memroy\"\n"
		"   10 |     memroy  = \"256M\",\n"
		"      |     ^~~~~~\n"
		"        hint: did you mean \"memory\"?\n"
		"demo_cfg.lua:11:5: vcpu_count: unknown field \"vcpu_count\"\n"
		"   11 |     vcpu_count = 2,\n"
		"      |     ^~~~~~~~~~\n"
		"        hint: Firecracker calls this \"vcpu_count\"; here it "
		"is \"cpus\"\n"
		"demo_cfg.lua:12:15: cpus: 200 is out of range 1..64\n"
		"   12 |     cpus    = 200,          -- too many\n"
		"      |               ^~~\n"
		"demo_cfg.lua:13:15: memory: a size needs a unit, got bare "
		"number 128\n"
		"   13 |     memory  = 128,\n"
		"      |               ^~~\n"
		"        hint: write \"128M\" for MiB, or 128 * vmoon.MiB (a "
		"size value)\n"
		"demo_cfg.lua:17:28: disks.2.is_read_only: unknown field "
		"\"is_read_only\"\n"
		"   17 |       { path = \"data.img\", is_read_only = true, "
		"cache = \"writebak\" },\n"
		"      |                            ^~~~~~~~~~~~\n"
		"        hint: Firecracker calls this \"is_read_only\"; here "
		"it is \"readonly\"\n"
		"demo_cfg.lua:17:57: disks.2.cache: expected one of \"none\", "
		"\"unsafe\", \"writeback\"; got string \"writebak\"\n"
		"   17 |       { path = \"data.img\", is_read_only = true, "
		"cache = \"writebak\" },\n"
		"      |                                                       "
		"  ^~~~~~~~~~\n"
		"        hint: did you mean \"writeback\"?\n"
		"demo_cfg.lua:18:7: disks.3: missing required field \"path\"\n"
		"   18 |       { readonly = true },\n"
		"      |       ^\n"
		"        hint: for example: path = \"rootfs.img\"\n"
		"demo_cfg.lua:20:15: boot: expected one of \"linux64\", "
		"\"pvh\", \"multiboot\"; got string \"phv\"\n"
		"   20 |     boot    = \"phv\",\n"
		"      |               ^~~~~\n"
		"        hint: did you mean \"pvh\"?";

	assert_string_equal(error_of(*state, script), text);
}

static void test_lcfg__items_are_found_where_they_were_named(void **state)
{
	static const char script[] =
		"local vmoon = require \"vmoon\"\n"
		"local root = { path = \"rootfs.img\", size = -1 }\n"
		"local disks = { root, { path = \"data.img\", limit = { ops = "
		"0 } } }\n"
		"local function more() return { pth = 1 } end\n"
		"vmoon.new { kernel = \"bzImage\", disks = disks }\n";
	const char *text = error_of(*state, script);

	assert_non_null(strstr(text, "demo_cfg.lua:2:44: disks.1.size: a size "
				     "needs a unit, got bare number -1\n"));
	assert_non_null(strstr(text, "\n      |                               "
				     "             ^~\n"));
	assert_non_null(strstr(text, "demo_cfg.lua:3:60: disks.2.limit.ops: 0 "
				     "is out of range 1..1000000\n"));
}

static void test_lcfg__code_is_pointed_at_when_it_made_the_value(void **state)
{
	static const char script[] =
		"local vmoon = require \"vmoon\"\n"
		"local function more() return { { pth = 1 } } end\n"
		"vmoon.new { kernel = \"bzImage\", disks = more() }\n";
	const char *text = error_of(*state, script);

	assert_non_null(strstr(text, "demo_cfg.lua:3:41: disks.1.pth: unknown "
				     "field \"pth\"\n"));
	assert_non_null(strstr(text, "demo_cfg.lua:3:41: disks.1: missing "
				     "required field \"path\"\n"));
}

static void test_lcfg__a_good_script_passes(void **state)
{
	static const char script[] =
		"local vmoon = require \"vmoon\"\n"
		"assert(vmoon.new { kernel = \"bzImage\", disks = { { path = "
		"\"data.img\", size = 2 * vmoon.MiB, readonly = true } } })\n";
	struct rig *rig = *state;

	cf_write("demo_cfg.lua", script);
	assert_false(luaL_dofile(rig->L, "demo_cfg.lua"));
	assert_true(rig->cfg->values[KEY_DISKS].fields[DISK_SIZE].number ==
		    2 * VMOON_MIB);
}

#define rig_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest tests[] = {
	rig_test(test_lcfg__the_example_of_the_manual),
	rig_test(test_lcfg__items_are_found_where_they_were_named),
	rig_test(test_lcfg__code_is_pointed_at_when_it_made_the_value),
	rig_test(test_lcfg__a_good_script_passes),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
