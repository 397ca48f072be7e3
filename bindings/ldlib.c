/* SPDX-License-Identifier: MIT */
/*
 * ldlib.c - the standard library of a device's state: an allow list, read only.
 *
 * A script's globals are an empty table; what it reads comes from the table of
 * its metatable, which it cannot reach. Libraries are wrapped the same way, so
 * nothing that runs in the state can change them for anything else that does.
 */
#include "ldlib.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "ldlib_parts.h"
#include "lwall.h"

enum { CHUNK_MAX = 1 << 20 };

/* ---- base ---- */

/* Tables that are locked are read only. */
static int device_rawset(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_checkany(L, 2);
	luaL_checkany(L, 3);
	if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
		return luaL_error(L, "cannot change a protected table");
	lua_settop(L, 3);
	lua_rawset(L, 1);
	return 1;
}

/* The pieces that the function at 1 returns, as one string in its place. */
static void read_pieces(lua_State *L)
{
	luaL_Buffer b;
	size_t all = 0, len = 1;

	vmoon_ldguard_check_depth(L);
	luaL_buffinit(L, &b);
	while (len > 0) {
		lua_pushvalue(L, 1);
		lua_call(L, 0, 1);
		if (lua_isnil(L, -1)) {
			lua_pop(L, 1);
			break;
		}
		if (!lua_isstring(L, -1))
			luaL_error(L, "reader function must return a string");
		len = lua_rawlen(L, -1);
		all += len;
		if (all > CHUNK_MAX)
			luaL_error(L, "chunk is longer than 1 MiB");
		luaL_addvalue(&b);
	}
	luaL_pushresult(&b);
	lua_replace(L, 1);
}

/* Text only, whatever mode says. */
static int device_load(lua_State *L)
{
	const bool has_environment = !lua_isnone(L, 4);
	const char *text, *name;
	size_t len;

	lua_settop(L, 4);
	if (lua_isfunction(L, 1))
		read_pieces(L);
	text = luaL_checklstring(L, 1, &len);
	if (len > CHUNK_MAX)
		return luaL_error(L, "chunk is longer than 1 MiB");
	name = luaL_optstring(L, 2, text);
	if (vmoon_ldguard_load(L, text, len, name) != LUA_OK) {
		luaL_pushfail(L);
		lua_insert(L, -2);
		return 2;
	}
	if (has_environment) {
		lua_pushvalue(L, 4);
		if (lua_setupvalue(L, -2, 1) == NULL)
			lua_pop(L, 1);
	}
	return 1;
}

/* ---- what is read only ---- */

/* Upvalue: the name of the library; nil: the globals. */
static int refuse_write(lua_State *L)
{
	const char *library = lua_tostring(L, lua_upvalueindex(1));

	lua_settop(L, 2);
	vmoon_ldlib_push_text(L, 2);
	if (library == NULL)
		return luaL_error(L,
				  "attempt to set global '%s': write \"local\" "
				  "before it",
				  lua_tostring(L, -1));
	return luaL_error(L,
			  "attempt to set field '%s' of '%s', which is "
			  "read-only",
			  lua_tostring(L, -1), library);
}

/* The table on the top is replaced by one that only shows it. */
static void wrap(lua_State *L, const char *library)
{
	lua_newtable(L);
	lua_createtable(L, 0, 3);
	lua_pushvalue(L, -3);
	lua_setfield(L, -2, "__index");
	lua_pushstring(L, library);
	lua_pushcclosure(L, refuse_write, 1);
	lua_setfield(L, -2, "__newindex");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_replace(L, -2);
}

static const char *why_absent(const char *name)
{
	static const char *const absent[] = {
		"collectgarbage", "debug", "dofile",  "io",
		"loadfile",       "os",    "package", "warn",
	};

	for (size_t i = 0; i < VMOON_COUNTOF(absent); i++)
		if (strcmp(name, absent[i]) == 0)
			return " (a device's code has no access to the host)";
	return NULL;
}

/* __index of the table of globals: (globals, name). */
static int refuse_undefined(lua_State *L)
{
	const char *name, *why = NULL;

	lua_settop(L, 2);
	if (lua_type(L, 2) == LUA_TSTRING)
		why = why_absent(lua_tostring(L, 2));
	vmoon_ldlib_push_text(L, 2);
	name = lua_tostring(L, 3);
	if (why != NULL)
		lua_pushstring(L, why);
	else
		vmoon_ldlib_push_hint(L, name, 1);
	return luaL_error(L, "attempt to use undefined global '%s'%s", name,
			  lua_tostring(L, 4));
}

/* ---- all of it ---- */

struct library {
	const char *name;
	void (*push)(lua_State *L);   /* Lua's own table, guarded */
	const char *const *functions; /* that are kept of it; NULL ends them */
};

static const char *const base_functions[] = {
	"_VERSION", "assert",   "error",        "getmetatable", "ipairs",
	"load",     "next",     "pairs",        "pcall",        "print",
	"rawequal", "rawget",   "rawlen",       "rawset",       "require",
	"select",   "tostring", "setmetatable", "tonumber",     "type",
	"xpcall",   NULL,
};

static const char *const coroutine_functions[] = {
	"close",  "create", "isyieldable", "resume", "running",
	"status", "wrap",   "yield",       NULL,
};

static const char *const math_functions[] = {
	"abs",  "acos",   "asin",      "atan",       "ceil",       "cos",
	"deg",  "exp",    "floor",     "fmod",       "huge",       "log",
	"max",  "min",    "modf",      "maxinteger", "mininteger", "pi",
	"rad",  "random", "sin",       "randomseed", "sqrt",       "tan",
	"type", "ult",    "tointeger", NULL,
};

static const char *const string_functions[] = {
	"byte", "char",     "find",   "format", "gmatch", "gsub",
	"len",  "lower",    "match",  "pack",   "rep",    "reverse",
	"sub",  "packsize", "unpack", "upper",  NULL,
};

static const char *const table_functions[] = {
	"concat", "insert", "move", "pack", "remove", "sort", "unpack", NULL,
};

static const char *const utf8_functions[] = {
	"char", "charpattern", "codepoint", "codes", "len", "offset", NULL,
};

static void push_base(lua_State *L)
{
	static const luaL_Reg own[] = {
		{"load", device_load},
		{"print", vmoon_ldlib_print},
		{"rawset", device_rawset},
		{"require", vmoon_ldlib_require},
		{"tostring", vmoon_ldlib_tostring},
		{NULL, NULL},
	};

	luaopen_base(L);
	vmoon_lwall_guard_xpcall(L);
	vmoon_ldlib_guard_metatables(L);
	luaL_setfuncs(L, own, 0);
}

static bool is_listed(const char *const *functions, const char *name)
{
	for (; *functions != NULL; functions++)
		if (strcmp(*functions, name) == 0)
			return true;
	return false;
}

/*
 * Takes all else out of the table on the top. In place: methods of strings are
 * looked up in the table that Lua made.
 */
static void keep(lua_State *L, const char *const *functions)
{
	lua_pushnil(L);
	while (lua_next(L, -2) != 0) {
		lua_pop(L, 1);
		if (is_listed(functions, lua_tostring(L, -1)))
			continue;
		lua_pushvalue(L, -1);
		lua_pushnil(L);
		lua_rawset(L, -4);
	}
}

void vmoon_ldlib_open(lua_State *L)
{
	static const struct library libraries[] = {
		{"coroutine", vmoon_ldlib_push_coroutine, coroutine_functions},
		{"math", vmoon_ldlib_push_math, math_functions},
		{"string", vmoon_ldlib_push_string, string_functions},
		{"table", vmoon_ldlib_push_table, table_functions},
		{"utf8", vmoon_ldlib_push_utf8, utf8_functions},
	};

	push_base(L);
	keep(L, base_functions);
	for (size_t i = 0; i < VMOON_COUNTOF(libraries); i++) {
		libraries[i].push(L);
		keep(L, libraries[i].functions);
		wrap(L, libraries[i].name);
		lua_setfield(L, -2, libraries[i].name);
	}
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, refuse_undefined);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
	/* _G is what all globals are read through. */
	lua_pushvalue(L, -1);
	wrap(L, NULL);
	lua_pushvalue(L, -1);
	lua_setfield(L, -3, "_G");
	lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
	lua_pop(L, 1);
}
