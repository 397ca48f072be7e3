/* SPDX-License-Identifier: MIT */
/* ldhandle.c - a device in Lua as the script that uses it sees it. */
#include "ldhandle.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "ldpack.h"
#include "lresult.h"

#define REGS_TYPE "vmoon.regs"
enum { EVENTS_MAX = 4096, RESULT_MAX = 64 << 10 };

static void must(lua_State *L, enum vmoon_status status,
		 const struct vmoon_error *err)
{
	if (status != VMOON_OK)
		vmoon_lresult_raise(L, NULL, err);
}

static void set_count(lua_State *L, const char *key, uint64_t value)
{
	lua_pushinteger(L, (lua_Integer)value); /* below 2^63 */
	lua_setfield(L, -2, key);
}

static void set_seconds(lua_State *L, const char *key, uint64_t ns)
{
	lua_pushnumber(L, (lua_Number)ns / 1e9);
	lua_setfield(L, -2, key);
}

/* ---- registers ---- */

static void push_fields(lua_State *L, const struct vmoon_ldobj *obj, unsigned i,
			uint64_t value)
{
	const struct vmoon_reg *reg = &vmoon_ldobj_spec(obj)->map.regs[i];

	lua_createtable(L, 0, (int)reg->field_count); /* at most 64 */
	for (size_t k = 0; k < reg->field_count; k++) {
		vmoon_ldobj_push_field(L, obj, i, k, value);
		lua_setfield(L, -2, reg->fields[k].name);
	}
}

static void push_reg(lua_State *L, const struct vmoon_ldobj *obj, unsigned i,
		     uint32_t element)
{
	const struct vmoon_reg *reg = &vmoon_ldobj_spec(obj)->map.regs[i];
	const uint64_t value = vmoon_ldobj_reg(obj, i, element);

	lua_createtable(L, 0, 5);
	lua_pushstring(L, reg->name);
	lua_setfield(L, -2, "name");
	set_count(L, "offset", reg->at + (uint64_t)element * reg->stride);
	lua_pushinteger(L, (lua_Integer)value); /* 64 bits as they are */
	lua_setfield(L, -2, "value");
	if (reg->count > 1)
		set_count(L, "index", element);
	if (reg->field_count == 0)
		return;
	push_fields(L, obj, i, value);
	lua_setfield(L, -2, "fields");
}

void vmoon_ldhandle_push_regs(lua_State *L, const struct vmoon_ldobj *obj)
{
	const struct vmoon_regmap_spec *map = &vmoon_ldobj_spec(obj)->map;
	lua_Integer n = 0;

	luaL_checkstack(L, 8, NULL);
	lua_createtable(L, (int)map->reg_count, 0); /* at most 512 */
	for (unsigned i = 0; i < map->reg_count; i++)
		for (uint32_t k = 0; k < map->regs[i].count; k++) {
			push_reg(L, obj, i, k);
			lua_rawseti(L, -2, ++n);
		}
	luaL_setmetatable(L, REGS_TYPE);
}

static lua_Integer raw_integer(lua_State *L, const char *key)
{
	lua_Integer value;

	lua_pushstring(L, key);
	lua_rawget(L, -2);
	value = lua_tointeger(L, -1);
	lua_pop(L, 1);
	return value;
}

/* The next name of a field that is set, behind `after`, by its bytes. */
static const char *next_set(lua_State *L, const char *after)
{
	const char *least = NULL;

	lua_pushnil(L);
	while (lua_next(L, -2) != 0) {
		const bool is_set = lua_isboolean(L, -1)
					    ? lua_toboolean(L, -1) != 0
					    : lua_tointeger(L, -1) != 0;
		const char *key;

		lua_pop(L, 1);
		if (lua_type(L, -1) != LUA_TSTRING || !is_set)
			continue;
		key = lua_tostring(L, -1);
		if (strcmp(key, after) > 0 &&
		    (least == NULL || strcmp(key, least) < 0))
			least = key;
	}
	return least;
}

/* The entry is on the top: "CTRL 0x8 = 0x3 {ENABLE IRQEN}" */
static void add_line(lua_State *L, luaL_Buffer *b, int entry)
{
	const char *name, *field = "";
	char numbers[64];

	lua_pushvalue(L, entry);
	lua_pushliteral(L, "name");
	lua_rawget(L, -2);
	name = lua_tostring(L, -1);
	luaL_addstring(b, name == NULL ? "?" : name);
	lua_pop(L, 1);
	(void)snprintf(numbers, sizeof(numbers), " 0x%llx = 0x%llx",
		       (unsigned long long)raw_integer(L, "offset"),
		       (unsigned long long)raw_integer(L, "value"));
	luaL_addstring(b, numbers);
	lua_pushliteral(L, "fields");
	if (lua_rawget(L, -2) == LUA_TTABLE) {
		luaL_addstring(b, " {");
		for (const char *sep = ""; (field = next_set(L, field)) != NULL;
		     sep = " ") {
			luaL_addstring(b, sep);
			luaL_addstring(b, field);
		}
		luaL_addchar(b, '}');
	}
	lua_pop(L, 2);
	luaL_addchar(b, '\n');
}

static int regs_tostring(lua_State *L)
{
	const size_t count = (size_t)lua_rawlen(L, 1);

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	lua_newtable(L); /* lines, so that a buffer has the top for itself */
	for (size_t i = 1; i <= count; i++) {
		luaL_Buffer b;

		if (lua_rawgeti(L, 1, (lua_Integer)i) != LUA_TTABLE)
			return luaL_error(L, "the list was changed");
		luaL_buffinit(L, &b);
		add_line(L, &b, 3);
		luaL_pushresult(&b);
		lua_rawseti(L, 2, (lua_Integer)i);
		lua_settop(L, 2);
	}
	lua_pushliteral(L, "");
	for (size_t i = 1; i <= count; i++) {
		lua_rawgeti(L, 2, (lua_Integer)i);
		if (lua_gettop(L) > 40 || i == count)
			lua_concat(L, lua_gettop(L) - 2);
	}
	return 1;
}

/* ---- figures ---- */

static void push_hooks(lua_State *L, const struct vmoon_ldobj *obj)
{
	struct vmoon_ldhook_stats h;

	lua_newtable(L);
	for (size_t i = 0; vmoon_ldobj_hook_stats(obj, i, &h); i++) {
		lua_createtable(L, 0, 4);
		set_count(L, "calls", h.calls);
		set_count(L, "errors", h.errors);
		set_seconds(L, "total", h.total_ns);
		set_seconds(L, "worst", h.worst_ns);
		lua_setfield(L, -2, h.name);
	}
}

void vmoon_ldhandle_push_stats(lua_State *L, const struct vmoon_ldobj *obj)
{
	struct vmoon_ldobj_stats st;

	luaL_checkstack(L, 8, NULL);
	vmoon_ldobj_stats(obj, &st);
	lua_createtable(L, 0, 19);
	if (vmoon_ldobj_spec(obj)->kind != VMOON_LDSPEC_VIRTIO) {
		set_count(L, "exits", st.exits);
		set_seconds(L, "c_time", st.c_ns);
	}
	set_count(L, "fast", st.fast);
	set_count(L, "hooks", st.hooks);
	set_count(L, "errors", st.errors);
	set_count(L, "late", st.state.late);
	set_count(L, "posted", st.posted);
	set_count(L, "asked", st.asked);
	set_count(L, "events", st.events);
	set_count(L, "events_lost", st.events_lost);
	set_count(L, "lines_lost", st.lines_lost);
	set_count(L, "memory", st.state.memory);
	set_count(L, "memory_peak", st.state.memory_peak);
	set_count(L, "memory_max", st.state.memory_max);
	set_seconds(L, "hook_max", st.state.worst_ns);
	set_seconds(L, "hook_total", st.state.total_ns);
	if (st.error != NULL) {
		lua_pushstring(L, st.error);
		lua_setfield(L, -2, "error");
	}
	lua_pushboolean(L, vmoon_ldobj_has_failed(obj));
	lua_setfield(L, -2, "failed");
	push_hooks(L, obj);
	lua_setfield(L, -2, "by_hook");
}

/* ---- plain data, from one state to the other ---- */

void vmoon_ldhandle_push_state(lua_State *L, struct vmoon_ldobj *obj)
{
	struct vmoon_error err;
	size_t len = 0, again = 0;
	unsigned char *buf;

	luaL_checkstack(L, 8, NULL);
	must(L, vmoon_ldobj_pack_state(obj, NULL, 0, &len, &err), &err);
	buf = lua_newuserdatauv(L, len, 0);
	must(L, vmoon_ldobj_pack_state(obj, buf, len, &again, &err), &err);
	if (!vmoon_ldunpack(L, buf, len))
		luaL_error(L, "the device's state is no plain data");
	lua_remove(L, -2);
}

void vmoon_ldhandle_push_events(lua_State *L, struct vmoon_ldobj *obj)
{
	char name[VMOON_REGMAP_NAME_MAX + 1];
	unsigned char *buf;
	size_t len;
	int list;

	luaL_checkstack(L, 8, NULL);
	buf = lua_newuserdatauv(L, VMOON_LDOBJ_EVENT_MAX, 0);
	lua_newtable(L);
	list = lua_gettop(L);
	for (int i = 1; i <= EVENTS_MAX; i++) {
		lua_createtable(L, 0, 2); /* before one is taken */
		if (!vmoon_ldobj_take_event(obj, name, buf,
					    VMOON_LDOBJ_EVENT_MAX, &len))
			break;
		lua_pushstring(L, name);
		lua_setfield(L, -2, "name");
		if (!vmoon_ldunpack(L, buf, len))
			luaL_error(L, "the event is no plain data");
		lua_setfield(L, -2, "value");
		lua_rawseti(L, list, i);
	}
	lua_settop(L, list);
	lua_remove(L, -2);
}

int vmoon_ldhandle_call(lua_State *L, struct vmoon_ldobj *obj, const char *name,
			int first)
{
	struct vmoon_ldcall io = {.cap = RESULT_MAX};
	char why[VMOON_LDPACK_PATH_MAX + 64] = "";
	struct vmoon_error err;

	io.args = vmoon_ldpack_list(L, first, &io.args_len, why);
	if (io.args == NULL)
		return vmoon_lresult_misuse(L, why, NULL);
	io.result = lua_newuserdatauv(L, RESULT_MAX, 0);
	must(L, vmoon_ldobj_call(obj, name, &io, &err), &err);
	if (io.len > RESULT_MAX)
		return luaL_error(L, "the results of a method have at most "
				     "64 KiB");
	return vmoon_ldunpack_list(L, io.result, io.len);
}

void vmoon_ldhandle_open(lua_State *L)
{
	luaL_newmetatable(L, REGS_TYPE);
	lua_pushcfunction(L, regs_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pushliteral(L, "locked");
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
	vmoon_ldhandle_open_log(L);
}
