/* SPDX-License-Identifier: MIT */
/*
 * lbench_script.c - where = "script": hooks of an inline device that stay in
 * the script, on a bench. The device's state calls a function of C, which
 * carries plain values over to the script's function and its results back. All
 * of it is one thread's; the bench itself is closed to the function meanwhile.
 */
#include <lauxlib.h>

#include "lbench.h"
#include "ldfar.h"
#include "ldpack.h"
#include "lmod.h"

#define FAR_TYPE "vmoon.far"

/* What the script's d stands for, while a hook runs. */
struct vmoon_lfar {
	lua_State *L; /* the device's; NULL: no hook runs */
};

/* Fields of the table that the registry has of a bench. */
enum { FIELD_FAR = -1, FIELD_RESULT = -2, FIELD_ERROR = -3, FIELD_D = -4 };

static int push_kept(lua_State *S, const struct vmoon_lbench *self)
{
	return lua_rawgetp(S, LUA_REGISTRYINDEX, self);
}

/* ---- a hook ---- */

struct crossing {
	const struct vmoon_lbench *self;
	const unsigned char *bytes; /* arguments there, results back */
	size_t len;
	unsigned fn;
};

/* In the script's state, protected. */
static int run_there(lua_State *S)
{
	struct crossing *c = lua_touserdata(S, 1);
	const unsigned char *bytes;

	push_kept(S, c->self);
	lua_rawgeti(S, 2, (lua_Integer)c->fn + 1);
	lua_rawgeti(S, 2, FIELD_D);
	lua_call(S, 1 + vmoon_ldunpack_list(S, c->bytes, c->len), LUA_MULTRET);
	bytes = vmoon_ldfar_pack(S, 3, &c->len);
	lua_rawseti(S, 2, FIELD_RESULT); /* keeps the bytes */
	c->bytes = bytes;
	return 0;
}

/* The error is the bench method's to raise, whatever it is. */
static void keep_error(lua_State *S, const struct vmoon_lbench *self)
{
	push_kept(S, self);
	lua_insert(S, -2);
	lua_rawseti(S, -2, FIELD_ERROR);
	lua_pop(S, 1);
}

static struct vmoon_lfar *far_of(lua_State *S, const struct vmoon_lbench *self)
{
	struct vmoon_lfar *far;

	push_kept(S, self);
	lua_rawgeti(S, -1, FIELD_FAR);
	far = lua_touserdata(S, -1);
	lua_pop(S, 2);
	return far;
}

int vmoon_lbench_script(void *bench, lua_State *L, unsigned fn)
{
	struct vmoon_lbench *self = bench;
	lua_State *S = self->L;
	struct crossing c = {.self = self, .fn = fn};
	struct vmoon_lfar *far;
	bool is_good;

	if (!lua_checkstack(S, 8))
		return luaL_error(L, "the script's stack is full");
	c.bytes = vmoon_ldfar_pack(L, 2, &c.len);
	far = far_of(S, self);
	lua_pushcfunction(S, run_there);
	lua_pushlightuserdata(S, &c);
	far->L = L;
	self->is_away = true;
	is_good = lua_pcall(S, 1, 0, 0) == LUA_OK;
	self->is_away = false;
	far->L = NULL;
	if (!is_good) {
		keep_error(S, self);
		return luaL_error(L, "an error in the script");
	}
	return vmoon_ldunpack_list(L, c.bytes, c.len);
}

void vmoon_lbench_raise_script(lua_State *L, const struct vmoon_lbench *self)
{
	if (push_kept(L, self) == LUA_TTABLE) {
		lua_rawgeti(L, -1, FIELD_ERROR);
		lua_pushnil(L);
		lua_rawseti(L, -3, FIELD_ERROR);
		if (!lua_isnil(L, -1))
			lua_error(L);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

/* ---- d, in the script ---- */

static lua_State *check_far(lua_State *S)
{
	const struct vmoon_lfar *far = luaL_checkudata(S, 1, FAR_TYPE);

	if (far->L == NULL)
		luaL_error(S, "d is for hooks, while they run");
	luaL_checkstack(far->L, 8, NULL);
	return far->L;
}

/* Ends an excursion: what went wrong there is raised here. */
static void check_return(lua_State *S, lua_State *L, int status)
{
	if (status == LUA_OK)
		return;
	lua_pushstring(S, lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1)
							 : "an error");
	lua_pop(L, 1);
	lua_error(S);
}

/* fn there, with d and what is behind the handle here; true: results too. */
static int go(lua_State *S, lua_CFunction fn, bool has_results)
{
	lua_State *L = check_far(S);
	struct vmoon_ldfar_parcel p = {0};
	int status, n;

	p.bytes = vmoon_ldfar_pack(S, 2, &p.len);
	lua_pushcfunction(L, fn);
	lua_pushvalue(L, 1); /* d: the hook's first argument */
	lua_pushlightuserdata(L, &p);
	status = lua_pcall(L, 2, has_results ? 1 : 0, 0);
	check_return(S, L, status);
	if (!has_results)
		return 0;
	n = vmoon_ldunpack_list(S, p.bytes, p.len);
	lua_pop(L, 1); /* which kept the bytes */
	return n;
}

/* core.far_get(far, key, ...) -> "is", value; or "far"; or "fn" */
static int far_get(lua_State *S)
{
	return go(S, vmoon_ldfar_look, true);
}

/* core.far_set(far, key, ..., value) */
static int far_set(lua_State *S)
{
	return go(S, vmoon_ldfar_set, false);
}

/* core.far_call(far, method, ...) -> what it returns */
static int far_call(lua_State *S)
{
	return go(S, vmoon_ldfar_call, true);
}

static const luaL_Reg far_functions[] = {
	{"far_call", far_call},
	{"far_get", far_get},
	{"far_set", far_set},
	{NULL, NULL},
};

void vmoon_lbench_open_core(lua_State *L)
{
	luaL_setfuncs(L, far_functions, 0);
}

void vmoon_lbench_keep(lua_State *L, const struct vmoon_lbench *self,
		       int functions)
{
	struct vmoon_lfar *far;

	functions = lua_absindex(L, functions);
	luaL_newmetatable(L, FAR_TYPE);
	lua_pop(L, 1);
	far = lua_newuserdatauv(L, sizeof(*far), 0);
	far->L = NULL;
	luaL_setmetatable(L, FAR_TYPE);
	vmoon_lmod_push_core(L);
	lua_getfield(L, -1, "far");
	lua_pushvalue(L, -3);
	lua_call(L, 1, 1);
	lua_rawseti(L, functions, FIELD_D);
	lua_pop(L, 1);
	lua_rawseti(L, functions, FIELD_FAR);
	lua_pushvalue(L, functions);
	lua_rawsetp(L, LUA_REGISTRYINDEX, self);
}

void vmoon_lbench_unkeep(lua_State *L, const struct vmoon_lbench *self)
{
	lua_pushnil(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, self);
}
