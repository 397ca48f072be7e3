/* SPDX-License-Identifier: MIT */
/* ldspec_params.c - parameters: what a file declares, and what was given. */
#include "ldcheck.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "ldlib_parts.h"
#include "ldpack.h"

enum { PARAMS_MAX = 64, CHOICES_MAX = 64 };
enum { TYPE_INTEGER, TYPE_NUMBER, TYPE_STRING, TYPE_BOOLEAN };

#define ROW(id) (&vmoon_ldkeys_param.rows[id])

/* One that is declared. Stack indices, of nil where there is nothing. */
struct param {
	int type;
	int otherwise, min, max, choices;
};

static const char *const wanted[] = {"an integer", "a number", "a string",
				     "true or false"};

static bool has_type(lua_State *L, int idx, int type)
{
	switch (type) {
	case TYPE_INTEGER: return lua_isinteger(L, idx) != 0;
	case TYPE_NUMBER: return lua_type(L, idx) == LUA_TNUMBER;
	case TYPE_STRING: return lua_type(L, idx) == LUA_TSTRING;
	default: return lua_isboolean(L, idx);
	}
}

/* A number as one writes it. */
static const char *number_text(lua_State *L, int idx, char out[32])
{
	if (lua_isnil(L, idx))
		out[0] = '\0';
	else if (lua_isinteger(L, idx))
		(void)snprintf(out, 32, "%lld",
			       (long long)lua_tointeger(L, idx));
	else
		(void)snprintf(out, 32, "%.14g", lua_tonumber(L, idx));
	return out;
}

/* Numbers compare without a metamethod. NaN is in no range. */
static bool is_in_range(lua_State *L, const struct param *p, int idx)
{
	return (lua_isnil(L, p->min) ||
		lua_compare(L, p->min, idx, LUA_OPLE)) &&
	       (lua_isnil(L, p->max) || lua_compare(L, idx, p->max, LUA_OPLE));
}

static bool is_choice(lua_State *L, const struct param *p, int idx)
{
	bool found = lua_isnil(L, p->choices);

	for (lua_Integer i = 1; i <= CHOICES_MAX && !found; i++) {
		lua_rawgeti(L, p->choices, i);
		found = lua_rawequal(L, -1, idx);
		lua_pop(L, 1);
	}
	return found;
}

static void say_choices(struct vmoon_ldcheck *c, const struct param *p, int idx)
{
	lua_State *L = c->L;
	char shown[VMOON_LDCHECK_SHOWN_MAX], text[256] = "";
	struct vmoon_ldnearest nearest;
	size_t at = 0;

	vmoon_ldnearest_init(&nearest, lua_type(L, idx) == LUA_TSTRING
					       ? lua_tostring(L, idx)
					       : "");
	for (lua_Integer i = 1; i <= CHOICES_MAX; i++) {
		const char *value;

		if (lua_rawgeti(L, p->choices, i) == LUA_TSTRING)
			vmoon_ldnearest_try(&nearest, lua_tostring(L, -1),
					    lua_rawlen(L, -1));
		value = vmoon_ldcheck_show(L, -1, shown);
		if (!lua_isnil(L, -1) && at < sizeof(text))
			at += (size_t)snprintf(text + at, sizeof(text) - at,
					       "%s%s", i > 1 ? ", " : "",
					       strchr(value, ' ') + 1);
		lua_pop(L, 1);
	}
	vmoon_ldcheck_say(c, "expected one of %s; got %s", text,
			  vmoon_ldcheck_show(L, idx, shown));
	vmoon_ldnearest_hint(c, &nearest);
}

static void say_range(struct vmoon_ldcheck *c, const struct param *p, int idx)
{
	char value[32], min[32], max[32];
	lua_State *L = c->L;

	number_text(L, idx, value);
	number_text(L, p->min, min);
	number_text(L, p->max, max);
	if (lua_isnil(L, p->max))
		vmoon_ldcheck_say(c, "%s is not at least %s", value, min);
	else if (lua_isnil(L, p->min))
		vmoon_ldcheck_say(c, "%s is not at most %s", value, max);
	else
		vmoon_ldcheck_say(c, "%s is out of range %s..%s", value, min,
				  max);
}

/* Whether the value at idx is one; otherwise it is said. */
static bool conforms(struct vmoon_ldcheck *c, const struct param *p, int idx)
{
	lua_State *L = c->L;

	if (!has_type(L, idx, p->type)) {
		vmoon_ldcheck_refuse(c, idx, wanted[p->type], NULL);
		return false;
	}
	if (!is_in_range(L, p, idx)) {
		say_range(c, p, idx);
		return false;
	}
	if (!is_choice(L, p, idx)) {
		say_choices(c, p, idx);
		return false;
	}
	return true;
}

/* ---- declarations ---- */

/* min or max: a number of the type, or nil in its place. */
static void check_bound(struct vmoon_ldcheck *c, const struct param *p, int idx,
			const char *key)
{
	const size_t before = vmoon_ldcheck_enter(c, key);

	if (!lua_isnil(c->L, idx) && p->type > TYPE_NUMBER) {
		vmoon_ldcheck_say_key(c, "only integers and numbers have a "
					 "range");
		lua_pushnil(c->L);
		lua_replace(c->L, idx);
	} else if (!lua_isnil(c->L, idx) && !has_type(c->L, idx, p->type)) {
		vmoon_ldcheck_refuse(c, idx, wanted[p->type], NULL);
		lua_pushnil(c->L);
		lua_replace(c->L, idx);
	}
	vmoon_ldcheck_leave(c, before);
}

static void check_bounds(struct vmoon_ldcheck *c, const struct param *p)
{
	char min[32], max[32];
	lua_State *L = c->L;

	check_bound(c, p, p->min, "min");
	check_bound(c, p, p->max, "max");
	if (lua_isnil(L, p->min) || lua_isnil(L, p->max) ||
	    lua_compare(L, p->min, p->max, LUA_OPLE))
		return;
	vmoon_ldcheck_say(c, "min is %s, which is more than max, %s",
			  number_text(L, p->min, min),
			  number_text(L, p->max, max));
	lua_pushnil(L);
	lua_replace(L, p->min);
}

static void check_choices(struct vmoon_ldcheck *c, const struct param *p)
{
	lua_State *L = c->L;
	const size_t before = vmoon_ldcheck_enter(c, "choices");
	const unsigned problems = c->problem_count;
	lua_Integer count;

	if (!lua_istable(L, p->choices)) {
		vmoon_ldcheck_leave(c, before);
		return;
	}
	count = vmoon_ldcheck_list(c, p->choices, "value", CHOICES_MAX);
	if (p->type == TYPE_BOOLEAN)
		vmoon_ldcheck_say(c, "a boolean has no choices but true and "
				     "false");
	else if (count == 0)
		vmoon_ldcheck_say(c, "there is nothing to choose from");
	for (lua_Integer i = 1; i <= count && p->type != TYPE_BOOLEAN; i++) {
		const size_t inner = vmoon_ldcheck_enter_index(c, i);

		lua_rawgeti(L, p->choices, i);
		if (!has_type(L, -1, p->type))
			vmoon_ldcheck_refuse(c, -1, wanted[p->type], NULL);
		lua_pop(L, 1);
		vmoon_ldcheck_leave(c, inner);
	}
	if (c->problem_count != problems) { /* then nothing is judged by it */
		lua_pushnil(L);
		lua_replace(L, p->choices);
	}
	vmoon_ldcheck_leave(c, before);
}

/* Pushes what the table at idx has there, or nil when that is bad. */
static int push_good(struct vmoon_ldcheck *c, int idx,
		     const struct vmoon_ldvalue *v, size_t row)
{
	if (v[row].is_bad)
		lua_pushnil(c->L);
	else
		vmoon_ldcheck_get(c, idx, ROW(row));
	return lua_gettop(c->L);
}

/* Of the declaration at idx; leaves four values. False: its type is bad. */
static bool declare(struct vmoon_ldcheck *c, int idx, struct param *p)
{
	struct vmoon_ldvalue v[VMOON_LDKEY_PARAM_COUNT];
	const struct vmoon_ldvalue *type = &v[VMOON_LDKEY_PARAM_TYPE];
	size_t before;

	vmoon_ldcheck_table(c, idx, &vmoon_ldkeys_param, v);
	p->type = (int)type->number;
	p->otherwise = push_good(c, idx, v, VMOON_LDKEY_PARAM_DEFAULT);
	p->min = push_good(c, idx, v, VMOON_LDKEY_PARAM_MIN);
	p->max = push_good(c, idx, v, VMOON_LDKEY_PARAM_MAX);
	p->choices = push_good(c, idx, v, VMOON_LDKEY_PARAM_CHOICES);
	if (!type->is_set || type->is_bad)
		return false;
	check_bounds(c, p);
	check_choices(c, p);
	if (v[VMOON_LDKEY_PARAM_DEFAULT].is_set) {
		before = vmoon_ldcheck_enter(c, "default");
		VMOON_IGNORE(conforms(c, p, p->otherwise));
		vmoon_ldcheck_leave(c, before);
	}
	return true;
}

/* ---- values ---- */

/* Into the table of values: what was given, or the default. */
static void take_value(struct vmoon_ldcheck *c, const struct param *p,
		       int given, const char *name)
{
	lua_State *L = c->L;

	lua_pushstring(L, name);
	lua_rawget(L, given);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_pushvalue(L, p->otherwise);
	} else {
		c->is_param = true;
		VMOON_IGNORE(conforms(c, p, lua_gettop(L)));
		c->is_param = false;
	}
	if (lua_isnil(L, -1)) {
		c->is_param = true;
		vmoon_ldcheck_say(c, "missing parameter \"%s\"", name);
		vmoon_ldcheck_hint(c,
				   "it has no default: params = { %s = ... "
				   "}",
				   name);
		c->is_param = false;
	}
	lua_pushstring(L, name);
	lua_insert(L, -2);
	lua_rawset(L, c->params);
}

static void check_param(struct vmoon_ldcheck *c, int table, int given,
			const char *name)
{
	lua_State *L = c->L;
	const int top = lua_gettop(L);
	const size_t before = vmoon_ldcheck_enter(c, name);
	struct param p;

	lua_pushstring(L, name);
	lua_rawget(L, table);
	if (!lua_istable(L, -1))
		vmoon_ldcheck_refuse(c, -1, "a table",
				     "hz = { type = \"integer\", default = 50 "
				     "}");
	else if (declare(c, top + 1, &p))
		take_value(c, &p, given, name);
	lua_settop(L, top);
	vmoon_ldcheck_leave(c, before);
}

static bool is_declared(const char *const *names, size_t count,
			const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void say_strangers(struct vmoon_ldcheck *c, int given,
			  const char *const *names, size_t count)
{
	const char **all;
	size_t n;

	c->is_param = true;
	all = vmoon_ldcheck_names(c, given, "parameter", PARAMS_MAX, &n);
	for (size_t i = 0; i < n; i++) {
		const size_t before = vmoon_ldcheck_enter(c, all[i]);
		struct vmoon_ldnearest nearest;

		if (!is_declared(names, count, all[i])) {
			vmoon_ldcheck_say_key(c, "unknown parameter \"%s\"",
					      all[i]);
			vmoon_ldnearest_init(&nearest, all[i]);
			for (size_t k = 0; k < count; k++)
				vmoon_ldnearest_try(&nearest, names[k],
						    strlen(names[k]));
			vmoon_ldnearest_hint(c, &nearest);
		}
		vmoon_ldcheck_leave(c, before);
	}
	c->is_param = false;
}

static void push_given(struct vmoon_ldcheck *c)
{
	lua_State *L = c->L;

	if (c->source->params == NULL)
		lua_newtable(L);
	else if (!vmoon_ldunpack(L, c->source->params, c->source->params_len) ||
		 !lua_istable(L, -1))
		luaL_error(L, "the parameters of the device are no table");
}

/* ---- what the device sees ---- */

static int refuse_read(lua_State *L)
{
	const char *name;

	vmoon_ldlib_push_text(L, 2);
	name = lua_tostring(L, -1);
	vmoon_ldlib_push_hint(L, name, lua_upvalueindex(1));
	return luaL_error(L, "there is no parameter '%s'%s", name,
			  lua_tostring(L, -1));
}

static int refuse_write(lua_State *L)
{
	return luaL_error(L, "parameters are read-only: keep what changes in "
			     "d.state");
}

/* The upvalue: the values. */
static int iterate(lua_State *L)
{
	lua_getglobal(L, "next");
	lua_newtable(L);
	lua_pushnil(L);
	while (lua_next(L, lua_upvalueindex(1)) != 0) {
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		lua_rawset(L, -4);
	}
	lua_pushnil(L);
	return 3;
}

/* The values at the top are replaced by a table that only shows them. */
static void wrap(lua_State *L)
{
	lua_createtable(L, 0, 1);
	lua_pushvalue(L, -2);
	lua_pushcclosure(L, refuse_read, 1);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2); /* of the values: what they lack */
	lua_newtable(L);
	lua_createtable(L, 0, 4);
	lua_pushvalue(L, -3);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, refuse_write);
	lua_setfield(L, -2, "__newindex");
	lua_pushvalue(L, -3);
	lua_pushcclosure(L, iterate, 1);
	lua_setfield(L, -2, "__pairs");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_replace(L, -2);
}

void vmoon_ldspec_check_params(struct vmoon_ldcheck *c, int idx)
{
	lua_State *L = c->L;
	const size_t before = vmoon_ldcheck_enter(c, "params");
	const char **names = NULL;
	size_t count = 0;
	int given;

	luaL_checkstack(L, 24, "device file");
	lua_newtable(L);
	c->params = lua_gettop(L);
	push_given(c);
	given = lua_gettop(L);
	if (lua_istable(L, idx)) {
		names = vmoon_ldcheck_names(c, idx, "parameter", PARAMS_MAX,
					    &count);
		for (size_t i = 0; i < count; i++)
			check_param(c, idx, given, names[i]);
	}
	say_strangers(c, given, names, count);
	lua_pop(L, 1);
	wrap(L);
	lua_pushvalue(L, -1);
	c->spec->params = vmoon_ldcheck_slot(c);
	vmoon_ldcheck_leave(c, before);
}
