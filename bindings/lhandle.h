/* SPDX-License-Identifier: MIT */
/* lhandle.h - userdata types whose fields and methods are strict. */
#ifndef VMOON_BINDINGS_LHANDLE_H
#define VMOON_BINDINGS_LHANDLE_H

#include <lauxlib.h>

/*
 * Registers the metatable `type`. Methods are called by the script, properties
 * when a field is read (with the handle as argument). Any other name raises
 * with a hint, and so does every assignment.
 */
void vmoon_lhandle_open(lua_State *L, const char *type,
			const luaL_Reg *metamethods, const luaL_Reg *methods,
			const luaL_Reg *properties);

/* Pushes the method or the property table of `type`, for the Lua parts. */
void vmoon_lhandle_push_methods(lua_State *L, const char *type);
void vmoon_lhandle_push_properties(lua_State *L, const char *type);

#endif
