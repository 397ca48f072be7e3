/* SPDX-License-Identifier: MIT */
/* lwall.c - what the walled states have in common: config's and devices'. */
#include "lwall.h"

#include <lauxlib.h>

/* Upvalues: Lua's own, and what to say of a finalizer. */
static int guarded_setmetatable(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 2);
	if (lua_istable(L, 2)) {
		lua_pushliteral(L, "__gc");
		if (lua_rawget(L, 2) != LUA_TNIL)
			return luaL_error(L, "%s",
					  lua_tostring(L, lua_upvalueindex(2)));
		lua_pop(L, 1);
	}
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, 2, 1);
	return 1;
}

/*
 * xpcall whose handler runs after the call, not inside the failing one: a
 * handler that an error of the hook starts would run without the hook.
 */
static int guarded_xpcall(lua_State *L)
{
	int count = lua_gettop(L);

	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_pushvalue(L, 2);
	lua_remove(L, 2);
	lua_insert(L, 1); /* handler, function, arguments */
	if (lua_pcall(L, count - 2, LUA_MULTRET, 0) == LUA_OK) {
		lua_pushboolean(L, 1);
		lua_replace(L, 1);
		return lua_gettop(L);
	}
	lua_pushboolean(L, 0);
	lua_insert(L, 1);
	if (lua_pcall(L, 1, LUA_MULTRET, 0) != LUA_OK)
		lua_settop(L, 2);
	return lua_gettop(L);
}

void vmoon_lwall_guard_setmetatable(lua_State *L, const char *no_finalizers)
{
	lua_getfield(L, -1, "setmetatable");
	lua_pushstring(L, no_finalizers);
	lua_pushcclosure(L, guarded_setmetatable, 2);
	lua_setfield(L, -2, "setmetatable");
}

void vmoon_lwall_guard_xpcall(lua_State *L)
{
	lua_pushcfunction(L, guarded_xpcall);
	lua_setfield(L, -2, "xpcall");
}

void vmoon_lwall_lock_strings(lua_State *L)
{
	lua_pushliteral(L, "");
	lua_getmetatable(L, -1);
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 2);
}

bool vmoon_lwall_is_empty_rep(lua_State *L)
{
	size_t len, separator_len;

	luaL_checklstring(L, 1, &len);
	luaL_optlstring(L, 3, "", &separator_len);
	if (len != 0 || separator_len != 0)
		return false;
	luaL_checkinteger(L, 2);
	lua_settop(L, 1);
	return true;
}
