/* SPDX-License-Identifier: MIT */
/* ldproblems.h - mistakes of a device file as one vmoon.Error. */
#ifndef VMOON_BINDINGS_LDPROBLEMS_H
#define VMOON_BINDINGS_LDPROBLEMS_H

#include <lua.h>

#include "lcfg.h"
#include "ldspec.h"

/* Kept aside while the device's state is at work: adding raises nothing. */
struct vmoon_ldproblems;

/* Pushes a box (vmoon_lbox) with an empty list. mem is borrowed, or NULL. */
struct vmoon_ldproblems *vmoon_ldproblems_push(lua_State *L,
					       struct vmoon_mem *mem);
/* For vmoon_ldspec_load, with the list as ctx. */
void vmoon_ldproblems_add(void *list, const struct vmoon_ldproblem *problem)
	VMOON_NONNULL(1, 2);

/* Pushes it as a list of problems as locate.lua has them. */
void vmoon_ldproblems_push_list(lua_State *L,
				const struct vmoon_ldproblems *list)
	VMOON_NONNULL(1, 2);

struct vmoon_ldproblems_origin {
	const struct vmoon_ldspec_source *source;
	const char *function, *prefix;
	const struct vmoon_lcfg_origin *script; /* NULL: the call's own line */
	/* Of an inline device, which is in the script too: its own prefix. */
	const char *inline_prefix;
};

/*
 * Raises all of them, each with file:line:column, the line and a caret. Those
 * of parameters are in the script, which called the running C function, known
 * as origin's, in the table under its prefix: "devices.1", or "" for the whole.
 * With none in the list, err is raised.
 */
int vmoon_ldproblems_raise(lua_State *L, const struct vmoon_ldproblems *list,
			   const struct vmoon_ldproblems_origin *origin,
			   const struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 3, 4);

/* The same of such a list at idx. */
int vmoon_ldproblems_raise_list(lua_State *L, int idx,
				const struct vmoon_ldproblems_origin *origin)
	VMOON_NONNULL(1, 3);

#endif
