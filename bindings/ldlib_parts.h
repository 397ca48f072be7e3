/* SPDX-License-Identifier: MIT */
/* ldlib_parts.h - the libraries that ldlib.c puts together. */
#ifndef VMOON_BINDINGS_LDLIB_PARTS_H
#define VMOON_BINDINGS_LDLIB_PARTS_H

#include <lua.h>

#include "ldguard.h"

/* Each pushes its table. */
void vmoon_ldlib_push_coroutine(lua_State *L);
void vmoon_ldlib_push_string(lua_State *L);
void vmoon_ldlib_push_table(lua_State *L);
void vmoon_ldlib_push_math(lua_State *L);

/* lua_CFunctions: see ldrequire.c, ldtext.c. */
int vmoon_ldlib_require(lua_State *L);
int vmoon_ldlib_tostring(lua_State *L);
int vmoon_ldlib_print(lua_State *L);

/* Pushes the value at i as text, without an address in it. */
void vmoon_ldlib_push_text(lua_State *L, int i);

/* Pushes " (did you mean 'x'?)" by the names in the table at i, or "". */
void vmoon_ldlib_push_hint(lua_State *L, const char *name, int i);

#endif
