/* SPDX-License-Identifier: MIT */
/* ldinline.h - devices that a script describes itself instead of in a file. */
#ifndef VMOON_BINDINGS_LDINLINE_H
#define VMOON_BINDINGS_LDINLINE_H

#include "ldspec.h"

/* ---- linline.c: the script's own state ---- */

/* Pushes vmoon.device: each constructor marks its table. For lua_call. */
int vmoon_linline_open_module(lua_State *L);
/* Adds what inline.lua needs to the table on the top. */
void vmoon_linline_open_core(lua_State *L);
/* Whether the value at idx is a table that a constructor gave back. */
bool vmoon_linline_is_device(lua_State *L, int idx);
/* The same, and which constructor. */
bool vmoon_linline_kind(lua_State *L, int idx,
			enum vmoon_ldspec_kind *out_kind);
/*
 * Pushes a list of what of the device at idx cannot move, for
 * core.device_error: empty when it all can; a list of functions that stay
 * (where = "script"); and bytes for vmoon_ldinline_push, in which something
 * stands in for what cannot move.
 */
void vmoon_linline_pack(lua_State *L, int idx);

/* ---- ldinline.c: the device's state ---- */

/*
 * Pushes the table that the bytes, made in this process, stand for, and says
 * its kind. Raises what they do not say as vmoon_linline_pack would.
 */
enum vmoon_ldspec_kind vmoon_ldinline_push(lua_State *L, const char *bytes,
					   size_t len);

#endif
