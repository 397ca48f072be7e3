/* SPDX-License-Identifier: MIT */
/* lcore.h - the primitives under the Lua parts. */
#ifndef VMOON_BINDINGS_LCORE_H
#define VMOON_BINDINGS_LCORE_H

#include <lua.h>

/* Adds the primitives to the table on the top of the stack. */
void vmoon_lcore_open(lua_State *L);

#endif
