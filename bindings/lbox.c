/* SPDX-License-Identifier: MIT */
/* lbox.c - a userdata that owns one C object, closed by the collector. */
#include "lbox.h"

#include <lauxlib.h>
#include <stddef.h>

#define BOX_TYPE "vmoon.box"

struct vmoon_lbox *vmoon_lbox_push(lua_State *L, void (*destroy)(void *))
{
	struct vmoon_lbox *box = lua_newuserdatauv(L, sizeof(*box), 0);

	box->object = NULL;
	box->destroy = destroy;
	luaL_setmetatable(L, BOX_TYPE);
	return box;
}

void vmoon_lbox_close(struct vmoon_lbox *box)
{
	void *object = box->object;

	box->object = NULL;
	if (object != NULL)
		box->destroy(object);
}

static int box_gc(lua_State *L)
{
	vmoon_lbox_close(luaL_checkudata(L, 1, BOX_TYPE));
	return 0;
}

static const luaL_Reg box_metamethods[] = {
	{"__gc", box_gc},
	{"__close", box_gc},
	{NULL, NULL},
};

void vmoon_lbox_open(lua_State *L)
{
	luaL_newmetatable(L, BOX_TYPE);
	luaL_setfuncs(L, box_metamethods, 0);
	lua_pushliteral(L, "locked");
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
}
