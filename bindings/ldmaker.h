/* SPDX-License-Identifier: MIT */
/* ldmaker.h - the key "devices": files in Lua as devices of a VM. */
#ifndef VMOON_BINDINGS_LDMAKER_H
#define VMOON_BINDINGS_LDMAKER_H

#include <lua.h>

#include "lcfg.h"
#include "ldobj.h"

/* From now on VMs of this runtime may have devices in Lua. */
VMOON_STATUS vmoon_ldmaker_install(struct vmoon_runtime *rt,
				   struct vmoon_error *err) VMOON_NONNULL(1);
/*
 * Reads and checks every file that the config names, and raises the mistakes
 * of the first that has some, each with its place: in that file, or, for those
 * of its parameters, in the script; function and origin as of vmoon_lcfg_check.
 */
void vmoon_ldmaker_check(lua_State *L, const struct vmoon_config *cfg,
			 const char *function,
			 const struct vmoon_lcfg_origin *origin)
	VMOON_NONNULL(1, 2, 3);

#endif
