/* SPDX-License-Identifier: MIT */
/*
 * lsafe.c - what the config state has of Lua's standard library: base without
 * loading, string, table, math, utf8, and stand-ins that do no harm for the
 * parts of io and os that a script uses on its way to its specs.
 */
#include "lsafe.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lmatch.h"
#include "lmod.h"
#include "lwall.h"
#include "vmoon/base.h"

static int ignore_call(lua_State *L)
{
	(void)L;
	return 0;
}

/* Only our own variables: the rest of the environment is nobody's business. */
static int safe_getenv(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);

	lua_pushstring(L,
		       strncmp(name, "VMOON_", 6) == 0 ? getenv(name) : NULL);
	return 1;
}

static int safe_time(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)time(NULL));
	return 1;
}

static int safe_clock(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)clock() / CLOCKS_PER_SEC);
	return 1;
}

static int return_self(lua_State *L)
{
	lua_settop(L, 1);
	return 1;
}

static int safe_require(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);

	if (strcmp(name, "vmoon") != 0)
		return luaL_error(L,
				  "module '%s' cannot be loaded while a script "
				  "is only checked",
				  name);
	lua_pushvalue(L, lua_upvalueindex(1));
	return 1;
}

static int safe_rep(lua_State *L)
{
	if (vmoon_lwall_is_empty_rep(L))
		return 1;
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, 1);
	return 1;
}

static const luaL_Reg safe_os[] = {
	{"getenv", safe_getenv},
	{"time", safe_time},
	{"clock", safe_clock},
	{NULL, NULL},
};

static const luaL_Reg safe_file[] = {
	{"write", return_self}, {"flush", return_self},
	{"close", ignore_call}, {"setvbuf", ignore_call},
	{NULL, NULL},
};

static void open_io(lua_State *L)
{
	lua_newtable(L);
	lua_pushcfunction(L, ignore_call);
	lua_setfield(L, -2, "write");
	luaL_newlib(L, safe_file);
	lua_pushvalue(L, -1);
	lua_setfield(L, -3, "stdout");
	lua_setfield(L, -2, "stderr");
	lua_setglobal(L, "io");
}

static void open_base(lua_State *L)
{
	static const char *const absent[] = {
		"collectgarbage", "dofile", "load", "loadfile", "warn",
	};

	luaL_requiref(L, "_G", luaopen_base, 1);
	lua_pop(L, 1);
	for (size_t i = 0; i < VMOON_COUNTOF(absent); i++) {
		lua_pushnil(L);
		lua_setglobal(L, absent[i]);
	}
	lua_pushcfunction(L, ignore_call);
	lua_setglobal(L, "print");
	lua_pushglobaltable(L);
	vmoon_lwall_guard_setmetatable(
		L, "__gc does not exist in a script that is "
		   "only checked");
	vmoon_lwall_guard_xpcall(L);
	lua_pop(L, 1);
}

static void open_libraries(lua_State *L)
{
	static const luaL_Reg libraries[] = {
		{"string", luaopen_string},
		{"table", luaopen_table},
		{"math", luaopen_math},
		{"utf8", luaopen_utf8},
	};

	for (size_t i = 0; i < VMOON_COUNTOF(libraries); i++) {
		luaL_requiref(L, libraries[i].name, libraries[i].func, 1);
		lua_pop(L, 1);
	}
	lua_getglobal(L, "string");
	lua_pushnil(L);
	lua_setfield(L, -2, "dump");
	lua_getfield(L, -1, "rep");
	lua_pushcclosure(L, safe_rep, 1);
	lua_setfield(L, -2, "rep");
	vmoon_lmatch_open(L);
	lua_pop(L, 1);
	luaL_newlib(L, safe_os);
	lua_setglobal(L, "os");
	open_io(L);
}

void vmoon_lsafe_open(lua_State *L)
{
	open_libraries(L);
	open_base(L);
	lua_newtable(L);
	lua_setglobal(L, "arg");
}

void vmoon_lsafe_set_require(lua_State *L)
{
	lua_pushcclosure(L, safe_require, 1);
	lua_setglobal(L, "require");
}

/* ---- the globals of the script ---- */

/* Raises what core.undefined_global or core.set_global says of a name. */
static int refuse_global(lua_State *L, const char *function)
{
	luaL_where(L, 1);
	vmoon_lmod_push_core(L);
	lua_getfield(L, -1, function);
	lua_remove(L, -2);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_call(L, 2, 1);
	lua_concat(L, 2);
	return lua_error(L);
}

static int get_global(lua_State *L)
{
	lua_settop(L, 2);
	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(1)) == LUA_TNIL)
		return refuse_global(L, "undefined_global");
	return 1;
}

static int set_global(lua_State *L)
{
	lua_settop(L, 2);
	return refuse_global(L, "set_global");
}

/* The copy of the table on the top takes its place. */
static void copy_table(lua_State *L)
{
	int from = lua_gettop(L);

	lua_newtable(L);
	lua_pushnil(L);
	while (lua_next(L, from) != 0) {
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		lua_rawset(L, from + 1);
	}
	lua_remove(L, from);
}

/* All globals and, one level down, copies of the libraries. */
static void push_copies(lua_State *L)
{
	int copies;

	lua_pushglobaltable(L);
	copy_table(L);
	copies = lua_gettop(L);
	lua_pushnil(L);
	while (lua_next(L, copies) != 0) {
		if (lua_istable(L, -1)) {
			copy_table(L);
			lua_pushvalue(L, -2);
			lua_insert(L, -2);
			lua_rawset(L, copies); /* the field is there */
		} else {
			lua_pop(L, 1);
		}
	}
}

void vmoon_lsafe_push_environment(lua_State *L)
{
	static const luaL_Reg metamethods[] = {
		{"__index", get_global},
		{"__newindex", set_global},
		{NULL, NULL},
	};
	int environment;

	/* Methods of strings are the ones that our own parts use. */
	vmoon_lwall_lock_strings(L);
	lua_newtable(L);
	environment = lua_gettop(L);
	lua_newtable(L);
	push_copies(L);
	lua_pushvalue(L, environment);
	lua_setfield(L, -2, "_G");
	luaL_setfuncs(L, metamethods, 1);
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, environment);
}
