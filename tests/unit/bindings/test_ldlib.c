/* SPDX-License-Identifier: MIT */
/* test_ldlib.c - what a device's code can call: all of it, and how it differs.
 */
#include "bindings/ldlib.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/ldstate_rig.h"

#define FOLDER "tests/unit/bindings/ld"

static int setup(void **state)
{
	struct ldstate_rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	rig_open(r, (struct vmoon_ldstate_options){.folder = FOLDER});
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	rig_close(*state);
	free(*state);
	return 0;
}

/* ---- the allow list ---- */

enum { NAMES_MAX = 200, NAME_BYTES = 64 };

struct names {
	char name[NAMES_MAX][NAME_BYTES];
	size_t count;
};

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The table on the top is replaced by the one that it shows. */
static void look_behind(lua_State *L)
{
	while (lua_getmetatable(L, -1) != 0) {
		lua_getfield(L, -1, "__index");
		lua_remove(L, -2);
		if (!lua_istable(L, -1)) {
			lua_pop(L, 1);
			return;
		}
		lua_remove(L, -2);
	}
}

/* Of the table on the top; those of tables in it, but for the first level's
 * _G. */
static void add_names(lua_State *L, const char *prefix, struct names *n)
{
	lua_pushnil(L);
	while (lua_next(L, -2) != 0) {
		char name[NAME_BYTES];

		(void)snprintf(name, sizeof(name), "%s%s", prefix,
			       lua_tostring(L, -2));
		assert_true(n->count < NAMES_MAX);
		memcpy(n->name[n->count++], name, sizeof(name));
		if (lua_istable(L, -1) && strcmp(name, "_G") != 0) {
			(void)strcat(name, ".");
			assert_true(strlen(name) < NAME_BYTES / 2);
			look_behind(L);
			add_names(L, name, n);
		}
		lua_pop(L, 1);
	}
}

static void test_y_19__the_library_is_this_list(void **state)
{
	static const char *const allowed[] = {
		"_G",
		"_VERSION",
		"assert",
		"coroutine",
		"coroutine.close",
		"coroutine.create",
		"coroutine.isyieldable",
		"coroutine.resume",
		"coroutine.running",
		"coroutine.status",
		"coroutine.wrap",
		"coroutine.yield",
		"error",
		"getmetatable",
		"ipairs",
		"load",
		"math",
		"math.abs",
		"math.acos",
		"math.asin",
		"math.atan",
		"math.ceil",
		"math.cos",
		"math.deg",
		"math.exp",
		"math.floor",
		"math.fmod",
		"math.huge",
		"math.log",
		"math.max",
		"math.maxinteger",
		"math.min",
		"math.mininteger",
		"math.modf",
		"math.pi",
		"math.rad",
		"math.random",
		"math.randomseed",
		"math.sin",
		"math.sqrt",
		"math.tan",
		"math.tointeger",
		"math.type",
		"math.ult",
		"next",
		"pairs",
		"pcall",
		"print",
		"rawequal",
		"rawget",
		"rawlen",
		"rawset",
		"require",
		"select",
		"setmetatable",
		"string",
		"string.byte",
		"string.char",
		"string.find",
		"string.format",
		"string.gmatch",
		"string.gsub",
		"string.len",
		"string.lower",
		"string.match",
		"string.pack",
		"string.packsize",
		"string.rep",
		"string.reverse",
		"string.sub",
		"string.unpack",
		"string.upper",
		"table",
		"table.concat",
		"table.insert",
		"table.move",
		"table.pack",
		"table.remove",
		"table.sort",
		"table.unpack",
		"tonumber",
		"tostring",
		"type",
		"utf8",
		"utf8.char",
		"utf8.charpattern",
		"utf8.codepoint",
		"utf8.codes",
		"utf8.len",
		"utf8.offset",
		"xpcall",
	};
	struct ldstate_rig *r = *state;
	struct names *n = calloc(1, sizeof(*n));

	assert_non_null(n);
	lua_pushglobaltable(r->L);
	look_behind(r->L);
	add_names(r->L, "", n);
	qsort(n->name, n->count, NAME_BYTES, compare);
	for (size_t i = 0; i < VMOON_COUNTOF(allowed) && i < n->count; i++)
		assert_string_equal(n->name[i], allowed[i]);
	assert_int_equal(n->count, VMOON_COUNTOF(allowed));
	free(n);
	lua_settop(r->L, 0);
}

static void test_ldlib__methods_of_strings_are_the_same(void **state)
{
	rig_run(*state,
		"for _, name in ipairs { 'find', 'rep', 'format', 'gsub' } do\n"
		"  assert((''):rep(1) == '' and (('')[name]) == string[name])\n"
		"end");
}

static void test_ldlib__a_global_that_is_none_is_an_error(void **state)
{
	struct ldstate_rig *r = *state;

	rig_fails(r, "return ofset", VMOON_E_SCRIPT,
		  "test:1: attempt to use undefined global 'ofset'");
	rig_fails(r, "return tostrign(1)", VMOON_E_SCRIPT,
		  "test:1: attempt to use undefined global 'tostrign' (did you "
		  "mean 'tostring'?)");
	rig_fails(r, "return os.time()", VMOON_E_SCRIPT,
		  "test:1: attempt to use undefined global 'os' (a device's "
		  "code has no access to the host)");
	rig_fails(r, "count = 1", VMOON_E_SCRIPT,
		  "test:1: attempt to set global 'count': write \"local\" "
		  "before it");
	rig_fails(r, "math.tau = 6.28", VMOON_E_SCRIPT,
		  "test:1: attempt to set field 'tau' of 'math', which is "
		  "read-only");
}

static void test_ldlib__table_functions_are_as_lua_has_them(void **state)
{
	rig_run(*state,
		"local t = { 1, 2, 3 }\n"
		"table.insert(t, 4)\n"
		"table.insert(t, 1, 0)\n"
		"assert(table.concat(t, ',') == '0,1,2,3,4')\n"
		"assert(table.remove(t) == 4 and table.remove(t, 1) == 0)\n"
		"assert(table.concat(t, ',', 2, 3) == '2,3')\n"
		"assert(table.concat({}) == '' and table.remove({}) == nil)\n"
		"assert(#t == 3 and table.remove(t, 4) == nil)\n"
		"assert(not pcall(table.remove, t, 5))\n"
		"assert(not pcall(table.insert, t, 5, 1))\n"
		"assert(not pcall(table.insert, t, 1, 2, 3))\n"
		"assert(not pcall(table.insert, t))\n"
		"local a, b = table.unpack(t, 2)\n"
		"assert(a == 2 and b == 3)\n"
		"assert(select('#', table.unpack({}, 1, 3)) == 3)\n"
		"local m = table.move(t, 1, 3, 2, {})\n"
		"assert(m[1] == nil and m[4] == 3)\n"
		"assert(table.pack(1, nil).n == 2)");
}

static void test_ldlib__move_concat_and_unpack_are_as_lua_has_them(void **state)
{
	rig_run(*state,
		"local t = { 1, 2, 3, 4, 5 }\n"
		"assert(table.move(t, 1, 3, 2) == t)\n"
		"assert(table.concat(t, ',') == '1,1,2,3,5')\n"
		"table.move(t, 2, 5, 1)\n"
		"assert(table.concat(t, ',') == '1,2,3,5,5')\n"
		"assert(#table.move(t, 3, 2, 1, {}) == 0)\n"
		"local far = table.move({ [-3] = 'a' }, -3, -2, 7, {})\n"
		"assert(far[7] == 'a' and far[8] == nil)\n"
		"assert(not pcall(table.move, t, 1, math.maxinteger, 2))\n"
		"assert(not pcall(table.move, t, -1, math.maxinteger, 2))\n"
		"assert(not pcall(table.move, 'x', 1, 1, 2, 'y'))\n"
		"assert(not pcall(table.move, t, 1, 1, 1, 2))\n"
		"local copy = table.move('xyz', 1, 2, 1, {})\n"
		"assert(copy[1] == nil)\n"
		"local _, e = pcall(table.concat, { 1, {} }, ',')\n"
		"assert(e == \"invalid value (at index 2) in table for \" ..\n"
		"  \"'concat'\", e)\n"
		"assert(table.concat({ 1, 2.5, 'x' }, 0) == '102.50x')\n"
		"assert(table.concat({ 1 }, ',', 2) == '')\n"
		"assert(table.concat({ [math.maxinteger] = 7 }, ',',\n"
		"  math.maxinteger, math.maxinteger) == '7')\n"
		"assert(select('#', table.unpack({}, 2, 1)) == 0)\n"
		"assert(table.unpack({ [math.maxinteger] = 7 },\n"
		"  math.maxinteger, math.maxinteger) == 7)");
}

static void test_ldlib__numbers_are_taken_as_lua_takes_them(void **state)
{
	rig_run(*state,
		"assert(string.char() == '' and utf8.char() == '')\n"
		"assert(string.char(65, '66', 67.0) == 'ABC')\n"
		"assert(utf8.char(65, 0xe4, '8364') == 'A\\u{e4}\\u{20ac}')\n"
		"assert(#utf8.char(0x7fffffff) == 6)\n"
		"assert(math.max(3, 5.5, 4) == 5.5 and math.min(3, 2) == 2)\n"
		"assert(math.type(math.max(1, 1.0)) == 'integer')\n"
		"assert(math.type(math.min(1.0, 1)) == 'float')\n"
		"assert(math.max(1, 0/0) == 1)\n"
		"local _, e = pcall(string.char, 1, 256)\n"
		"assert(e:find('#2', 1, true) and e:find('out of range'), e)\n"
		"assert(not pcall(string.char, -1))\n"
		"assert(not pcall(string.char, 'x'))\n"
		"assert(not pcall(utf8.char, 0x80000000))\n"
		"assert(not pcall(utf8.char, 1.5))\n"
		"assert(not pcall(math.max) and not pcall(math.min))\n"
		"assert(not pcall(math.max, 1, {}))\n"
		"local many = ('b'):rep(9):pack(1, 2, 3, 4, 5, 6, 7, 8, '9')\n"
		"assert(many == '\\1\\2\\3\\4\\5\\6\\7\\8\\9')");
}

static void test_ldlib__sort_sorts_and_keeps_the_order_of_equals(void **state)
{
	rig_run(*state,
		"for n = 0, 70 do\n"
		"  local t = {}\n"
		"  for i = 1, n do\n"
		"    t[i] = { key = i * 7919 % 11, place = i }\n"
		"  end\n"
		"  table.sort(t, function(a, b) return a.key < b.key end)\n"
		"  for i = 2, n do\n"
		"    local a, b = t[i - 1], t[i]\n"
		"    assert(a.key < b.key or\n"
		"      a.key == b.key and a.place < b.place)\n"
		"  end\n"
		"  assert(#t == n)\n"
		"end\n"
		"local words = { 'b', 'c', 'a' }\n"
		"table.sort(words)\n"
		"assert(table.concat(words) == 'abc')");
}

static void test_ldlib__format_is_as_lua_has_it(void **state)
{
	rig_run(*state,
		"assert(('%d %5.1f %x %q %%'):format(1, 2.25, 255, 'a') ==\n"
		"  '1   2.2 ff \"a\" %')\n"
		"assert(('%5s|%-5s|%.2s'):format('a', true, 'xyz') ==\n"
		"  '    a|true |xy')\n"
		"assert(('%s %s'):format(nil, 1.5) == 'nil 1.5')\n"
		"local named = setmetatable({}, { __tostring = function()\n"
		"  return 'me'\n"
		"end })\n"
		"assert(('%s'):format(named) == 'me')\n"
		"assert(not pcall(string.format, '%s'))\n"
		"assert(not pcall(string.format, '%y', 1))\n"
		"assert(not pcall(string.format, '%'))");
}

static void test_ldlib__chance_is_the_same_in_each_state(void **state)
{
	struct ldstate_rig *r = *state, other;
	static const char text[] = "return math.random(1 << 40)";
	lua_Integer drawn;

	rig_open(&other, (struct vmoon_ldstate_options){0});
	assert_ok(rig_try(r, text), &r->err);
	assert_ok(rig_try(&other, text), &other.err);
	drawn = lua_tointeger(r->L, -1);
	assert_int_equal(drawn, lua_tointeger(other.L, -1));
	lua_settop(r->L, 0);
	rig_run(r, "local a = math.random(1 << 40)\n"
		   "math.randomseed(5)\n"
		   "local b = math.random(1 << 40)\n"
		   "math.randomseed(5)\n"
		   "assert(math.random(1 << 40) == b and a ~= b)\n"
		   "math.randomseed()");
	assert_ok(rig_try(r, text), &r->err);
	assert_int_equal(drawn, lua_tointeger(r->L, -1));
	rig_close(&other);
}

static void test_ldlib__coroutines_are_as_lua_has_them(void **state)
{
	rig_run(*state,
		"local co = coroutine.create(function(a, b)\n"
		"  local c = coroutine.yield(a + b)\n"
		"  error('no ' .. c, 0)\n"
		"end)\n"
		"local ok, v = coroutine.resume(co, 1, 2)\n"
		"assert(ok and v == 3 and coroutine.status(co) == "
		"'suspended')\n"
		"ok, v = coroutine.resume(co, 'way')\n"
		"assert(not ok and v == 'no way')\n"
		"assert(coroutine.status(co) == 'dead')\n"
		"ok, v = coroutine.resume(co)\n"
		"assert(not ok and v == 'cannot resume dead coroutine')\n"
		"local gen = coroutine.wrap(function()\n"
		"  for i = 1, 3 do coroutine.yield(i) end\n"
		"end)\n"
		"assert(gen() == 1 and gen() == 2 and gen() == 3)\n"
		"local closed\n"
		"co = coroutine.create(function()\n"
		"  local _ <close> = setmetatable({}, { __close = function()\n"
		"    closed = true\n"
		"  end })\n"
		"  coroutine.yield()\n"
		"end)\n"
		"coroutine.resume(co)\n"
		"assert(coroutine.close(co) and closed)\n"
		"local w = coroutine.wrap(function() error('here') end)\n"
		"ok, v = pcall(w)\n"
		"assert(not ok and v:find('test:%d+: here'), v)\n"
		"assert(not pcall(coroutine.close, (coroutine.running())))\n"
		"assert(not coroutine.resume((coroutine.running())))\n"
		"assert(not coroutine.isyieldable())");
}

static void test_ldlib__load_takes_text(void **state)
{
	rig_run(*state, "assert(load('return 1 + 1')() == 2)\n"
			"local parts = { 'return ', '4', nil }\n"
			"local i = 0\n"
			"assert(load(function()\n"
			"  i = i + 1\n"
			"  return parts[i]\n"
			"end)() == 4)\n"
			"local f, e = load('return (', '=here')\n"
			"assert(not f and e:find('^here:1:'))\n"
			"local env = { x = 3 }\n"
			"assert(load('return x', '=x', 't', env)() == 3)");
}

/* ---- require ---- */

static int set_module(lua_State *L)
{
	lua_newtable(L);
	lua_pushinteger(L, 9);
	lua_setfield(L, -2, "nine");
	vmoon_ldstate_set_module(L, "vmoon.device");
	return 0;
}

static void test_ldlib__require_finds_modules_and_the_folders_files(
	void **state)
{
	struct ldstate_rig *r = *state;

	assert_ok(vmoon_ldstate_run(r->s, set_module, NULL, 0, &r->err),
		  &r->err);
	rig_run(r, "assert(require('vmoon.device').nine == 9)\n"
		   "local n = require 'numbers'\n"
		   "assert(n.seven == 7 and n.name == 'numbers')\n"
		   "assert(require 'numbers' == n)");
	rig_fails(r, "require 'absent'", VMOON_E_SCRIPT,
		  "test:1: module 'absent' (" FOLDER
		  "/absent.lua): No such file or directory");
	rig_fails(r, "require '../ld/numbers'", VMOON_E_SCRIPT,
		  "test:1: module '../ld/numbers' not found: a device's files "
		  "have "
		  "names of letters, digits, _ and -");
}

static void test_ldlib__require_reads_nothing_in_a_call(void **state)
{
	struct ldstate_rig *r = *state;

	assert_ok(rig_try(r, "return function() require 'numbers' end"),
		  &r->err);
	assert_false(vmoon_ldstate_call(r->s, 0, 0));
	assert_string_equal(
		vmoon_ldstate_error(r->s),
		"test:1: module 'numbers': files can be loaded only while "
		"the device is");
	rig_run(r, "require 'numbers'");
	assert_ok(rig_try(r, "return function() require 'numbers' end"),
		  &r->err);
	assert_true(vmoon_ldstate_call(r->s, 0, 0));
}

/* A file of that many bytes in a folder of its own. */
static void put_file(const char *folder, size_t size)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/big.lua", folder);
	f = fopen(path, "we");
	assert_non_null(f);
	for (size_t i = 0; i < size; i++)
		(void)fputc('\n', f);
	(void)fclose(f);
}

static void remove_all(const char *folder)
{
	static const char *const names[] = {"big", "pipe", "code", "link"};
	char path[128];

	for (size_t i = 0; i < VMOON_COUNTOF(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s.lua", folder,
			       names[i]);
		(void)unlink(path);
	}
	(void)rmdir(folder);
}

static void test_ldlib__require_refuses_what_is_no_text_file(void **state)
{
	char folder[] = "/tmp/vmoon-ldlib-XXXXXX", path[128];
	struct ldstate_rig r;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(folder));
	rig_open(&r, (struct vmoon_ldstate_options){.folder = folder});
	put_file(folder, (1 << 20) + 1);
	assert_int_equal(rig_try(&r, "require 'big'"), VMOON_E_SCRIPT);
	assert_non_null(strstr(r.err.msg, "more than 1 MiB"));
	(void)snprintf(path, sizeof(path), "%s/pipe.lua", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(rig_try(&r, "require 'pipe'"), VMOON_E_SCRIPT);
	assert_non_null(strstr(r.err.msg, "not a file"));
	(void)snprintf(path, sizeof(path), "%s/link.lua", folder);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(rig_try(&r, "require 'link'"), VMOON_E_SCRIPT);
	assert_non_null(strstr(r.err.msg, "link.lua): a link"));
	(void)snprintf(path, sizeof(path), "%s/code.lua", folder);
	f = fopen(path, "we");
	assert_non_null(f);
	(void)fputs("\x1bLua", f);
	(void)fclose(f);
	assert_int_equal(rig_try(&r, "require 'code'"), VMOON_E_SCRIPT);
	assert_non_null(
		strstr(r.err.msg, "it is binary data, not a Lua script"));
	rig_close(&r);
	remove_all(folder);
}

static void test_ldlib__without_a_folder_there_are_no_files(void **state)
{
	struct ldstate_rig r;

	(void)state;
	rig_open(&r, (struct vmoon_ldstate_options){0});
	rig_fails(&r, "require 'numbers'", VMOON_E_SCRIPT,
		  "test:1: module 'numbers' not found: a device without a "
		  "folder has "
		  "no other files");
	rig_close(&r);
}

static void keep_line(void *ctx, const char *line)
{
	(void)snprintf(ctx, 2000, "%s", line);
}

static void test_ldlib__print_is_for_the_owner(void **state)
{
	struct ldstate_rig *r = *state;
	char line[2000] = "";

	rig_run(r, "print('nobody hears')");
	vmoon_ldstate_set_log(r->s, keep_line, line);
	rig_run(r, "print('a', 1, nil, true)");
	assert_string_equal(line, "a\t1\tnil\ttrue");
	rig_run(r, "print(('x'):rep(5000), 1)");
	assert_int_equal(strlen(line), 1023);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static const struct CMUnitTest tests[] = {
	RIG(test_y_19__the_library_is_this_list),
	RIG(test_ldlib__methods_of_strings_are_the_same),
	RIG(test_ldlib__a_global_that_is_none_is_an_error),
	RIG(test_ldlib__table_functions_are_as_lua_has_them),
	RIG(test_ldlib__move_concat_and_unpack_are_as_lua_has_them),
	RIG(test_ldlib__numbers_are_taken_as_lua_takes_them),
	RIG(test_ldlib__sort_sorts_and_keeps_the_order_of_equals),
	RIG(test_ldlib__format_is_as_lua_has_it),
	RIG(test_ldlib__chance_is_the_same_in_each_state),
	RIG(test_ldlib__coroutines_are_as_lua_has_them),
	RIG(test_ldlib__load_takes_text),
	RIG(test_ldlib__require_finds_modules_and_the_folders_files),
	RIG(test_ldlib__require_reads_nothing_in_a_call),
	RIG(test_ldlib__require_refuses_what_is_no_text_file),
	RIG(test_ldlib__without_a_folder_there_are_no_files),
	RIG(test_ldlib__print_is_for_the_owner),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
