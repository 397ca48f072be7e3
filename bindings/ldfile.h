/* SPDX-License-Identifier: MIT */
/* ldfile.h - a device file that is only checked. */
#ifndef VMOON_BINDINGS_LDFILE_H
#define VMOON_BINDINGS_LDFILE_H

#include <lua.h>

/*
 * (path): for vmoon_lmod's states. Loads the file as a device would, with the
 * defaults of its parameters, and raises a vmoon.Error of all its mistakes.
 * That a parameter must be given is none.
 */
int vmoon_ldfile_check(lua_State *L);

#endif
