/* SPDX-License-Identifier: MIT */
/*
 * linline.c - devices that a script describes itself, in its own state: the
 * constructors, and what inline.lua needs to take functions apart.
 */
#include <lauxlib.h>

#include "ldinline.h"
#include "lmod.h"

/* Table -> kind; weak, so that a device goes with its script's table. */
static const char marks_key;

static void push_marks(lua_State *L)
{
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &marks_key) == LUA_TTABLE)
		return;
	lua_pop(L, 1);
	lua_newtable(L);
	lua_createtable(L, 0, 1);
	lua_pushliteral(L, "k");
	lua_setfield(L, -2, "__mode");
	lua_setmetatable(L, -2);
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &marks_key);
}

static int mark(lua_State *L, enum vmoon_ldspec_kind kind)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	push_marks(L);
	lua_pushvalue(L, 1);
	lua_pushinteger(L, kind);
	lua_rawset(L, 2);
	lua_settop(L, 1);
	return 1;
}

static int mark_mmio(lua_State *L)
{
	return mark(L, VMOON_LDSPEC_MMIO);
}

static int mark_pio(lua_State *L)
{
	return mark(L, VMOON_LDSPEC_PIO);
}

static int mark_virtio(lua_State *L)
{
	return mark(L, VMOON_LDSPEC_VIRTIO);
}

int vmoon_linline_open_module(lua_State *L)
{
	static const luaL_Reg constructors[] = {
		{"mmio", mark_mmio},
		{"pio", mark_pio},
		{"virtio", mark_virtio},
		{NULL, NULL},
	};

	luaL_checkversion(L);
	luaL_newlib(L, constructors);
	return 1;
}

bool vmoon_linline_kind(lua_State *L, int idx, enum vmoon_ldspec_kind *out_kind)
{
	bool is_marked;

	idx = lua_absindex(L, idx);
	if (lua_type(L, idx) != LUA_TTABLE)
		return false;
	luaL_checkstack(L, 6, NULL);
	push_marks(L);
	lua_pushvalue(L, idx);
	is_marked = lua_rawget(L, -2) == LUA_TNUMBER;
	if (is_marked) /* by mark */
		*out_kind = (enum vmoon_ldspec_kind)lua_tointeger(L, -1);
	lua_pop(L, 2);
	return is_marked;
}

bool vmoon_linline_is_device(lua_State *L, int idx)
{
	enum vmoon_ldspec_kind kind;

	return vmoon_linline_kind(L, idx, &kind);
}

void vmoon_linline_pack(lua_State *L, int idx)
{
	idx = lua_absindex(L, idx);
	luaL_checkstack(L, 8, NULL);
	vmoon_lmod_push_core(L);
	lua_getfield(L, -1, "inline");
	lua_remove(L, -2);
	lua_pushvalue(L, idx);
	push_marks(L);
	lua_pushvalue(L, idx);
	lua_rawget(L, -2);
	lua_remove(L, -2);
	lua_call(L, 2, 3);
	lua_rotate(L, -3, -1);
}

/* ---- for inline.lua ---- */

struct code {
	luaL_Buffer buffer;
	bool has_begun;
};

/* The buffer has the top of the stack, above the function. */
static int add_bytes(lua_State *L, const void *bytes, size_t len, void *ctx)
{
	struct code *code = ctx;

	if (!code->has_begun)
		luaL_buffinit(L, &code->buffer);
	code->has_begun = true;
	luaL_addlstring(&code->buffer, bytes, len);
	return 0;
}

/* core.dump(fn) -> its code and how many variables it has captured; or nil */
static int core_dump(lua_State *L)
{
	struct code code = {.has_begun = false};
	lua_Debug ar;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	lua_settop(L, 1);
	if (lua_iscfunction(L, 1))
		return 0;
	lua_pushvalue(L, 1);
	if (lua_getinfo(L, ">u", &ar) == 0)
		return 0;
	if (lua_dump(L, add_bytes, &code, 0) != 0 || !code.has_begun)
		return luaL_error(L, "the function cannot be dumped");
	luaL_pushresult(&code.buffer);
	lua_pushinteger(L, ar.nups);
	return 2;
}

/* core.upvalue(fn, i) -> name, value, what it is known by */
static int core_upvalue(lua_State *L)
{
	const lua_Integer i = luaL_checkinteger(L, 2);
	const char *name;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	luaL_argcheck(L, i >= 1 && i <= 255, 2, "no such variable");
	name = lua_getupvalue(L, 1, (int)i);
	luaL_argcheck(L, name != NULL, 2, "no such variable");
	lua_pushstring(L, name);
	lua_insert(L, -2);
	lua_pushlightuserdata(L, lua_upvalueid(L, 1, (int)i));
	return 3;
}

static int core_globals(lua_State *L)
{
	lua_pushglobaltable(L);
	return 1;
}

static const luaL_Reg functions[] = {
	{"dump", core_dump},
	{"globals", core_globals},
	{"upvalue", core_upvalue},
	{NULL, NULL},
};

void vmoon_linline_open_core(lua_State *L)
{
	luaL_setfuncs(L, functions, 0);
}
