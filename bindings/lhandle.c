/* SPDX-License-Identifier: MIT */
/* lhandle.c - userdata types whose fields and methods are strict. */
#include "lhandle.h"

#include "lmod.h"

#define METHODS_KEY "vmoon.methods"
#define PROPERTIES_KEY "vmoon.properties"

/* core.unknown_field(handle, key, methods, properties, is_assignment) */
static int raise_unknown(lua_State *L, int is_assignment)
{
	lua_settop(L, 2);
	vmoon_lmod_push_core(L);
	lua_getfield(L, -1, "unknown_field");
	lua_pushvalue(L, 1);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_pushvalue(L, lua_upvalueindex(2));
	lua_pushboolean(L, is_assignment);
	lua_call(L, 5, 1);
	return lua_error(L);
}

static bool push_method(lua_State *L)
{
	lua_settop(L, 2);
	lua_pushvalue(L, 2);
	return lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL;
}

static int handle_index(lua_State *L)
{
	if (push_method(L))
		return 1;
	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNIL) {
		lua_pushvalue(L, 1);
		lua_call(L, 1, 1);
		return 1;
	}
	if (vmoon_lmod_load_parts(L) && push_method(L))
		return 1;
	return raise_unknown(L, 0);
}

static int handle_newindex(lua_State *L)
{
	return raise_unknown(L, 1);
}

void vmoon_lhandle_open(lua_State *L, const char *type,
			const luaL_Reg *metamethods, const luaL_Reg *methods,
			const luaL_Reg *properties)
{
	luaL_checkstack(L, 6, NULL);
	luaL_newmetatable(L, type);
	luaL_setfuncs(L, metamethods, 0);
	lua_pushliteral(L, "locked");
	lua_setfield(L, -2, "__metatable");
	lua_newtable(L);
	luaL_setfuncs(L, methods, 0);
	lua_pushvalue(L, -1);
	lua_setfield(L, -3, METHODS_KEY);
	lua_newtable(L);
	luaL_setfuncs(L, properties, 0);
	lua_pushvalue(L, -1);
	lua_setfield(L, -4, PROPERTIES_KEY);
	lua_pushvalue(L, -2);
	lua_pushvalue(L, -2);
	lua_pushcclosure(L, handle_newindex, 2);
	lua_setfield(L, -4, "__newindex");
	lua_pushcclosure(L, handle_index, 2);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}

void vmoon_lhandle_push_methods(lua_State *L, const char *type)
{
	luaL_getmetatable(L, type);
	lua_getfield(L, -1, METHODS_KEY);
	lua_remove(L, -2);
}

void vmoon_lhandle_push_properties(lua_State *L, const char *type)
{
	luaL_getmetatable(L, type);
	lua_getfield(L, -1, PROPERTIES_KEY);
	lua_remove(L, -2);
}
