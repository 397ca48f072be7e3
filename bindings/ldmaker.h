/* SPDX-License-Identifier: MIT */
/* ldmaker.h - the key "devices": files in Lua as devices of a VM. */
#ifndef VMOON_BINDINGS_LDMAKER_H
#define VMOON_BINDINGS_LDMAKER_H

#include <lua.h>

#include "lcfg.h"
#include "ldobj.h"
#include "ldproblems.h"

/*
 * What a script's own devices are, for the time of one vmoon_vm_create: a
 * config has no room for them.
 */
struct vmoon_ldmaker {
	/* Borrowed, by the number of the device; text NULL: it is a file. */
	const struct vmoon_ldspec_source *sources;
	size_t count;
	/* Mistakes of a trusted file, which nobody has run before; or NULL. */
	struct vmoon_ldproblems *problems;
	/* Out, of the device that failed: its number, from 1; 0: none. */
	size_t failed;
	/* What the machine has refused of it: "at", "line", "irq", "name", or
	 * "" for no key of the description's; NULL: the machine has not. */
	const char *key;
	bool is_own;    /* the key is one of the script's own device */
	char hint[128]; /* "": none */
};

/* From now on VMs of this runtime may have devices in Lua; maker or NULL. */
VMOON_STATUS vmoon_ldmaker_install(struct vmoon_runtime *rt,
				   struct vmoon_ldmaker *maker, /* borrowed */
				   struct vmoon_error *err) VMOON_NONNULL(1);
/*
 * Makes the device that the script describes at idx a source, and raises what
 * cannot move, by the origin. Pushes the functions that stay, and its text.
 */
void vmoon_ldmaker_inline(lua_State *L, int idx,
			  struct vmoon_ldspec_source *out,
			  const struct vmoon_ldproblems_origin *origin)
	VMOON_NONNULL(1, 3, 4);
/*
 * Reads and checks every device of the spec at idx, of which cfg was made, and
 * raises the mistakes of all, each with its place: in its file or in the
 * script. None is run after one that used up its time.
 */
void vmoon_ldmaker_check(lua_State *L, int idx, const struct vmoon_config *cfg,
			 const struct vmoon_lcfg_origin *origin)
	VMOON_NONNULL(1, 3, 4);
/*
 * Fills the maker with the devices that the spec at idx describes itself, and
 * pushes lists of functions that stay in the script, by the device's number,
 * and what keeps the devices. They were checked.
 */
void vmoon_ldmaker_fill(lua_State *L, int idx, const struct vmoon_config *cfg,
			struct vmoon_ldmaker *maker) VMOON_NONNULL(1, 3, 4);
/*
 * Raises what is wrong with the device of the spec at idx that failed, as
 * vmoon_ldmaker_check does.
 */
void vmoon_ldmaker_raise(lua_State *L, int idx,
			 const struct vmoon_ldmaker *maker,
			 const struct vmoon_config *cfg,
			 const struct vmoon_lcfg_origin *origin,
			 const struct vmoon_error *err)
	VMOON_NONNULL(1, 3, 4, 5, 6);

#endif
