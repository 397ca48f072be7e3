/* SPDX-License-Identifier: MIT */
/* lmatchlib.c - string.find, match, gmatch and gsub on the bounded matcher. */
#include "lmatch.h"

#include <lauxlib.h>
#include <string.h>

#include "vmoon/base.h"

enum {
	STEPS_UNNOTICED = 10000,  /* as many instructions cost as little */
	STEPS_A_PATTERN_BYTE = 16 /* a class is 256 bytes to look at */
};

/* One call: the text at 1, the pattern at 2, the compiled one on the stack. */
struct call {
	struct vmoon_lmatch m;
	const struct vmoon_lmatch_item *items;
	const struct vmoon_lmatch_meter *meter; /* NULL: none */
	long seen; /* steps that were left at the last look at their cost */
	bool is_anchored;
};

/* How many steps it has; the meter is the upvalue at index. */
static void start_steps(lua_State *L, struct call *c, int index)
{
	c->meter = lua_touserdata(L, lua_upvalueindex(index));
	c->m.steps = c->seen =
		c->meter == NULL ? VMOON_LMATCH_STEPS_MAX : c->meter->left(L);
}

static void start_call(lua_State *L, struct call *c, bool may_anchor)
{
	size_t len;
	const char *pattern = luaL_checklstring(L, 2, &len);

	c->m.text = luaL_checklstring(L, 1, &c->m.len);
	start_steps(L, c, 1);
	if (c->meter != NULL) {
		c->meter->spend(L, (long)len * STEPS_A_PATTERN_BYTE);
		start_steps(L, c, 1);
	}
	c->is_anchored = may_anchor && len > 0 && pattern[0] == '^';
	c->items = vmoon_lmatch_compile(L, pattern + c->is_anchored,
					len - c->is_anchored, &c->m.captures);
}

/* Raises when the steps are gone, or the hook finds that the time is. */
static void look_at_cost(lua_State *L, struct call *c)
{
	lua_Hook hook = lua_gethook(L);
	long steps = c->seen - c->m.steps;

	if (c->meter != NULL) {
		c->seen = c->m.steps;
		c->meter->spend(L, steps);
		return;
	}
	if (steps < STEPS_UNNOTICED)
		return;
	c->seen = c->m.steps;
	if (hook != NULL)
		hook(L, NULL);
	if (c->m.steps < 0)
		luaL_error(L, "pattern takes too many steps on this text");
}

static bool find_next(lua_State *L, struct call *c, size_t *start, size_t *end)
{
	bool is_found = false;

	for (; *start <= c->m.len; (*start)++) {
		is_found = vmoon_lmatch_at(&c->m, c->items, *start, end);
		if (is_found || c->is_anchored || c->m.steps < 0)
			break;
	}
	look_at_cost(L, c);
	return is_found;
}

/* Capture i, or all that matched where the pattern has no capture. */
static void push_capture(lua_State *L, const struct vmoon_lmatch *m, unsigned i,
			 size_t start, size_t end)
{
	if (i >= m->captures)
		lua_pushlstring(L, m->text + start, end - start);
	else if (m->capture[i].is_position)
		lua_pushinteger(L, (lua_Integer)m->capture[i].start + 1);
	else
		lua_pushlstring(L, m->text + m->capture[i].start,
				m->capture[i].len);
}

static int push_captures(lua_State *L, const struct vmoon_lmatch *m,
			 unsigned least, size_t start, size_t end)
{
	unsigned count = m->captures > least ? m->captures : least;

	luaL_checkstack(L, (int)count, "too many captures");
	for (unsigned i = 0; i < count; i++)
		push_capture(L, m, i, start, end);
	return (int)count;
}

/* From 0; NULL past the end of the text. */
static bool read_init(lua_State *L, size_t len, size_t *out_start)
{
	lua_Integer init = luaL_optinteger(L, 3, 1);

	if (init < 0)
		init = init < -(lua_Integer)len ? 1
						: (lua_Integer)len + init + 1;
	else if (init == 0)
		init = 1;
	*out_start = (size_t)init - 1;
	return *out_start <= len;
}

static int find_plain(lua_State *L, const char *text, size_t len, size_t start)
{
	size_t what_len;
	const char *what = lua_tolstring(L, 2, &what_len);
	const char *at = memmem(text + start, len - start, what, what_len);

	if (at == NULL) {
		luaL_pushfail(L);
		return 1;
	}
	lua_pushinteger(L, at - text + 1);
	lua_pushinteger(L, at - text + (lua_Integer)what_len);
	return 2;
}

static int bounded_find(lua_State *L)
{
	struct call c;
	size_t start, end, len;
	const char *text = luaL_checklstring(L, 1, &len);

	luaL_checkstring(L, 2);
	if (!read_init(L, len, &start)) {
		luaL_pushfail(L);
		return 1;
	}
	if (lua_toboolean(L, 4))
		return find_plain(L, text, len, start);
	start_call(L, &c, true);
	if (!find_next(L, &c, &start, &end)) {
		luaL_pushfail(L);
		return 1;
	}
	lua_pushinteger(L, (lua_Integer)start + 1);
	lua_pushinteger(L, (lua_Integer)end);
	return push_captures(L, &c.m, 0, start, end) + 2;
}

static int bounded_match(lua_State *L)
{
	struct call c;
	size_t start, end, len;

	luaL_checklstring(L, 1, &len);
	luaL_checkstring(L, 2);
	if (!read_init(L, len, &start)) {
		luaL_pushfail(L);
		return 1;
	}
	start_call(L, &c, true);
	if (find_next(L, &c, &start, &end))
		return push_captures(L, &c.m, 1, start, end);
	luaL_pushfail(L);
	return 1;
}

/* Upvalues: text, pattern, compiled, where to go on, end of the last match,
 * number of captures, meter. */
static int next_match(lua_State *L)
{
	struct call c = {.items = lua_touserdata(L, lua_upvalueindex(3))};
	size_t start = (size_t)lua_tointeger(L, lua_upvalueindex(4));
	lua_Integer last = lua_tointeger(L, lua_upvalueindex(5));
	size_t end;

	c.m.text = lua_tolstring(L, lua_upvalueindex(1), &c.m.len);
	c.m.captures = (unsigned)lua_tointeger(L, lua_upvalueindex(6));
	start_steps(L, &c, 7);
	while (find_next(L, &c, &start, &end)) {
		if ((lua_Integer)end == last) { /* empty, and seen already */
			start++;
			continue;
		}
		lua_pushinteger(L, (lua_Integer)end);
		lua_copy(L, -1, lua_upvalueindex(4));
		lua_replace(L, lua_upvalueindex(5));
		return push_captures(L, &c.m, 1, start, end);
	}
	return 0;
}

static int bounded_gmatch(lua_State *L)
{
	struct call c;
	size_t start, len;

	luaL_checklstring(L, 1, &len);
	luaL_checkstring(L, 2);
	if (!read_init(L, len, &start))
		start = len + 1;
	lua_settop(L, 2);
	start_call(L, &c, false);
	lua_pushinteger(L, (lua_Integer)start);
	lua_pushinteger(L, -1);
	lua_pushinteger(L, c.m.captures);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_pushcclosure(L, next_match, 7);
	return 1;
}

/* The replacement text with its %0 to %9 and %%. */
static void add_template(lua_State *L, luaL_Buffer *b,
			 const struct vmoon_lmatch *m, size_t start, size_t end)
{
	size_t len;
	const char *text = lua_tolstring(L, 3, &len);

	for (size_t i = 0; i < len; i++) {
		unsigned index;

		if (text[i] != '%') {
			luaL_addchar(b, text[i]);
			continue;
		}
		i++;
		if (i < len && text[i] == '%') {
			luaL_addchar(b, '%');
			continue;
		}
		if (i == len || text[i] < '0' || text[i] > '9')
			luaL_error(L, "invalid use of '%%' in replacement "
				      "string");
		index = (unsigned)(text[i] - '0');
		if (index == 0) {
			luaL_addlstring(b, m->text + start, end - start);
			continue;
		}
		if (index > m->captures && index > 1)
			luaL_error(L,
				   "invalid capture index %%%d in replacement "
				   "string",
				   (int)index);
		push_capture(L, m, index - 1, start, end);
		luaL_addvalue(b);
	}
}

/* Adds what a match becomes; false when it stays as it is. */
static bool add_replacement(lua_State *L, luaL_Buffer *b, const struct call *c,
			    size_t start, size_t end)
{
	const struct vmoon_lmatch *m = &c->m;
	int count;

	switch (lua_type(L, 3)) {
	case LUA_TFUNCTION:
		if (c->meter != NULL)
			c->meter->check_depth(L);
		lua_pushvalue(L, 3);
		count = push_captures(L, m, 1, start, end);
		lua_call(L, count, 1);
		break;
	case LUA_TTABLE: /* perhaps with an __index */
		if (c->meter != NULL)
			c->meter->check_depth(L);
		push_capture(L, m, 0, start, end);
		lua_gettable(L, 3);
		break;
	default: add_template(L, b, m, start, end); return true;
	}
	if (!lua_toboolean(L, -1)) {
		lua_pop(L, 1);
		luaL_addlstring(b, m->text + start, end - start);
		return false;
	}
	if (!lua_isstring(L, -1))
		luaL_error(L, "invalid replacement value (a %s)",
			   luaL_typename(L, -1));
	luaL_addvalue(b);
	return true;
}

static int bounded_gsub(lua_State *L)
{
	struct call c;
	luaL_Buffer b;
	size_t at = 0, end, last = SIZE_MAX;
	lua_Integer count = 0, most;
	bool is_changed = false;
	int type = lua_type(L, 3);

	luaL_checkstring(L, 1);
	luaL_checkstring(L, 2);
	luaL_argexpected(L,
			 type == LUA_TNUMBER || type == LUA_TSTRING ||
				 type == LUA_TTABLE || type == LUA_TFUNCTION,
			 3, "string/function/table");
	most = lua_isnoneornil(L, 4) ? LUA_MAXINTEGER : luaL_checkinteger(L, 4);
	start_call(L, &c, true);
	luaL_buffinit(L, &b);
	while (count < most) {
		bool is_match = vmoon_lmatch_at(&c.m, c.items, at, &end);

		look_at_cost(L, &c);
		if (is_match && end != last) {
			count++;
			is_changed |= add_replacement(L, &b, &c, at, end);
			at = last = end;
		} else if (at < c.m.len) {
			luaL_addchar(&b, c.m.text[at]);
			at++;
		} else {
			break;
		}
		if (c.is_anchored)
			break;
	}
	if (is_changed) {
		luaL_addlstring(&b, c.m.text + at, c.m.len - at);
		luaL_pushresult(&b);
	} else {
		lua_pushvalue(L, 1);
	}
	lua_pushinteger(L, count);
	return 2;
}

static const luaL_Reg functions[] = {
	{"find", bounded_find},
	{"match", bounded_match},
	{"gmatch", bounded_gmatch},
	{"gsub", bounded_gsub},
	{NULL, NULL},
};

void vmoon_lmatch_open(lua_State *L)
{
	lua_pushnil(L);
	luaL_setfuncs(L, functions, 1);
}

void vmoon_lmatch_open_metered(lua_State *L,
			       const struct vmoon_lmatch_meter *meter)
{
	/* The cast: nobody writes to it. */
	lua_pushlightuserdata(L, (void *)(uintptr_t)meter);
	luaL_setfuncs(L, functions, 1);
}
