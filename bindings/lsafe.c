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

/* Finalizers would run without the hook: there are none. */
static int safe_setmetatable(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 2);
	if (lua_istable(L, 2)) {
		lua_pushliteral(L, "__gc");
		if (lua_rawget(L, 2) != LUA_TNIL)
			return luaL_error(L, "__gc does not exist in a script "
					     "that is only checked");
		lua_pop(L, 1);
	}
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, 2, 1);
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
	lua_getglobal(L, "setmetatable");
	lua_pushcclosure(L, safe_setmetatable, 1);
	lua_setglobal(L, "setmetatable");
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
