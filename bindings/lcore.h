/* SPDX-License-Identifier: MIT */
/* lcore.h - the primitives under the Lua parts. */
#ifndef VMOON_BINDINGS_LCORE_H
#define VMOON_BINDINGS_LCORE_H

#include <lua.h>
#include <stdbool.h>

/* Adds the primitives to the table on the top of the stack. */
void vmoon_lcore_open(lua_State *L);

/*
 * Pushes the text of a file of at most 1 MiB; false, and nothing pushed, when
 * it cannot be had.
 */
bool vmoon_lcore_push_source(lua_State *L, const char *path);

#endif
