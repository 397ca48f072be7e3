/* SPDX-License-Identifier: MIT */
/* lcfg.h - Lua tables into a checked vmoon_config, mistakes with positions. */
#ifndef VMOON_BINDINGS_LCFG_H
#define VMOON_BINDINGS_LCFG_H

#include <lua.h>

#include "vmoon/config.h"

/* Where a spec was written, so that its mistakes can be found again. */
struct vmoon_lcfg_origin {
	/* "boot"; "return" for what a script returns; "json": see below. */
	const char *function;
	/* As lua_Debug's: "@file" or the text itself; NULL: as with no origin,
	 * the line of the call. */
	const char *source;
	const char *name; /* to show: "file", "[string \"...\"]" */
	int line;         /* of the call; 0: the end of the file */
};

/*
 * Reads the value at idx without running any metamethod, checks it and pushes
 * a box (vmoon_lbox) that owns the config, which it returns. Raises one
 * vmoon.Error of kind "config" that lists every mistake. A NULL origin means
 * the line that called the running C function, known as `function`.
 */
struct vmoon_config *vmoon_lcfg_check(lua_State *L, int idx,
				      const char *function,
				      const struct vmoon_lcfg_origin *origin);

/* The same for a config that the caller made and keeps; pushes nothing. */
void vmoon_lcfg_check_into(lua_State *L, int idx, struct vmoon_config *cfg,
			   const char *function,
			   const struct vmoon_lcfg_origin *origin);

/*
 * The same for a part of a config, the table at idx, which goes to path, where
 * the caller has made one. Its mistakes are reported without the path.
 */
void vmoon_lcfg_check_at(lua_State *L, int idx, struct vmoon_config *cfg,
			 const char *path, const char *function);

/*
 * Raises what core's function `maker` makes of the list, which has problems as
 * locate.lua has them ("config_error"); origin and function as above.
 */
void vmoon_lcfg_raise(lua_State *L, int list, const char *maker,
		      const char *function,
		      const struct vmoon_lcfg_origin *origin);

/* Whether a file of this name holds JSON instead of a script. */
bool vmoon_lcfg_is_json(const char *path);

/* Pushes the checked config as JSON. */
void vmoon_lcfg_push_json(lua_State *L, const struct vmoon_config *cfg);

#endif
