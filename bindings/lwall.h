/* SPDX-License-Identifier: MIT */
/* lwall.h - what the walled states have in common: config's and devices'. */
#ifndef VMOON_BINDINGS_LWALL_H
#define VMOON_BINDINGS_LWALL_H

#include <lua.h>
#include <stdbool.h>

/*
 * In place of Lua's own, into the table of the base library on the top.
 * setmetatable refuses finalizers, which would run without a hook, saying why.
 */
void vmoon_lwall_guard_setmetatable(lua_State *L, const char *no_finalizers);
/* xpcall runs its handler after the call, not inside the failing one, where the
 * hook would not see it. */
void vmoon_lwall_guard_xpcall(lua_State *L);

/* getmetatable("") is false from now on. */
void vmoon_lwall_lock_strings(lua_State *L);

/* string.rep of nothing, which would count: true, and that is at 1. */
bool vmoon_lwall_is_empty_rep(lua_State *L);

#endif
