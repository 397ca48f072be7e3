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
 * Adds what only some scripts need: config_error of core, and methods of VMs
 * and streams. False: they are there already. Raises without memory.
 */
bool vmoon_lmod_load_later_parts(lua_State *L);

VMOON_API int luaopen_vmoon(lua_State *L);

#endif
