/* SPDX-License-Identifier: MIT */
/* lsize.h - sizes in bytes as Lua values: 128 * vmoon.MiB. */
#ifndef VMOON_BINDINGS_LSIZE_H
#define VMOON_BINDINGS_LSIZE_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

void vmoon_lsize_open(lua_State *L);
void vmoon_lsize_push(lua_State *L, uint64_t bytes);
/* Runs no metamethod. out_bytes is written only when it is a size. */
bool vmoon_lsize_get(lua_State *L, int idx, uint64_t *out_bytes);

#endif
