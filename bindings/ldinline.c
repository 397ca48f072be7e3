/* SPDX-License-Identifier: MIT */
/*
 * ldinline.c - a device that a script describes itself, in its own state again.
 * The bytes are inline.lua's, of this process; the code in them is what this
 * process compiled. Lengths are checked all the same.
 */
#include "ldinline.h"

#include <lauxlib.h>
#include <string.h>

#include "ldguard.h"
#include "ldobj.h"
#include "ldpack_tags.h"
#include "vmoon/le.h"

/* What plain data does not have. */
enum {
	TAG_FUNCTION = TAG_TABLE + 1,
	TAG_FUNCTION_AGAIN,
	TAG_LIBRARY,
	TAG_GLOBALS,
	TAG_SCRIPT
};

enum { DEPTH_MAX = 128, SLOTS = 10 };

struct reader {
	lua_State *L;
	const char *bytes;
	size_t len, at;
	int functions; /* a list: number + 1 -> function */
	int holders;   /* of captured variables: number + 1 -> a function, */
	int places;    /* and which of its variables it is */
};

static const char *take(struct reader *r, size_t n)
{
	const char *bytes = r->bytes + r->at;

	if (n > r->len - r->at)
		luaL_error(r->L, "the inline device ends too early");
	r->at += n;
	return bytes;
}

static uint32_t take_u32(struct reader *r)
{
	return vmoon_le32_load((const unsigned char *)take(r, 4));
}

static uint64_t take_u64(struct reader *r)
{
	return vmoon_le64_load((const unsigned char *)take(r, 8));
}

static const char *take_text(struct reader *r, size_t *out_len)
{
	*out_len = take_u32(r);
	return take(r, *out_len);
}

static void push_float(struct reader *r)
{
	const uint64_t bits = take_u64(r);
	lua_Number number;

	memcpy(&number, &bits, sizeof(number));
	lua_pushnumber(r->L, number);
}

/* "math.floor", "math", "ipairs": what the device's state has of that name. */
static void push_library(struct reader *r)
{
	lua_State *L = r->L;
	size_t len;
	const char *name = take_text(r, &len);
	const char *dot = memchr(name, '.', len);
	const size_t head = dot == NULL ? len : (size_t)(dot - name);

	lua_pushglobaltable(L);
	lua_pushlstring(L, name, head);
	lua_gettable(L, -2); /* libraries are read through metatables */
	if (dot != NULL && !lua_isnil(L, -1)) {
		lua_pushlstring(L, dot + 1, len - head - 1);
		lua_gettable(L, -2);
		lua_remove(L, -2);
	}
	lua_remove(L, -2);
	if (!lua_isnil(L, -1))
		return;
	lua_pushlstring(L, name, len);
	luaL_error(L,
		   "a function captures '%s', which a device's state does "
		   "not have",
		   lua_tostring(L, -1));
}

static void push_value(struct reader *r, unsigned depth);

/* The variables of the function on the top. */
static void fill_upvalues(struct reader *r, unsigned count, unsigned depth)
{
	lua_State *L = r->L;
	const int fn = lua_gettop(L);

	for (int i = 1; i <= (int)count; i++) {
		const lua_Integer number = (lua_Integer)take_u32(r) + 1;

		if (lua_rawgeti(L, r->holders, number) == LUA_TFUNCTION) {
			lua_rawgeti(L, r->places, number);
			lua_upvaluejoin(L, fn, i, fn + 1,
					(int)lua_tointeger(L, -1));
			lua_settop(L, fn);
			continue;
		}
		lua_settop(L, fn);
		lua_pushvalue(L, fn);
		lua_rawseti(L, r->holders, number);
		lua_pushinteger(L, i);
		lua_rawseti(L, r->places, number);
		push_value(r, depth + 1);
		if (lua_setupvalue(L, fn, i) == NULL)
			luaL_error(L, "a function has fewer variables");
	}
}

static void push_function(struct reader *r, unsigned depth)
{
	lua_State *L = r->L;
	const lua_Integer number = (lua_Integer)take_u32(r) + 1;
	size_t len;
	const char *code = take_text(r, &len);
	const unsigned count = *(const unsigned char *)take(r, 1);

	vmoon_ldguard_charge(L, len);
	if (luaL_loadbufferx(L, code, len, "=device", "b") != LUA_OK)
		lua_error(L);
	lua_pushvalue(L, -1);
	lua_rawseti(L, r->functions, number);
	fill_upvalues(r, count, depth);
}

static void push_table(struct reader *r, unsigned depth)
{
	const uint32_t count = take_u32(r);

	lua_newtable(r->L);
	for (uint32_t i = 0; i < count; i++) { /* each takes bytes, or raises */
		push_value(r, depth + 1);
		push_value(r, depth + 1);
		lua_rawset(r->L, -3);
	}
}

static void push_value(struct reader *r, unsigned depth)
{
	lua_State *L = r->L;
	size_t len;
	const char *text;

	if (depth > DEPTH_MAX)
		luaL_error(L, "the inline device is nested too deeply");
	luaL_checkstack(L, SLOTS, "inline device");
	switch (*take(r, 1)) {
	case TAG_NIL: lua_pushnil(L); return;
	case TAG_FALSE: lua_pushboolean(L, 0); return;
	case TAG_TRUE: lua_pushboolean(L, 1); return;
	case TAG_INTEGER: lua_pushinteger(L, (lua_Integer)take_u64(r)); return;
	case TAG_FLOAT: push_float(r); return;
	case TAG_STRING:
		text = take_text(r, &len);
		lua_pushlstring(L, text, len);
		return;
	case TAG_TABLE: push_table(r, depth); return;
	case TAG_FUNCTION: push_function(r, depth); return;
	case TAG_FUNCTION_AGAIN:
		lua_rawgeti(L, r->functions, (lua_Integer)take_u32(r) + 1);
		return;
	case TAG_LIBRARY: push_library(r); return;
	case TAG_GLOBALS: lua_pushglobaltable(L); return;
	case TAG_SCRIPT:
		lua_pushinteger(L, (lua_Integer)take_u32(r));
		lua_pushcclosure(L, vmoon_ldobj_run_script, 1);
		return;
	default: luaL_error(L, "the inline device has an unknown value");
	}
}

enum vmoon_ldspec_kind vmoon_ldinline_push(lua_State *L, const char *bytes,
					   size_t len)
{
	struct reader r = {.L = L, .bytes = bytes, .len = len};
	enum vmoon_ldspec_kind kind;

	luaL_checkstack(L, SLOTS, "inline device");
	lua_newtable(L);
	r.functions = lua_gettop(L);
	lua_newtable(L);
	r.holders = lua_gettop(L);
	lua_newtable(L);
	r.places = lua_gettop(L);
	kind = (enum vmoon_ldspec_kind) * take(&r, 1);
	push_value(&r, 0);
	lua_replace(L, r.functions);
	lua_settop(L, r.functions);
	return kind;
}
