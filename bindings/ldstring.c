/* SPDX-License-Identifier: MIT */
/*
 * ldstring.c - string and math functions of a device's state. Patterns pay for
 * the steps of their matches, and what makes long strings pays for them.
 */
#include "ldlib_parts.h"

#include <ctype.h>
#include <lauxlib.h>
#include <limits.h>
#include <lualib.h>
#include <string.h>

#include "lmatch.h"
#include "lwall.h"

enum { BYTES_A_STEP = 64 }; /* of copying */

/* ---- patterns ---- */

static long steps_left(lua_State *L)
{
	uint64_t steps = vmoon_ldguard_steps_left(L);

	return steps < LONG_MAX ? (long)steps : LONG_MAX;
}

static void spend(lua_State *L, long steps)
{
	vmoon_ldguard_charge(L, (uint64_t)steps);
}

static const struct vmoon_lmatch_meter meter = {
	.left = steps_left,
	.spend = spend,
	.check_depth = vmoon_ldguard_check_depth,
};

/* ---- long strings ---- */

/* Upvalue: Lua's own. */
static int device_rep(lua_State *L)
{
	size_t len, separator_len;
	lua_Integer count;
	uint64_t all = 0;

	if (vmoon_lwall_is_empty_rep(L))
		return 1;
	luaL_checklstring(L, 1, &len);
	count = luaL_checkinteger(L, 2);
	luaL_optlstring(L, 3, "", &separator_len);
	if (count > 0) {
		if (__builtin_mul_overflow((uint64_t)count,
					   (uint64_t)len + separator_len,
					   &all) ||
		    all > vmoon_ldguard_memory(L))
			return luaL_error(L, "resulting string too large");
		vmoon_ldguard_charge(L,
				     (uint64_t)count / 2 + all / BYTES_A_STEP);
	}
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	if (count > 0) /* one separator less */
		all -= separator_len;
	vmoon_ldguard_call_for_bytes(L, lua_gettop(L) - 1, 1, all);
	return 1;
}

/* The letter that ends the item behind a %; what is between is Lua's to judge.
 */
static const char *find_letter(const char *at, const char *end)
{
	while (at < end && !isalpha((unsigned char)*at) && *at != '%')
		at++;
	return at;
}

/*
 * %s gets the text of our own tostring, %p gets nothing. What Lua's own is
 * given then calls nothing of the script.
 */
static int device_format(lua_State *L)
{
	size_t len, all = 0;
	const char *at = luaL_checklstring(L, 1, &len), *end = at + len;
	int arg = 1;

	for (; at < end; at++) {
		if (*at != '%')
			continue;
		at = find_letter(at + 1, end);
		if (at < end && *at == '%')
			continue;
		arg++;
		if (at < end && *at == 'p')
			return luaL_error(L, "%%p is not available here");
		if (at < end && *at == 's') {
			luaL_checkany(L, arg);
			vmoon_ldlib_push_text(L, arg);
			all += lua_rawlen(L, -1);
			lua_replace(L, arg);
		}
	}
	vmoon_ldguard_charge(L, (len + all) / BYTES_A_STEP);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, 1);
	return 1;
}

/* Upvalue: Lua's own, which looks at or makes as many bytes as are in 1. */
static int device_linear(lua_State *L)
{
	size_t len;

	luaL_checklstring(L, 1, &len);
	vmoon_ldguard_charge(L, len / 16);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	vmoon_ldguard_call_for_bytes(L, lua_gettop(L) - 1, LUA_MULTRET, len);
	return lua_gettop(L);
}

static void guard(lua_State *L, const char *name, lua_CFunction fn)
{
	lua_getfield(L, -1, name);
	lua_pushcclosure(L, fn, 1);
	lua_setfield(L, -2, name);
}

static void remove_field(lua_State *L, const char *name)
{
	lua_pushnil(L);
	lua_setfield(L, -2, name);
}

/* This table is the one that methods of strings are found in. */
void vmoon_ldlib_push_string(lua_State *L)
{
	static const char *const linear[] = {"lower", "upper", "reverse"};

	luaopen_string(L);
	remove_field(L, "dump");
	guard(L, "rep", device_rep);
	guard(L, "format", device_format);
	for (size_t i = 0; i < VMOON_COUNTOF(linear); i++)
		guard(L, linear[i], device_linear);
	vmoon_lmatch_open_metered(L, &meter);
	vmoon_lwall_lock_strings(L);
}

/* ---- chance ---- */

/*
 * Upvalue: Lua's own, which without a seed would look at the clock and at an
 * address, and tell both. A device does the same in every run instead.
 */
static int device_randomseed(lua_State *L)
{
	lua_settop(L, 2);
	lua_pushvalue(L, lua_upvalueindex(1));
	if (lua_isnil(L, 1))
		lua_pushinteger(L, 0);
	else
		lua_pushvalue(L, 1);
	lua_pushinteger(L, luaL_optinteger(L, 2, 0));
	lua_call(L, 2, 0);
	return 0;
}

void vmoon_ldlib_push_math(lua_State *L)
{
	luaopen_math(L);
	guard(L, "randomseed", device_randomseed);
	lua_getfield(L, -1, "randomseed");
	lua_call(L, 0, 0);
}
