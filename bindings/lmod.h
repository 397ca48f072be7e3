/* SPDX-License-Identifier: MIT */
/* lmod.h - the module table and what its C and Lua parts share. */
#ifndef VMOON_BINDINGS_LMOD_H
#define VMOON_BINDINGS_LMOD_H

#include <lua.h>

#include "vmoon/base.h"

/*
 * The private table of a state: what C offers to the Lua parts (lcore.c) and
 * the functions they add to it. Never reachable from a user's script.
 */
void vmoon_lmod_push_core(lua_State *L);
/*
 * What is written in Lua is compiled when it is first asked for: functions of
 * core, methods of VMs and streams. False: it is there already. Raises without
 * memory; pushing core does the same.
 */
bool vmoon_lmod_load_parts(lua_State *L);

VMOON_API int luaopen_vmoon(lua_State *L);

#endif
