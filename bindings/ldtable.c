/* SPDX-License-Identifier: MIT */
/*
 * ldtable.c - table functions of a device's state: each pays for the elements
 * that it is told to work on, and asks for a length once, since a __len may
 * say something else each time. An element may be thousands of tables away by
 * __index, so each looks at the budget for every one. sort is a merge sort: no
 * order that a script makes up can lead it astray, and it asks the host for no
 * pivot.
 */
#include "ldlib_parts.h"

#include <lauxlib.h>
#include <limits.h>
#include <lualib.h>
#include <string.h>

static lua_Integer check_length(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	return luaL_len(L, 1);
}

/* Elements from first to last; none when first is behind. */
static void charge_range(lua_State *L, lua_Integer first, lua_Integer last)
{
	if (first <= last)
		vmoon_ldguard_charge(L,
				     (lua_Unsigned)last - (lua_Unsigned)first);
}

/* Pushes element i of the table at 1. */
static int get_element(lua_State *L, lua_Integer i)
{
	vmoon_ldguard_check(L);
	return lua_geti(L, 1, i);
}

static int device_insert(lua_State *L)
{
	/* May wrap, as Lua's own. */
	const lua_Integer end =
		(lua_Integer)((lua_Unsigned)check_length(L) + 1);
	lua_Integer pos = end;

	if (lua_gettop(L) == 3) {
		pos = luaL_checkinteger(L, 2);
		luaL_argcheck(L, (lua_Unsigned)pos - 1 < (lua_Unsigned)end, 2,
			      "position out of bounds");
		charge_range(L, pos, end);
		for (lua_Integer i = end; i > pos; i--) {
			get_element(L, i - 1);
			lua_seti(L, 1, i);
		}
	} else if (lua_gettop(L) != 2) {
		return luaL_error(L, "wrong number of arguments to 'insert'");
	}
	lua_seti(L, 1, pos);
	return 0;
}

static int device_remove(lua_State *L)
{
	const lua_Integer size = check_length(L);
	lua_Integer pos = luaL_optinteger(L, 2, size);

	if (pos != size)
		luaL_argcheck(L, (lua_Unsigned)pos - 1 <= (lua_Unsigned)size, 2,
			      "position out of bounds");
	charge_range(L, pos, size);
	lua_geti(L, 1, pos);
	for (; pos < size; pos++) {
		get_element(L, pos + 1);
		lua_seti(L, 1, pos);
	}
	lua_pushnil(L);
	lua_seti(L, 1, pos);
	return 1;
}

/* As Lua's own: what is no table shall have what makes it like one. */
static void check_like_table(lua_State *L, int arg, const char *event)
{
	if (lua_istable(L, arg))
		return;
	if (luaL_getmetafield(L, arg, event) == LUA_TNIL)
		luaL_checktype(L, arg, LUA_TTABLE);
	lua_pop(L, 1);
}

/* The distance from where elements are to where they go wraps, as it may. */
static void move_element(lua_State *L, int to, lua_Integer i,
			 lua_Unsigned distance)
{
	get_element(L, i);
	lua_seti(L, to, (lua_Integer)((lua_Unsigned)i + distance));
}

static int device_move(lua_State *L)
{
	const lua_Integer first = luaL_checkinteger(L, 2);
	const lua_Integer last = luaL_checkinteger(L, 3);
	const lua_Integer at = luaL_checkinteger(L, 4);
	const lua_Unsigned distance = (lua_Unsigned)at - (lua_Unsigned)first;
	const int to = lua_isnoneornil(L, 5) ? 1 : 5;

	check_like_table(L, 1, "__index");
	check_like_table(L, to, "__newindex");
	vmoon_ldguard_check_depth(L);
	if (last >= first) {
		luaL_argcheck(L, first > 0 || last < LUA_MAXINTEGER + first, 3,
			      "too many elements to move");
		luaL_argcheck(L, at <= LUA_MAXINTEGER - (last - first), 4,
			      "destination wrap around");
		charge_range(L, first, last);
		if (at > last || at <= first ||
		    (to != 1 && !lua_compare(L, 1, to, LUA_OPEQ)))
			for (lua_Integer i = 0; i <= last - first; i++)
				move_element(L, to, first + i, distance);
		else
			for (lua_Integer i = last - first; i >= 0; i--)
				move_element(L, to, first + i, distance);
	}
	lua_pushvalue(L, to);
	return 1;
}

static void add_element(lua_State *L, luaL_Buffer *b, lua_Integer i)
{
	get_element(L, i);
	if (!lua_isstring(L, -1))
		luaL_error(L,
			   "invalid value (at index %I) in table for 'concat'",
			   (LUAI_UACINT)i);
	luaL_addvalue(b);
}

static int device_concat(lua_State *L)
{
	const lua_Integer size = check_length(L);
	lua_Integer first, last;
	const char *separator;
	luaL_Buffer b;
	size_t len;

	lua_settop(L, 4);
	separator = luaL_optlstring(L, 2, "", &len);
	first = luaL_optinteger(L, 3, 1);
	last = luaL_optinteger(L, 4, size);
	charge_range(L, first, last);
	vmoon_ldguard_check_depth(L);
	luaL_buffinit(L, &b);
	for (; first < last; first++) {
		add_element(L, &b, first);
		luaL_addlstring(&b, separator, len);
	}
	if (first == last)
		add_element(L, &b, first);
	luaL_pushresult(&b);
	return 1;
}

static int device_unpack(lua_State *L)
{
	lua_Integer first, last;
	lua_Unsigned more;

	lua_settop(L, 3);
	first = luaL_optinteger(L, 2, 1);
	last = lua_isnil(L, 3) ? luaL_len(L, 1) : luaL_checkinteger(L, 3);
	if (first > last)
		return 0;
	charge_range(L, first, last);
	vmoon_ldguard_check_depth(L);
	more = (lua_Unsigned)last - (lua_Unsigned)first;
	if (more >= INT_MAX - 1 || lua_checkstack(L, (int)more + 1) == 0)
		return luaL_error(L, "too many results to unpack");
	for (; first < last; first++)
		get_element(L, first);
	get_element(L, last);
	return (int)more + 1;
}

/* ---- sort ---- */

/* Stack: table, comparison or nil, two lists of the elements. */
enum { TABLE = 1, LESS, FROM, TO };

/* Whether the top is less than the value below it; both stay. */
static bool is_less(lua_State *L)
{
	bool result;

	if (lua_isnil(L, LESS)) {
		vmoon_ldguard_check(L); /* strings may be long */
		return lua_compare(L, -1, -2, LUA_OPLT) != 0;
	}
	lua_pushvalue(L, LESS);
	lua_pushvalue(L, -2);
	lua_pushvalue(L, -4);
	lua_call(L, 2, 1);
	result = lua_toboolean(L, -1) != 0;
	lua_pop(L, 1);
	return result;
}

/* [left, middle) and [middle, right) of one list, merged into the other. */
static void merge(lua_State *L, int from, int to, const lua_Integer at[3])
{
	lua_Integer i = at[0], j = at[1];

	for (lua_Integer k = at[0]; k < at[2]; k++) {
		bool is_second = i == at[1];

		if (!is_second && j < at[2]) {
			lua_rawgeti(L, from, i);
			lua_rawgeti(L, from, j);
			is_second = is_less(L);
			lua_pop(L, 2);
		}
		lua_rawgeti(L, from, is_second ? j++ : i++);
		lua_rawseti(L, to, k);
	}
}

static lua_Integer least(lua_Integer a, lua_Integer b)
{
	return a < b ? a : b;
}

static int device_sort(lua_State *L)
{
	const lua_Integer size = check_length(L);
	int from = FROM, to = TO, swap;
	unsigned turns = 1;

	lua_settop(L, 2);
	if (!lua_isnil(L, LESS))
		luaL_checktype(L, LESS, LUA_TFUNCTION);
	if (size < 2)
		return 0;
	luaL_argcheck(L, size < INT_MAX, 1, "array too big");
	while (turns < 62 && (lua_Integer)1 << turns < size)
		turns++;
	/* Also before there is a product that could wrap. */
	vmoon_ldguard_charge(L, (lua_Unsigned)size);
	vmoon_ldguard_charge(L, (lua_Unsigned)size * turns * 4);
	vmoon_ldguard_check_depth(L);
	lua_createtable(L, (int)size, 0);
	lua_createtable(L, (int)size, 0);
	for (lua_Integer i = 1; i <= size; i++) {
		get_element(L, i);
		lua_rawseti(L, FROM, i);
	}
	for (lua_Integer run = 1; run < size; run *= 2) {
		for (lua_Integer i = 1; i <= size; i += 2 * run)
			merge(L, from, to,
			      (lua_Integer[]){i, least(i + run, size + 1),
					      least(i + 2 * run, size + 1)});
		swap = from;
		from = to;
		to = swap;
	}
	for (lua_Integer i = 1; i <= size; i++) {
		vmoon_ldguard_check(L);
		lua_rawgeti(L, from, i);
		lua_seti(L, TABLE, i);
	}
	return 0;
}

void vmoon_ldlib_push_table(lua_State *L)
{
	static const luaL_Reg own[] = {
		{"insert", device_insert},
		{"remove", device_remove},
		{"sort", device_sort},
		{"move", device_move},
		{"concat", device_concat},
		{"unpack", device_unpack},
		{NULL, NULL},
	};

	luaopen_table(L);
	luaL_setfuncs(L, own, 0);
}
