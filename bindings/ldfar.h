/* SPDX-License-Identifier: MIT */
/* ldfar.h - d of a function that stays in the script (where = "script"). */
#ifndef VMOON_BINDINGS_LDFAR_H
#define VMOON_BINDINGS_LDFAR_H

#include <lua.h>
#include <stddef.h>

#include "vmoon/base.h"

/* Bytes of a list there, as values here. */
struct vmoon_ldfar_parcel {
	const unsigned char *bytes;
	size_t len;
};

/* As vmoon_ldpack_list, raises why not. */
const unsigned char *vmoon_ldfar_pack(lua_State *L, int first, size_t *out_len)
	VMOON_NONNULL(1, 3);

/*
 * In the device's state, with d and a parcel; the result keeps the bytes of
 * the parcel that comes back. look: keys; back come "far", "fn", or "is" and
 * the value. set: keys and a value; nothing comes back. call: a method's name
 * and its arguments; its results.
 */
int vmoon_ldfar_look(lua_State *L);
int vmoon_ldfar_set(lua_State *L);
int vmoon_ldfar_call(lua_State *L);

#endif
