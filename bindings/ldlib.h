/* SPDX-License-Identifier: MIT */
/* ldlib.h - the standard library of a device's state: an allow list. */
#ifndef VMOON_BINDINGS_LDLIB_H
#define VMOON_BINDINGS_LDLIB_H

#include <lua.h>

/* All of it; the global table is the script's environment afterwards. */
void vmoon_ldlib_open(lua_State *L);
/* Pops a table: `require name` returns it. */
void vmoon_ldlib_set_module(lua_State *L, const char *name);

#endif
