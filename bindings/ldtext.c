/* SPDX-License-Identifier: MIT */
/* ldtext.c - values of a device's state as text, without addresses. */
#include "ldlib_parts.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

enum {
	LINE_MAX_BYTES = 1024, /* of print */
	NAME_MAX_BYTES = 24,   /* of a name that is looked for */
	EDITS_MAX = 2
};

/* A table, weak in its keys: object -> number; the last number at 0. */
static const char numbers_key;

static void push_numbers(lua_State *L)
{
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &numbers_key) == LUA_TTABLE)
		return;
	lua_pop(L, 1);
	lua_createtable(L, 0, 1);
	lua_createtable(L, 0, 1);
	lua_pushliteral(L, "k");
	lua_setfield(L, -2, "__mode");
	lua_setmetatable(L, -2);
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &numbers_key);
}

/* The same for the same object; says nothing of where it is. */
static lua_Integer number_of(lua_State *L, int i)
{
	lua_Integer number;

	push_numbers(L);
	lua_pushvalue(L, i);
	if (lua_rawget(L, -2) == LUA_TNUMBER) {
		number = lua_tointeger(L, -1);
		lua_pop(L, 2);
		return number;
	}
	lua_pop(L, 1);
	lua_rawgeti(L, -1, 0);
	number = lua_tointeger(L, -1) + 1;
	lua_pop(L, 1);
	lua_pushinteger(L, number);
	lua_rawseti(L, -2, 0);
	lua_pushvalue(L, i);
	lua_pushinteger(L, number);
	lua_rawset(L, -3);
	lua_pop(L, 1);
	return number;
}

static void push_object(lua_State *L, int i)
{
	const char *name = luaL_typename(L, i);
	const lua_Integer number = number_of(L, i);
	const int top = lua_gettop(L);

	if (luaL_getmetafield(L, i, "__name") == LUA_TSTRING)
		name = lua_tostring(L, -1);
	lua_pushfstring(L, "%s: %I", name, (LUAI_UACINT)number);
	lua_insert(L, top + 1);
	lua_settop(L, top + 1);
}

void vmoon_ldlib_push_text(lua_State *L, int i)
{
	i = lua_absindex(L, i);
	luaL_checkstack(L, 8, NULL);
	vmoon_ldguard_check_depth(L);
	if (luaL_callmeta(L, i, "__tostring") != 0) {
		if (lua_isstring(L, -1) == 0)
			luaL_error(L, "'__tostring' must return a string");
		return;
	}
	switch (lua_type(L, i)) {
	case LUA_TNIL:
	case LUA_TBOOLEAN:
	case LUA_TNUMBER:
	case LUA_TSTRING: luaL_tolstring(L, i, NULL); break;
	case LUA_TLIGHTUSERDATA: lua_pushliteral(L, "light userdata"); break;
	default: push_object(L, i); break;
	}
}

int vmoon_ldlib_tostring(lua_State *L)
{
	luaL_checkany(L, 1);
	vmoon_ldlib_push_text(L, 1);
	return 1;
}

/* As much of it as fits. */
int vmoon_ldlib_print(lua_State *L)
{
	const int count = lua_gettop(L);
	char line[LINE_MAX_BYTES];
	size_t at = 0;

	for (int i = 1; i <= count && at < sizeof(line) - 1; i++) {
		size_t len, room;
		const char *text;

		vmoon_ldlib_push_text(L, i);
		text = lua_tolstring(L, -1, &len);
		if (i > 1)
			line[at++] = '\t';
		room = sizeof(line) - 1 - at;
		len = len < room ? len : room;
		memcpy(line + at, text, len);
		at += len;
		lua_pop(L, 1);
	}
	line[at] = '\0';
	vmoon_ldguard_log(L, line);
	return 0;
}

/* ---- "did you mean" ---- */

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned vmoon_ldlib_count_edits(const char *a, const char *b)
{
	unsigned d[NAME_MAX_BYTES + 1][NAME_MAX_BYTES + 1];
	const size_t rows = strlen(a), columns = strlen(b);

	if (rows > NAME_MAX_BYTES || columns > NAME_MAX_BYTES)
		return EDITS_MAX + 1;
	for (unsigned j = 0; j <= columns; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= rows; i++) {
		d[i][0] = (unsigned)i;
		for (size_t j = 1; j <= columns; j++) {
			d[i][j] =
				least(d[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
				      least(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[rows][columns];
}

void vmoon_ldlib_push_hint(lua_State *L, const char *name, int i)
{
	const char *nearest = NULL;
	unsigned fewest = EDITS_MAX + 1;

	lua_pushnil(L);
	while (lua_next(L, i) != 0) {
		const char *other;
		unsigned edits;

		lua_pop(L, 1);
		if (lua_type(L, -1) != LUA_TSTRING)
			continue;
		other = lua_tostring(L, -1); /* the table keeps it */
		edits = vmoon_ldlib_count_edits(name, other);
		/* The first of the alphabet: not the order of a hash. */
		if (edits >= strlen(name) || edits > EDITS_MAX ||
		    edits > fewest ||
		    (edits == fewest && nearest != NULL &&
		     strcmp(other, nearest) > 0))
			continue;
		fewest = edits;
		nearest = other;
	}
	if (nearest == NULL)
		lua_pushliteral(L, "");
	else
		lua_pushfstring(L, " (did you mean '%s'?)", nearest);
}
