/* SPDX-License-Identifier: MIT */
/* ldnumbers.h - integers in bytes, by a format as string.unpack has it. */
#ifndef VMOON_BINDINGS_LDNUMBERS_H
#define VMOON_BINDINGS_LDNUMBERS_H

#include <lua.h>

#include "vmoon/base.h"

enum { VMOON_LDNUMBERS_BYTES = 128 }; /* of one format, at most */

/*
 * How many bytes the format is for; raises when it is none. Of string.unpack's
 * it may have < > = x b B h H i[n] I[n] j J and spaces; n is at most 8. What no
 * < or > stands before is little-endian.
 */
size_t vmoon_ldnumbers_size(lua_State *L, const char *format, size_t len)
	VMOON_NONNULL(1, 2);
/* Pushes them, from as many bytes: how many. The format has been measured. */
int vmoon_ldnumbers_push(lua_State *L, const char *format, size_t len,
			 const unsigned char *bytes) VMOON_NONNULL(1, 2, 4);

#endif
