/* SPDX-License-Identifier: MIT */
/*
 * ldstring.c - string, utf8 and math functions of a device's state. Patterns
 * pay for the steps of their matches, what makes long strings pays for them,
 * and what takes any count of numbers pays for those that are strings.
 */
#include "ldlib_parts.h"

#include <ctype.h>
#include <lauxlib.h>
#include <limits.h>
#include <lualib.h>
#include <string.h>

#include "lmatch.h"
#include "lwall.h"

enum {
	BYTES_A_STEP = 64,     /* of copying */
	BYTES_A_STEP_READ = 8, /* of a string that is read as a number */
	STEPS_AN_ITEM = 4,     /* of a format */
	STEPS_A_FLOAT = 100,   /* with all the digits that may be asked for */
	FEW_ARGUMENTS = 8,
	CODE_MAX = 0x7fffffff,  /* of a character, as Lua's own has it */
	STEPS_A_QUOTED_BYTE = 8 /* "\1": written as a number is */
};

/* ---- what is Lua's ---- */

/*
 * Upvalue: Lua's own, which has none itself. In the same frame: it finds its
 * arguments where they are, and its errors name who called.
 */
static int run_own(lua_State *L)
{
	return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* For the argument at i, where it is to be a number. */
static void charge_number(lua_State *L, int i)
{
	if (lua_type(L, i) == LUA_TSTRING)
		vmoon_ldguard_charge(L, lua_rawlen(L, i) / BYTES_A_STEP_READ);
}

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
 * An item and its argument. %s gets the text of our own tostring, %p gets
 * nothing. What Lua's own is given then calls nothing of the script.
 */
static void prepare_item(lua_State *L, char letter, int arg)
{
	uint64_t steps = STEPS_AN_ITEM;

	switch (letter) {
	case 'p': luaL_error(L, "%%p is not available here"); break;
	case 's':
		luaL_checkany(L, arg);
		vmoon_ldlib_push_text(L, arg);
		steps += lua_rawlen(L, -1) / BYTES_A_STEP;
		lua_replace(L, arg);
		break;
	case 'q':
		steps += lua_type(L, arg) == LUA_TSTRING
				 ? lua_rawlen(L, arg) * STEPS_A_QUOTED_BYTE
				 : STEPS_A_FLOAT;
		break;
	case 'd':
	case 'i':
	case 'u':
	case 'c':
	case 'x':
	case 'X':
	case 'o': charge_number(L, arg); break;
	default:
		steps += STEPS_A_FLOAT;
		charge_number(L, arg);
		break;
	}
	vmoon_ldguard_charge(L, steps);
}

static int device_format(lua_State *L)
{
	size_t len;
	const char *at = luaL_checklstring(L, 1, &len), *end = at + len;
	int arg = 1;

	vmoon_ldguard_charge(L, len / 16);
	for (; at < end; at++) {
		if (*at != '%')
			continue;
		at = find_letter(at + 1, end);
		if (at < end && *at != '%')
			prepare_item(L, *at, ++arg);
	}
	return run_own(L);
}

/* Few arguments come to little, whatever they are. */
static int device_pack(lua_State *L)
{
	const int count = lua_gettop(L);

	if (count > FEW_ARGUMENTS)
		for (int i = 2; i <= count; i++)
			charge_number(L, i);
	return run_own(L);
}

/* A number at i, which may be a long string: Lua's own would not look. */
static lua_Unsigned read_code(lua_State *L, int i, lua_Unsigned max)
{
	const lua_Unsigned code = (lua_Unsigned)luaL_checkinteger(L, i);

	luaL_argcheck(L, code <= max, i, "value out of range");
	vmoon_ldguard_check(L);
	return code;
}

static int device_char(lua_State *L)
{
	const int count = lua_gettop(L);
	luaL_Buffer b;
	char *to = luaL_buffinitsize(L, &b, (size_t)count);

	for (int i = 1; i <= count; i++)
		to[i - 1] = (char)read_code(L, i, UCHAR_MAX);
	luaL_pushresultsize(&b, (size_t)count);
	return 1;
}

static int device_utf8_char(lua_State *L)
{
	const int count = lua_gettop(L);
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	for (int i = 1; i <= count; i++) {
		lua_pushfstring(L, "%U", (long)read_code(L, i, CODE_MAX));
		luaL_addvalue(&b);
	}
	luaL_pushresult(&b);
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
	guard(L, "pack", device_pack);
	lua_pushcfunction(L, device_char);
	lua_setfield(L, -2, "char");
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

/* As Lua's own: the first of those that none comes before, by <. */
static int find_end(lua_State *L, bool is_max)
{
	const int count = lua_gettop(L);
	int end = 1;

	luaL_argcheck(L, count >= 1, 1, "value expected");
	for (int i = 2; i <= count; i++) {
		vmoon_ldguard_check(L); /* strings may be long */
		if (lua_compare(L, is_max ? end : i, is_max ? i : end,
				LUA_OPLT))
			end = i;
	}
	lua_pushvalue(L, end);
	return 1;
}

static int device_max(lua_State *L)
{
	return find_end(L, true);
}

static int device_min(lua_State *L)
{
	return find_end(L, false);
}

void vmoon_ldlib_push_math(lua_State *L)
{
	static const luaL_Reg own[] = {
		{"max", device_max},
		{"min", device_min},
		{NULL, NULL},
	};

	luaopen_math(L);
	luaL_setfuncs(L, own, 0);
	guard(L, "randomseed", device_randomseed);
	lua_getfield(L, -1, "randomseed");
	lua_call(L, 0, 0);
}

void vmoon_ldlib_push_utf8(lua_State *L)
{
	luaopen_utf8(L);
	lua_pushcfunction(L, device_utf8_char);
	lua_setfield(L, -2, "char");
}
