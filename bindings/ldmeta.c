/* SPDX-License-Identifier: MIT */
/*
 * ldmeta.c - metatables in a device's state.
 *
 * Lua collects tables with weak keys alone in one step, whose time is the
 * square of their number in the worst case. They cannot be refused once and for
 * all: a script may set __mode later. So a table has a copy of the metamethods
 * of the metatable it was given, never that itself, and getmetatable shows the
 * original. What is added to the original later goes into the copy too, by a
 * metatable of its own where it has none; what is changed there counts from the
 * next setmetatable on.
 */
#include <lauxlib.h>
#include <string.h>

#include "ldlib_parts.h"
#include "vmoon/base.h"

static const char *const metamethods[] = {
	"__add",   "__band",   "__bnot",     "__bor",       "__bxor", "__call",
	"__close", "__concat", "__div",      "__eq",        "__idiv", "__index",
	"__le",    "__len",    "__lt",       "__metatable", "__mod",  "__mode",
	"__mul",   "__name",   "__newindex", "__pairs",     "__pow",  "__shl",
	"__shr",   "__sub",    "__unm",      "__tostring"};

/* In the registry: the copy of each original; gone when no table has it. */
static const char copies_key;
/* In the registry: what originals have that had no metatable. */
static const char guard_key;
/* In a copy: its original. */
static const char original_key;

/* The value is on the top. */
static void check_mode(lua_State *L)
{
	const char *mode =
		lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";

	if (strchr(mode, 'k') != NULL && strchr(mode, 'v') == NULL)
		luaL_error(L, "weak keys alone do not exist in a device's "
			      "code: __mode is \"v\" or \"kv\"");
}

static void check_metatable(lua_State *L, int mt)
{
	lua_pushliteral(L, "__gc");
	if (lua_rawget(L, mt) != LUA_TNIL)
		luaL_error(L, "__gc does not exist in a device's code");
	lua_pushliteral(L, "__mode");
	lua_rawget(L, mt);
	check_mode(L);
	lua_pop(L, 2);
}

/* Into the copy on the top. */
static void copy_metamethods(lua_State *L, int mt, int names)
{
	const int copy = lua_gettop(L);

	for (size_t i = 0; i < VMOON_COUNTOF(metamethods); i++) {
		lua_rawgeti(L, names, (lua_Integer)i + 1);
		lua_pushvalue(L, -1);
		lua_rawget(L, mt);
		lua_rawset(L, copy);
	}
}

static void add_guard(lua_State *L, int mt)
{
	if (lua_getmetatable(L, mt) != 0) {
		lua_pop(L, 1);
		return;
	}
	lua_rawgetp(L, LUA_REGISTRYINDEX, &guard_key);
	lua_setmetatable(L, mt);
}

/* The copy that mt has, or a new one. */
static void push_copy(lua_State *L, int mt) /* +1 */
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &copies_key);
	lua_pushvalue(L, mt);
	if (lua_rawget(L, -2) == LUA_TNIL) {
		lua_pop(L, 1);
		lua_createtable(L, 0, 4);
		lua_pushvalue(L, mt);
		lua_rawsetp(L, -2, &original_key);
		lua_pushvalue(L, mt);
		lua_pushvalue(L, -2);
		lua_rawset(L, -4);
	}
	lua_remove(L, -2);
}

/* Upvalue: the names of metamethods. */
static int guarded_setmetatable(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2,
			 "nil or table");
	lua_settop(L, 2);
	if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
		return luaL_error(L, "cannot change a protected metatable");
	if (lua_istable(L, 2)) {
		check_metatable(L, 2);
		push_copy(L, 2);
		copy_metamethods(L, 2, lua_upvalueindex(1));
		add_guard(L, 2);
	}
	lua_setmetatable(L, 1);
	lua_settop(L, 1);
	return 1;
}

static int guarded_getmetatable(lua_State *L)
{
	luaL_checkany(L, 1);
	lua_settop(L, 1);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &guard_key);
	if (lua_getmetatable(L, 1) == 0 || lua_rawequal(L, 2, 3)) {
		lua_pushnil(L);
		return 1;
	}
	lua_pushliteral(L, "__metatable");
	if (lua_rawget(L, 3) != LUA_TNIL)
		return 1;
	lua_pop(L, 1);
	if (lua_rawgetp(L, 3, &original_key) == LUA_TNIL)
		lua_pop(L, 1);
	return 1;
}

static bool is_metamethod(lua_State *L, int idx)
{
	const char *name =
		lua_type(L, idx) == LUA_TSTRING ? lua_tostring(L, idx) : "";

	for (size_t i = 0; i < VMOON_COUNTOF(metamethods); i++)
		if (strcmp(name, metamethods[i]) == 0)
			return true;
	return false;
}

/* A key that an original did not have. */
static int guard_newindex(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 3);
	if (is_metamethod(L, 2)) {
		if (strcmp(lua_tostring(L, 2), "__mode") == 0)
			check_mode(L);
		lua_rawgetp(L, LUA_REGISTRYINDEX, &copies_key);
		lua_pushvalue(L, 1);
		if (lua_rawget(L, -2) == LUA_TTABLE) {
			lua_pushvalue(L, 2);
			lua_pushvalue(L, 3);
			lua_rawset(L, -3);
		}
		lua_settop(L, 3);
	}
	lua_rawset(L, 1);
	return 0;
}

/* ---- opening ---- */

static void push_names(lua_State *L) /* +1 */
{
	lua_createtable(L, (int)VMOON_COUNTOF(metamethods), 0);
	for (size_t i = 0; i < VMOON_COUNTOF(metamethods); i++) {
		lua_pushstring(L, metamethods[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

void vmoon_ldlib_guard_metatables(lua_State *L)
{
	lua_newtable(L); /* weak both ways: who makes many does not keep them */
	lua_createtable(L, 0, 1);
	lua_pushliteral(L, "kv");
	lua_setfield(L, -2, "__mode");
	lua_setmetatable(L, -2);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &copies_key);
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, guard_newindex);
	lua_setfield(L, -2, "__newindex");
	lua_rawsetp(L, LUA_REGISTRYINDEX, &guard_key);
	push_names(L);
	lua_pushcclosure(L, guarded_setmetatable, 1);
	lua_setfield(L, -2, "setmetatable");
	lua_pushcfunction(L, guarded_getmetatable);
	lua_setfield(L, -2, "getmetatable");
}
