/* SPDX-License-Identifier: MIT */
/*
 * ldmodule.c - require "vmoon.device" of a device's state: three functions,
 * each of which gives back the table that it was given, and the methods of
 * buffers. What kind a table is stays in a list that no script reaches.
 */
#include "ldmodule.h"

#include <lauxlib.h>

#include "ldlib_parts.h"
#include "ldvirtio.h"

/* Table -> kind. */
static const char marks_key;

static const struct {
	const char *name;
	enum vmoon_ldspec_kind kind;
} kinds[] = {
	{"mmio", VMOON_LDSPEC_MMIO},
	{"pio", VMOON_LDSPEC_PIO},
	{"virtio", VMOON_LDSPEC_VIRTIO},
};

/* Upvalue: index into kinds. */
static int mark(lua_State *L)
{
	const lua_Integer i = lua_tointeger(L, lua_upvalueindex(1));

	if (!lua_istable(L, 1))
		return luaL_error(L,
				  "dev.%s takes a table, got %s: dev.%s { "
				  "name = \"counter\", ... }",
				  kinds[i].name,
				  lua_isnone(L, 1) ? "nothing"
						   : luaL_typename(L, 1),
				  kinds[i].name);
	lua_settop(L, 1);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &marks_key);
	lua_pushvalue(L, 1);
	lua_pushinteger(L, kinds[i].kind);
	lua_rawset(L, 2);
	lua_settop(L, 1);
	return 1;
}

/* Upvalue: the module's functions. */
static int refuse_read(lua_State *L)
{
	lua_settop(L, 2);
	vmoon_ldlib_push_text(L, 2);
	vmoon_ldlib_push_hint(L, lua_tostring(L, 3), lua_upvalueindex(1));
	return luaL_error(L, "vmoon.device has no '%s'%s", lua_tostring(L, 3),
			  lua_tostring(L, 4));
}

static int refuse_write(lua_State *L)
{
	return luaL_error(L, "vmoon.device is read-only");
}

void vmoon_ldmodule_open(lua_State *L)
{
	luaL_checkstack(L, 6, NULL);
	lua_newtable(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &marks_key);
	lua_newtable(L); /* what a script gets: empty, so that it stays as is */
	lua_createtable(L, 0, 4);
	lua_createtable(L, 0, (int)VMOON_COUNTOF(kinds) + 1);
	for (size_t i = 0; i < VMOON_COUNTOF(kinds); i++) {
		lua_pushinteger(L, (lua_Integer)i);
		lua_pushcclosure(L, mark, 1);
		lua_setfield(L, -2, kinds[i].name);
	}
	vmoon_ldbuf_push_methods(L);
	lua_setfield(L, -2, "buffer");
	lua_createtable(L, 0, 1);
	lua_pushvalue(L, -2);
	lua_pushcclosure(L, refuse_read, 1);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, refuse_write);
	lua_setfield(L, -2, "__newindex");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	vmoon_ldstate_set_module(L, "vmoon.device");
}

bool vmoon_ldmodule_kind(lua_State *L, int idx,
			 enum vmoon_ldspec_kind *out_kind)
{
	bool is_marked;

	idx = lua_absindex(L, idx);
	if (!lua_istable(L, idx))
		return false;
	lua_rawgetp(L, LUA_REGISTRYINDEX, &marks_key);
	lua_pushvalue(L, idx);
	is_marked = lua_rawget(L, -2) == LUA_TNUMBER;
	if (is_marked)
		*out_kind = (enum vmoon_ldspec_kind)lua_tointeger(L, -1);
	lua_pop(L, 2);
	return is_marked;
}
