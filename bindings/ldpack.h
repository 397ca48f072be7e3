/* SPDX-License-Identifier: MIT */
/* ldpack.h - plain Lua data as bytes: between states, and in snapshots. */
#ifndef VMOON_BINDINGS_LDPACK_H
#define VMOON_BINDINGS_LDPACK_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "vmoon/config.h"
#include "vmoon/mem.h"

/*
 * nil, booleans, numbers, strings, and tables of these: without a metatable,
 * which would be lost, and no cycles; of integer keys that are in no list at
 * most 16384. A table that is there twice becomes two.
 */
enum {
	VMOON_LDPACK_DEPTH_MAX = 16,
	VMOON_LDPACK_BYTES_MAX = 4 << 20,
	VMOON_LDPACK_PATH_MAX = 128,
	VMOON_LDPACK_LIST_MAX = 8000
};

/*
 * Appends the value at idx to buf, at most cap bytes (buf NULL: only counts,
 * and no further than to cap + 1, unless cap is 0: tables that are shared grow
 * fast).
 * Never raises and runs no metamethod. 0 when it cannot be moved: why has one
 * sentence with the path to the culprit then, as in
 * "state.cache.fn: a function cannot be saved". Keys come in a fixed order
 * (integers, then strings by bytes), so equal data make equal bytes.
 */
size_t vmoon_ldpack(lua_State *L, int idx, unsigned char *buf, size_t cap,
		    const char *root, char why[VMOON_LDPACK_PATH_MAX + 64]);

/*
 * Pushes the keys of the table at idx that can be saved, in that order: how
 * many. -1, and none pushed, for more of them than can be saved, or than there
 * is room for. Raises nothing; the caller has room for two more values.
 */
int vmoon_ldpack_push_keys(lua_State *L, int idx);

/*
 * The values from first to the top, with their number in n, as table.pack has
 * them; the bytes stay at the top. NULL, and why, for what cannot be moved.
 */
const unsigned char *vmoon_ldpack_list(lua_State *L, int first, size_t *out_len,
				       char why[VMOON_LDPACK_PATH_MAX + 64]);
/* Pushes such values: how many. Raises for bytes that are none. */
int vmoon_ldunpack_list(lua_State *L, const unsigned char *bytes, size_t len);

/*
 * The same of the table of parameters that the config's i-th device has; 0:
 * there is no such device.
 */
size_t vmoon_ldpack_params(const struct vmoon_config *cfg, size_t i,
			   unsigned char *buf, size_t cap) VMOON_NONNULL(1);

/*
 * Pushes the value that is in len bytes; bytes are an attacker's. False, and
 * nothing pushed, for what vmoon_ldpack never makes. May raise (memory): only
 * in a protected call.
 */
bool vmoon_ldunpack(lua_State *L, const unsigned char *buf, size_t len);

#endif
