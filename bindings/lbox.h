/* SPDX-License-Identifier: MIT */
/* lbox.h - a userdata that owns one C object, closed by the collector. */
#ifndef VMOON_BINDINGS_LBOX_H
#define VMOON_BINDINGS_LBOX_H

#include <lua.h>

/*
 * Pushed closed, so that no Lua error can leak what is opened into it later:
 * push the box, create the object, store it in `object`.
 */
struct vmoon_lbox {
	void *object;            /* owned; NULL while closed */
	void (*destroy)(void *); /* takes object */
};

void vmoon_lbox_open(lua_State *L);
struct vmoon_lbox *vmoon_lbox_push(lua_State *L, void (*destroy)(void *));
/* Idempotent. */
void vmoon_lbox_close(struct vmoon_lbox *box);

#endif
