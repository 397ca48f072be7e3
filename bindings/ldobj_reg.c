/* SPDX-License-Identifier: MIT */
/*
 * ldobj_reg.c - registers as Lua sees them: d.reg.
 *
 * Views are made once. d.reg.NAME is an integer, or a view of the fields whose
 * fields are read and written; NAME[i] is an element, counted from 0. A view
 * that is called gives all bits.
 */
#include <lauxlib.h>

#include "ldlib_parts.h"
#include "ldobj_parts.h"

static const struct vmoon_reg *reg_of(const struct vmoon_ldobj *obj,
				      unsigned reg)
{
	return &obj->code.spec->map.regs[reg];
}

static uint64_t field_mask(const struct vmoon_reg_field *f)
{
	return UINT64_MAX >> (64 - f->bits) << f->first;
}

static unsigned upvalue_reg(lua_State *L, int i)
{
	/* Pushed here as a small number. */
	return (unsigned)lua_tointeger(L, lua_upvalueindex(i));
}

static uint64_t get(const struct vmoon_ldobj *obj, unsigned reg,
		    uint32_t element)
{
	return obj->map == NULL ? 0 : vmoon_regmap_get(obj->map, reg, element);
}

static void set(const struct vmoon_ldobj *obj, unsigned reg, uint32_t element,
		uint64_t value)
{
	if (obj->map != NULL)
		vmoon_regmap_set(obj->map, reg, element, value);
}

/* ---- values ---- */

bool vmoon_ldreg_value(lua_State *L, int idx, uint64_t *out,
		       const char **out_why)
{
	lua_Number number;

	if (lua_isinteger(L, idx)) {
		*out = (uint64_t)lua_tointeger(L, idx); /* bits as they are */
		return true;
	}
	if (lua_isboolean(L, idx)) {
		*out = (uint64_t)(lua_toboolean(L, idx) != 0);
		return true;
	}
	if (lua_type(L, idx) != LUA_TNUMBER) {
		*out_why =
			lua_isnil(L, idx) ? "no value" : luaL_typename(L, idx);
		return false;
	}
	number = lua_tonumber(L, idx);
	*out_why = "a number that is no 64-bit integer";
	if (!(number >= -0x1p63 && number < 0x1p64))
		return false;
	*out = number < 0 ? (uint64_t)(int64_t)number : (uint64_t)number;
	/* Below 2^53 it may have had a fraction. */
	return number < 0 ? (lua_Number)(int64_t)number == number
			  : (lua_Number)*out == number;
}

static uint64_t check_value(lua_State *L, int idx)
{
	const char *why;
	uint64_t value = 0;

	if (!vmoon_ldreg_value(L, idx, &value, &why))
		luaL_error(L,
			   "a register takes an integer or a boolean, not %s",
			   why);
	return value;
}

void vmoon_ldreg_field(lua_State *L, const struct vmoon_ldcode *code,
		       unsigned reg, size_t field, uint64_t value)
{
	const struct vmoon_reg_field *f =
		&code->spec->map.regs[reg].fields[field];
	const uint64_t bits = (value & field_mask(f)) >> f->first;

	if ((code->bools[reg] >> field & 1) != 0)
		lua_pushboolean(L, bits != 0);
	else
		lua_pushinteger(L, (lua_Integer)bits); /* as they are */
}

void vmoon_ldobj_push_field(lua_State *L, const struct vmoon_ldobj *obj,
			    unsigned reg, size_t field, uint64_t value)
{
	vmoon_ldreg_field(L, &obj->code, reg, field, value);
}

/* ---- fields: upvalues are names -> index, register, element ---- */

static const struct vmoon_reg_field *check_field(lua_State *L,
						 const struct vmoon_reg *reg)
{
	const char *name;
	lua_Integer i;
	int is_there;

	lua_pushvalue(L, 2);
	lua_rawget(L, lua_upvalueindex(1));
	i = lua_tointegerx(L, -1, &is_there);
	lua_pop(L, 1);
	if (!is_there) {
		name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2)
						     : luaL_typename(L, 2);
		vmoon_ldlib_push_hint(L, name, lua_upvalueindex(1));
		luaL_error(L, "register %s has no field '%s'%s", reg->name,
			   name, lua_tostring(L, -1));
	}
	return &reg->fields[i];
}

static int field_index(lua_State *L)
{
	const struct vmoon_ldobj *obj = vmoon_ldobj_of(L);
	const unsigned reg = upvalue_reg(L, 2);
	const struct vmoon_reg_field *f = check_field(L, reg_of(obj, reg));

	vmoon_ldreg_field(L, &obj->code, reg,
			  (size_t)(f - reg_of(obj, reg)->fields),
			  get(obj, reg, upvalue_reg(L, 3)));
	return 1;
}

static int field_newindex(lua_State *L)
{
	const struct vmoon_ldobj *obj = vmoon_ldobj_of(L);
	const unsigned reg = upvalue_reg(L, 2), element = upvalue_reg(L, 3);
	const struct vmoon_reg_field *f = check_field(L, reg_of(obj, reg));
	const uint64_t mask = field_mask(f), bits = check_value(L, 3)
						    << f->first;

	set(obj, reg, element,
	    (get(obj, reg, element) & ~mask) | (bits & mask));
	return 0;
}

static int field_call(lua_State *L)
{
	/* 64 bits as they are. */
	lua_pushinteger(L,
			(lua_Integer)get(vmoon_ldobj_of(L), upvalue_reg(L, 2),
					 upvalue_reg(L, 3)));
	return 1;
}

static int locked_len(lua_State *L)
{
	lua_pushvalue(L, lua_upvalueindex(1));
	return 1;
}

/* The table on the top gets a metatable whose functions share n upvalues. */
static void set_meta(lua_State *L, const luaL_Reg *fns, int n) /* -n, +0 */
{
	const int table = lua_gettop(L) - n;

	luaL_checkstack(L, n + 4, NULL);
	lua_createtable(L, 0, 4);
	lua_insert(L, -n - 1);
	luaL_setfuncs(L, fns, n);
	lua_pushliteral(L, "locked");
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, table);
}

static void push_field_view(lua_State *L, int names, unsigned reg,
			    uint32_t element) /* +1 */
{
	static const luaL_Reg fns[] = {{"__index", field_index},
				       {"__newindex", field_newindex},
				       {"__call", field_call},
				       {NULL, NULL}};

	lua_newtable(L);
	lua_pushvalue(L, names);
	lua_pushinteger(L, reg);
	lua_pushinteger(L, element);
	set_meta(L, fns, 3);
}

static void push_field_names(lua_State *L, const struct vmoon_reg *reg)
{
	lua_createtable(L, 0, (int)reg->field_count); /* at most 64 */
	for (size_t i = 0; i < reg->field_count; i++) {
		lua_pushinteger(L, (lua_Integer)i);
		lua_setfield(L, -2, reg->fields[i].name);
	}
}

/* ---- arrays: upvalues are the register and, with fields, names, views ---- */

static uint32_t check_element(lua_State *L, const struct vmoon_reg *reg)
{
	int is_there;
	const lua_Integer i = lua_tointegerx(L, 2, &is_there);

	if (!is_there || i < 0 || (lua_Unsigned)i >= reg->count)
		luaL_error(L, "%s has the elements 0 to %d", reg->name,
			   (int)reg->count - 1); /* at most 4096 */
	return (uint32_t)i;
}

static int array_index(lua_State *L)
{
	const struct vmoon_ldobj *obj = vmoon_ldobj_of(L);
	const unsigned reg = upvalue_reg(L, 1);
	const uint32_t i = check_element(L, reg_of(obj, reg));

	if (lua_isnil(L, lua_upvalueindex(2))) {
		lua_pushinteger(L, (lua_Integer)get(obj, reg, i)); /* bits */
		return 1;
	}
	if (lua_rawgeti(L, lua_upvalueindex(3), i) == LUA_TNIL) {
		lua_pop(L, 1); /* the first time */
		push_field_view(L, lua_upvalueindex(2), reg, i);
		lua_pushvalue(L, -1);
		lua_rawseti(L, lua_upvalueindex(3), i);
	}
	return 1;
}

static int array_newindex(lua_State *L)
{
	const struct vmoon_ldobj *obj = vmoon_ldobj_of(L);
	const unsigned reg = upvalue_reg(L, 1);
	const uint32_t i = check_element(L, reg_of(obj, reg));

	set(obj, reg, i, check_value(L, 3));
	return 0;
}

static void push_array_view(lua_State *L, const struct vmoon_reg *reg,
			    unsigned index)
{
	static const luaL_Reg fns[] = {{"__index", array_index},
				       {"__newindex", array_newindex},
				       {NULL, NULL}};
	static const luaL_Reg len[] = {{"__len", locked_len}, {NULL, NULL}};

	lua_newtable(L);
	lua_pushinteger(L, index);
	if (reg->field_count > 0)
		push_field_names(L, reg);
	else
		lua_pushnil(L);
	lua_newtable(L);
	set_meta(L, fns, 3);
	(void)lua_getmetatable(L, -1);
	lua_pushinteger(L, reg->count);
	luaL_setfuncs(L, len, 1);
	lua_pop(L, 1);
}

/* ---- d.reg: upvalues are name -> index or view, name -> index ---- */

static int no_register(lua_State *L)
{
	const char *name;

	if (lua_type(L, 2) == LUA_TSTRING) {
		name = lua_tostring(L, 2);
		vmoon_ldlib_push_hint(L, name, lua_upvalueindex(1));
		return luaL_error(L, "there is no register '%s'%s", name,
				  lua_tostring(L, -1));
	}
	return luaL_error(L, "the name of a register is a string, not %s",
			  luaL_typename(L, 2));
}

static int reg_index(lua_State *L)
{
	int type;

	lua_pushvalue(L, 2);
	type = lua_rawget(L, lua_upvalueindex(1));
	if (type == LUA_TTABLE)
		return 1;
	if (type != LUA_TNUMBER)
		return no_register(L);
	/* 64 bits as they are, of a register by its index. */
	lua_pushinteger(L, (lua_Integer)get(vmoon_ldobj_of(L),
					    (unsigned)lua_tointeger(L, -1), 0));
	return 1;
}

static int reg_newindex(lua_State *L)
{
	const struct vmoon_ldobj *obj = vmoon_ldobj_of(L);
	unsigned reg;

	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNUMBER)
		return no_register(L);
	reg = (unsigned)lua_tointeger(L, -1); /* an index */
	if (reg_of(obj, reg)->count > 1)
		return luaL_error(L, "%s is an array: set %s[i]",
				  reg_of(obj, reg)->name,
				  reg_of(obj, reg)->name);
	set(obj, reg, 0, check_value(L, 3));
	return 0;
}

void vmoon_ldreg_names(lua_State *L, const struct vmoon_ldspec *spec)
{
	lua_createtable(L, 0, (int)spec->map.reg_count); /* at most 512 */
	for (size_t i = 0; i < spec->map.reg_count; i++) {
		lua_pushinteger(L, (lua_Integer)i);
		lua_setfield(L, -2, spec->map.regs[i].name);
	}
}

static void push_entries(lua_State *L, const struct vmoon_ldspec *spec)
{
	lua_createtable(L, 0, (int)spec->map.reg_count); /* at most 512 */
	for (unsigned i = 0; i < spec->map.reg_count; i++) {
		const struct vmoon_reg *reg = &spec->map.regs[i];

		if (reg->count > 1) {
			push_array_view(L, reg, i);
		} else if (reg->field_count > 0) {
			push_field_names(L, reg);
			push_field_view(L, lua_gettop(L), i, 0);
			lua_remove(L, -2);
		} else {
			lua_pushinteger(L, i);
		}
		lua_setfield(L, -2, reg->name);
	}
}

void vmoon_ldreg_push(lua_State *L, const struct vmoon_ldspec *spec)
{
	static const luaL_Reg fns[] = {{"__index", reg_index},
				       {"__newindex", reg_newindex},
				       {NULL, NULL}};

	luaL_checkstack(L, 16, NULL);
	lua_newtable(L);
	push_entries(L, spec);
	vmoon_ldreg_names(L, spec);
	set_meta(L, fns, 2);
}
