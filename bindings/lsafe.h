/* SPDX-License-Identifier: MIT */
/* lsafe.h - the standard library of a state that may run untrusted scripts. */
#ifndef VMOON_BINDINGS_LSAFE_H
#define VMOON_BINDINGS_LSAFE_H

#include <lua.h>

void vmoon_lsafe_open(lua_State *L);
/* Pops the module: `require "vmoon"` returns it, other names raise. */
void vmoon_lsafe_set_require(lua_State *L);

/*
 * Pushes what a script gets for _ENV: everything that is global by now, read
 * only. Nothing it does to a library reaches our own code.
 */
void vmoon_lsafe_push_environment(lua_State *L);

#endif
