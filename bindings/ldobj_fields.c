/* SPDX-License-Identifier: MIT */
/*
 * ldobj_fields.c - what on_write of a register with fields gets: two tables,
 * made once. Lua fills them, by a function that is written for the register:
 * the same by the C interface takes four times as long.
 */
#include <lauxlib.h>
#include <stdio.h>

#include "ldobj_parts.h"

enum { LINE_MAX_BYTES = 192 };

struct decoder {
	const struct vmoon_reg *reg;
	uint64_t bools; /* fields that are one */
};

/* n["ENABLE"]=a&0x1~=0; names are those of Lua: ldcheck_say.c. */
static void add_field(luaL_Buffer *b, const struct decoder *c, size_t i,
		      const char *how)
{
	const struct vmoon_reg_field *f = &c->reg->fields[i];
	const unsigned long long ones = UINT64_MAX >> (64 - f->bits);
	char line[LINE_MAX_BYTES];

	if ((c->bools >> i & 1) != 0)
		(void)snprintf(line, sizeof(line), "%c[\"%s\"]=%c&0x%llx~=0\n",
			       how[0], f->name, how[1], ones << f->first);
	else
		(void)snprintf(line, sizeof(line), "%c[\"%s\"]=%c>>%u&0x%llx\n",
			       how[0], f->name, how[1], f->first, ones);
	luaL_addstring(b, line);
}

static void add_fields(luaL_Buffer *b, const struct decoder *c, const char *how)
{
	for (size_t i = 0; i < c->reg->field_count; i++)
		add_field(b, c, i, how);
}

/* Its text. Who does not look at what was there before does not pay for it. */
static void push_text(lua_State *L, const struct decoder *c, bool has_old)
{
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	luaL_addstring(&b, "local f,new,old=...\n"
			   "return function(d,a,b,e)\n"
			   "local n,o=new,old\n");
	add_fields(&b, c, "na");
	if (has_old)
		add_fields(&b, c, "ob");
	luaL_addstring(&b,
		       c->reg->count > 1 ? "f(d,n,o,e)\nend" : "f(d,n,o)\nend");
	luaL_pushresult(&b);
}

/* The decoder, on_write: what is called instead of on_write. */
static int make(lua_State *L)
{
	const struct decoder *c = lua_touserdata(L, 1);
	const int count = (int)c->reg->field_count; /* at most 64 */
	char name[VMOON_REGMAP_NAME_MAX + 16];
	lua_Debug ar;
	const char *text;
	size_t len;

	lua_pushvalue(L, 2);
	if (lua_getinfo(L, ">u", &ar) == 0)
		return luaL_error(L, "on_write cannot be asked");
	if (ar.isvararg == 0 && ar.nparams < 2)
		return 1; /* it looks at d alone */
	push_text(L, c, ar.isvararg != 0 || ar.nparams > 2);
	text = lua_tolstring(L, -1, &len);
	(void)snprintf(name, sizeof(name), "=fields of %s", c->reg->name);
	vmoon_ldstate_load(L, text, len, name);
	lua_pushvalue(L, 2);
	lua_createtable(L, 0, count);
	lua_createtable(L, 0, count);
	lua_call(L, 3, 1);
	return 1;
}

static enum vmoon_status wrap(const struct vmoon_ldcode *code, size_t i,
			      struct vmoon_error *err)
{
	const struct vmoon_ldhook *hook =
		vmoon_ldcode_hook(code, VMOON_LDHOOK_WRITE, i);
	struct decoder c = {&code->spec->map.regs[i], code->bools[i]};
	lua_State *L = vmoon_ldstate_lua(code->state);

	if (hook == NULL || c.reg->field_count == 0)
		return VMOON_OK;
	lua_pushcfunction(L, make);
	lua_pushlightuserdata(L, &c);
	lua_pushvalue(L, hook->fn);
	if (!vmoon_ldstate_call(code->state, 2, 1))
		return vmoon_fail(err, VMOON_E_SCRIPT, 0, "%s",
				  vmoon_ldstate_error(code->state));
	lua_replace(L, hook->fn);
	return VMOON_OK;
}

enum vmoon_status vmoon_ldfields_open(const struct vmoon_ldcode *code,
				      struct vmoon_error *err)
{
	enum vmoon_status st = VMOON_OK;

	for (size_t i = 0; i < code->spec->map.reg_count && st == VMOON_OK; i++)
		st = wrap(code, i, err);
	return st;
}
