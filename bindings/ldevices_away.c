/* SPDX-License-Identifier: MIT */
/*
 * ldevices_away.c - where = "script" in a VM, for away.lua: what guests wait
 * for, what the functions of the script answer, and their d. The device's lock
 * is taken for each step alone; under it nothing of the script's state runs.
 */
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "ldevices_lua.h"
#include "ldfar.h"
#include "ldobj.h"
#include "ldpack.h"

/* What comes back from one step of d; registry key of its buffer. */
enum { RESULT_MAX = 128 << 10 };
static const char buffer_key;

/* ---- requests ---- */

struct taking {
	struct vmoon_ldaway_request request;
	bool is_taken;
};

static void take(void *ctx, struct vmoon_ldobj *obj)
{
	struct taking *t = ctx;

	t->is_taken = vmoon_ldobj_away_take(obj, &t->request);
}

static void look(void *ctx, struct vmoon_ldobj *obj)
{
	*(bool *)ctx = vmoon_ldobj_has_away(obj);
}

/*
 * core.away_devices(vm) -> the names of those with functions in the script, of
 * a VM that nobody has started. The others are not asked for requests: one
 * that is trusted may be at something for long.
 */
static int away_devices(lua_State *L)
{
	struct vmoon_lvm *self = vmoon_lvm_check(L, 1);
	struct vmoon_ldevice d = {.vm = self};
	lua_Integer n = 0;
	bool is_virtio;

	lua_newtable(L);
	for (size_t i = 0;
	     vmoon_vm_device(self->vm, i, &d.name, &d.type, &is_virtio); i++) {
		bool has_away = false;

		if (!is_virtio && vmoon_ldevices_is_lua(&d))
			vmoon_ldevices_visit(L, &d, look, &has_away);
		if (!has_away)
			continue;
		lua_pushstring(L, d.name);
		lua_rawseti(L, 2, ++n);
	}
	return 1;
}

/* core.away_take(vm, names) -> one of them, list, number, id, arguments */
static int away_take(lua_State *L)
{
	struct vmoon_ldevice d = {.vm = vmoon_lvm_check(L, 1),
				  .type = VMOON_LDEVICE_LUA};
	struct taking t = {.is_taken = false};

	lua_settop(L, 2);
	for (lua_Integer i = 1; !t.is_taken; i++) {
		lua_settop(L, 2);
		if (lua_rawgeti(L, 2, i) != LUA_TSTRING)
			return 0;
		d.name = lua_tostring(L, 3); /* the list has it */
		vmoon_ldevices_visit(L, &d, take, &t);
	}
	lua_pushinteger(L, t.request.list);
	lua_pushinteger(L, (lua_Integer)t.request.fn + 1);
	lua_pushinteger(L, (lua_Integer)t.request.id); /* counts */
	return 4 + vmoon_ldunpack_list(L, t.request.bytes, t.request.len);
}

struct answer {
	uint64_t id;
	const unsigned char *bytes;
	size_t len;
	bool is_good;
};

static void put_answer(void *ctx, struct vmoon_ldobj *obj)
{
	const struct answer *a = ctx;

	vmoon_ldobj_away_answer(obj, a->id, a->bytes, a->len, a->is_good);
}

/* core.away_answer(device, id, is_good, results... or what was raised) */
static int away_answer(lua_State *L)
{
	struct answer a = {.id = (uint64_t)luaL_checkinteger(L, 2),
			   .is_good = lua_toboolean(L, 3) != 0};
	char why[VMOON_LDPACK_PATH_MAX + 64] = "";
	struct vmoon_ldevice d;

	if (a.is_good)
		a.bytes = vmoon_ldpack_list(L, 4, &a.len, why);
	else
		a.bytes = (const unsigned char *)luaL_tolstring(L, 4, &a.len);
	if (a.bytes == NULL) {
		a.is_good = false;
		a.bytes = (const unsigned char *)why;
		a.len = strlen(why);
	}
	d = vmoon_ldevices_check(L);
	vmoon_ldevices_visit(L, &d, put_answer, &a);
	return 0;
}

/* ---- d ---- */

struct step {
	lua_CFunction fn;
	struct vmoon_ldfar_parcel parcel;
	unsigned char *result; /* RESULT_MAX bytes */
	char error[VMOON_LDSTATE_ERROR_MAX];
};

static void do_step(void *ctx, struct vmoon_ldobj *obj)
{
	struct step *s = ctx;
	const char *error = NULL;
	bool is_done = false;

	if (!vmoon_ldobj_away_is_taken(obj))
		error = "d is for hooks, while they run";
	else if (!(is_done = vmoon_ldobj_away_call(obj, s->fn, &s->parcel)))
		error = vmoon_ldstate_error(vmoon_ldobj_state(obj));
	else if (s->fn != vmoon_ldfar_set && s->parcel.len > RESULT_MAX)
		error = "d gives at most 128 KiB at once";
	else if (s->fn != vmoon_ldfar_set)
		memcpy(s->result, s->parcel.bytes, s->parcel.len);
	if (error != NULL)
		(void)snprintf(s->error, sizeof(s->error), "%s", error);
	if (is_done)
		vmoon_ldobj_away_pop(obj);
}

static unsigned char *push_buffer(lua_State *L)
{
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &buffer_key) == LUA_TUSERDATA)
		return lua_touserdata(L, -1);
	lua_pop(L, 1);
	lua_newuserdatauv(L, RESULT_MAX, 0);
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &buffer_key);
	return lua_touserdata(L, -1);
}

/* fn there, with d and what is behind the device here. */
static int go(lua_State *L, lua_CFunction fn)
{
	struct step s = {.fn = fn};
	struct vmoon_ldevice d;

	s.parcel.bytes = vmoon_ldfar_pack(L, 2, &s.parcel.len);
	s.result = push_buffer(L);
	d = vmoon_ldevices_check(L);
	vmoon_ldevices_visit(L, &d, do_step, &s);
	if (s.error[0] != '\0') {
		lua_pushstring(L, s.error);
		return lua_error(L);
	}
	return fn == vmoon_ldfar_set
		       ? 0
		       : vmoon_ldunpack_list(L, s.result, s.parcel.len);
}

/* As core.far_get, far_set and far_call, of a device's handle. */
static int away_get(lua_State *L)
{
	return go(L, vmoon_ldfar_look);
}

static int away_set(lua_State *L)
{
	return go(L, vmoon_ldfar_set);
}

static int away_call(lua_State *L)
{
	return go(L, vmoon_ldfar_call);
}

static const luaL_Reg functions[] = {
	{"away_answer", away_answer},
	{"away_call", away_call},
	{"away_devices", away_devices},
	{"away_get", away_get},
	{"away_set", away_set},
	{"away_take", away_take},
	{NULL, NULL},
};

void vmoon_ldevices_open_away(lua_State *L)
{
	luaL_setfuncs(L, functions, 0);
}
