/* SPDX-License-Identifier: MIT */
/*
 * ldco.c - coroutines of a device's state. The budget has to know which one
 * runs, since a hook reaches one thread of Lua only; and one that the budget
 * stopped is not closed, since its __close would run without a hook.
 */
#include "ldlib_parts.h"

#include <lauxlib.h>
#include <lualib.h>

static lua_State *check_coroutine(lua_State *L)
{
	lua_State *co = lua_tothread(L, 1);

	luaL_argexpected(L, co != NULL, 1, "coroutine");
	return co;
}

/* Of the arguments on the top; results, or -1 and the error, on L's top. */
static int resume(lua_State *L, lua_State *co, int nargs)
{
	lua_State *before;
	int status, count;

	vmoon_ldguard_check_depth(L);
	if (lua_checkstack(co, nargs) == 0) {
		lua_pushliteral(L, "too many arguments to resume");
		return -1;
	}
	lua_xmove(L, co, nargs);
	before = vmoon_ldguard_switch(co);
	status = lua_resume(co, L, nargs, &count);
	(void)vmoon_ldguard_switch(before);
	vmoon_ldguard_check(L);
	if (status != LUA_OK && status != LUA_YIELD) {
		lua_xmove(co, L, 1);
		return -1;
	}
	if (lua_checkstack(L, count + 1) == 0) {
		lua_pop(co, count);
		lua_pushliteral(L, "too many results to resume");
		return -1;
	}
	lua_xmove(co, L, count);
	return count;
}

static int device_resume(lua_State *L)
{
	lua_State *co = check_coroutine(L);
	int count = resume(L, co, lua_gettop(L) - 1);

	lua_pushboolean(L, count >= 0);
	if (count < 0) {
		lua_insert(L, -2);
		return 2;
	}
	lua_insert(L, -(count + 1));
	return count + 1;
}

/* Runs what the coroutine has to close; its status, an error on its top. */
static int close_thread(lua_State *L, lua_State *co)
{
	lua_State *before;
	int status;

	vmoon_ldguard_check_depth(L);
	before = vmoon_ldguard_switch(co);
	status = lua_resetthread(co);
	(void)vmoon_ldguard_switch(before);
	vmoon_ldguard_check(L);
	return status;
}

static int device_close(lua_State *L)
{
	lua_State *co = check_coroutine(L);
	const int status = lua_status(co);
	lua_Debug ar;

	if (co == L || (status == LUA_OK && lua_getstack(co, 0, &ar) != 0))
		return luaL_error(L, "cannot close a running coroutine");
	if (status != LUA_OK && status != LUA_YIELD &&
	    vmoon_ldguard_was_stopped(co)) {
		lua_pushboolean(L, 0);
		lua_pushliteral(L, "exceeded its budget");
		return 2;
	}
	if (close_thread(L, co) == LUA_OK) {
		lua_pushboolean(L, 1);
		return 1;
	}
	lua_pushboolean(L, 0);
	lua_xmove(co, L, 1);
	return 2;
}

static int wrapped(lua_State *L)
{
	lua_State *co = lua_tothread(L, lua_upvalueindex(1));
	int count = resume(L, co, lua_gettop(L));
	int status;

	if (count >= 0)
		return count;
	status = lua_status(co);
	if (status != LUA_OK && status != LUA_YIELD &&
	    !vmoon_ldguard_was_stopped(co)) {
		/* The error is on L's top already: what closing adds to it
		 * takes its place. */
		if (close_thread(L, co) != LUA_OK)
			lua_xmove(co, L, 1);
	}
	if (lua_type(L, -1) == LUA_TSTRING) {
		luaL_where(L, 1);
		lua_insert(L, -2);
		lua_concat(L, 2);
	}
	return lua_error(L);
}

static int device_wrap(lua_State *L)
{
	lua_State *co;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	co = lua_newthread(L);
	lua_pushvalue(L, 1);
	lua_xmove(L, co, 1);
	lua_pushcclosure(L, wrapped, 1);
	return 1;
}

void vmoon_ldlib_push_coroutine(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"resume", device_resume},
		{"close", device_close},
		{"wrap", device_wrap},
		{NULL, NULL},
	};

	luaopen_coroutine(L);
	luaL_setfuncs(L, functions, 0);
}
