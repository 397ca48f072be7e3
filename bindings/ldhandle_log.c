/* SPDX-License-Identifier: MIT */
/* ldhandle_log.c - the last accesses to a device in Lua, with their names. */
#include <lauxlib.h>
#include <stdio.h>

#include "ldhandle.h"

#define LOG_TYPE "vmoon.accesses"
#define ACCESS_TYPE "vmoon.access"

/* An access, and what it means for whoever reads it. */
struct entry {
	struct vmoon_reg_access_note note;
	const struct vmoon_reg *reg; /* NULL: there is none */
	unsigned index, shift;       /* of reg; of the value, in bits */
};

/* The register that has the byte; no more than 512. */
static void find_reg(const struct vmoon_ldobj *obj, struct entry *e)
{
	const struct vmoon_regmap_spec *map = &vmoon_ldobj_spec(obj)->map;

	e->reg = NULL;
	if (e->note.name == NULL)
		return;
	for (unsigned i = 0; i < map->reg_count; i++) {
		const struct vmoon_reg *reg = &map->regs[i];
		const uint64_t at =
			reg->at + (uint64_t)e->note.element * reg->stride;

		if (e->note.element >= reg->count || e->note.off < at ||
		    e->note.off - at >= reg->width)
			continue;
		e->reg = reg;
		e->index = i;
		e->shift = 8 * (unsigned)(e->note.off - at); /* below 64 */
		return;
	}
}

/* It was ignored: a part of it lies beyond the register. */
static bool is_beyond(const struct entry *e)
{
	return e->reg != NULL && e->note.width > e->reg->width - e->shift / 8;
}

/* Whether the access had all of it. */
static bool has_field(const struct entry *e, size_t i)
{
	const struct vmoon_reg_field *f = &e->reg->fields[i];

	return f->first >= e->shift &&
	       f->first + f->bits <= e->shift + 8 * e->note.width;
}

static void push_fields(lua_State *L, const struct vmoon_ldobj *obj,
			const struct entry *e) /* +1 */
{
	lua_createtable(L, 0, (int)e->reg->field_count); /* at most 64 */
	for (size_t i = 0; i < e->reg->field_count; i++) {
		if (!has_field(e, i))
			continue;
		vmoon_ldobj_push_field(L, obj, e->index, i,
				       e->note.value << e->shift);
		lua_setfield(L, -2, e->reg->fields[i].name);
	}
}

/* ---- its line ---- */

/* Those that are not 0: {DIV=12 ENABLE} */
static void add_fields(luaL_Buffer *b, const struct entry *e)
{
	const uint64_t value = e->note.value << e->shift;
	char number[32];
	const char *sep = " {";

	for (size_t i = 0; i < e->reg->field_count; i++) {
		const struct vmoon_reg_field *f = &e->reg->fields[i];
		const uint64_t bits =
			value >> f->first & UINT64_MAX >> (64 - f->bits);

		if (!has_field(e, i) || bits == 0)
			continue;
		luaL_addstring(b, sep);
		luaL_addstring(b, f->name);
		if (f->bits > 1) {
			(void)snprintf(number, sizeof(number), "=%llu",
				       (unsigned long long)bits);
			luaL_addstring(b, number);
		}
		sep = " ";
	}
	luaL_addstring(b, sep[1] == '{' ? " {}" : "}");
}

static void push_text(lua_State *L, const struct entry *e) /* +1 */
{
	const struct vmoon_reg_access_note *n = &e->note;
	char part[64];
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	if (e->reg == NULL) {
		(void)snprintf(part, sizeof(part), "0x%llx",
			       (unsigned long long)n->off);
		luaL_addstring(&b, part);
	} else {
		luaL_addstring(&b, e->reg->name);
	}
	if (e->reg != NULL && e->reg->count > 1) {
		(void)snprintf(part, sizeof(part), "[%u]", n->element);
		luaL_addstring(&b, part);
	}
	if (e->reg != NULL && e->shift > 0) {
		(void)snprintf(part, sizeof(part), "+%u", e->shift / 8);
		luaL_addstring(&b, part);
	}
	(void)snprintf(part, sizeof(part), " %s 0x%llx",
		       n->is_write ? "<-" : "->", (unsigned long long)n->value);
	luaL_addstring(&b, part);
	if (e->reg == NULL)
		luaL_addstring(&b, " (no register)");
	else if (is_beyond(e))
		luaL_addstring(&b, " (ignored: it is not inside a register)");
	else if (e->reg->field_count > 0)
		add_fields(&b, e);
	luaL_pushresult(&b);
}

/* ---- the list ---- */

static void set_integer(lua_State *L, const char *key, uint64_t value)
{
	lua_pushinteger(L, (lua_Integer)value); /* 64 bits as they are */
	lua_setfield(L, -2, key);
}

static void push_entry(lua_State *L, const struct vmoon_ldobj *obj,
		       const struct entry *e) /* +1 */
{
	lua_createtable(L, 0, 8);
	set_integer(L, "offset", e->note.off);
	set_integer(L, "width", e->note.width);
	set_integer(L, "value", e->note.value);
	lua_pushboolean(L, e->note.is_write);
	lua_setfield(L, -2, "write");
	if (e->reg != NULL) {
		lua_pushstring(L, e->reg->name);
		lua_setfield(L, -2, "register");
		set_integer(L, "index", e->note.element);
	}
	if (is_beyond(e)) {
		lua_pushboolean(L, 1);
		lua_setfield(L, -2, "ignored");
	} else if (e->reg != NULL && e->reg->field_count > 0) {
		push_fields(L, obj, e);
		lua_setfield(L, -2, "fields");
	}
	push_text(L, e);
	lua_setfield(L, -2, "text");
	luaL_setmetatable(L, ACCESS_TYPE);
}

void vmoon_ldhandle_push_log(lua_State *L, const struct vmoon_ldobj *obj)
{
	struct entry e = {0};

	luaL_checkstack(L, 16, NULL);
	lua_newtable(L);
	for (size_t i = 0; vmoon_ldobj_note(obj, i, &e.note); i++) {
		e.shift = 0;
		find_reg(obj, &e);
		push_entry(L, obj, &e);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	luaL_setmetatable(L, LOG_TYPE);
}

static int access_tostring(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_pushliteral(L, "text");
	if (lua_rawget(L, 1) != LUA_TSTRING)
		return luaL_error(L, "the access was changed");
	return 1;
}

static int log_tostring(lua_State *L)
{
	size_t count;
	luaL_Buffer b;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	count = (size_t)lua_rawlen(L, 1);
	luaL_buffinit(L, &b);
	for (size_t i = 1; i <= count; i++) {
		lua_rawgeti(L, 1, (lua_Integer)i);
		luaL_tolstring(L, -1, NULL);
		lua_remove(L, -2);
		luaL_addvalue(&b);
		luaL_addchar(&b, '\n');
	}
	luaL_pushresult(&b);
	return 1;
}

static void set_type(lua_State *L, const char *type, lua_CFunction text)
{
	luaL_newmetatable(L, type);
	lua_pushcfunction(L, text);
	lua_setfield(L, -2, "__tostring");
	lua_pushliteral(L, "locked");
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
}

void vmoon_ldhandle_open_log(lua_State *L)
{
	set_type(L, ACCESS_TYPE, access_tostring);
	set_type(L, LOG_TYPE, log_tostring);
}
