/* SPDX-License-Identifier: MIT */
/* lresult.h - library failures as vmoon.Error values that Lua raises. */
#ifndef VMOON_BINDINGS_LRESULT_H
#define VMOON_BINDINGS_LRESULT_H

#include <lua.h>
#include <stdbool.h>

#include "vmoon/error.h"

#define VMOON_LERROR_TYPE "vmoon.Error"
/* Chunk names of the Lua parts begin so; positions skip these frames. */
#define VMOON_LPART_PREFIX "=vmoon:"

void vmoon_lresult_open(lua_State *L);

/*
 * Finds the innermost frame that belongs to the user (has lines and is none
 * of ours) and fills *ar with "Sl" of it. False when there is none.
 */
bool vmoon_lresult_caller(lua_State *L, lua_Debug *ar);

/* Turns the table on the top into a vmoon.Error, with `where` filled in. */
void vmoon_lresult_bless(lua_State *L);

/* Whether the value at idx is a vmoon.Error; runs no metamethod. */
bool vmoon_lresult_is_error(lua_State *L, int idx);

/* Pushes a vmoon.Error; context ("vm 'a'") may be NULL. */
void vmoon_lresult_push(lua_State *L, const char *context,
			const struct vmoon_error *err);
/* Raises it; returns int only so that `return` can stand before it. */
int vmoon_lresult_raise(lua_State *L, const char *context,
			const struct vmoon_error *err);
/* The same for a mistake found in the binding itself (kind "script"). */
int vmoon_lresult_misuse(lua_State *L, const char *message, const char *hint);

#endif
