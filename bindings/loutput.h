/* SPDX-License-Identifier: MIT */
/* loutput.h - the primitives under the sinks of a stream. */
#ifndef VMOON_BINDINGS_LOUTPUT_H
#define VMOON_BINDINGS_LOUTPUT_H

#include <lua.h>

/* Adds the primitives to the table on the top of the stack. */
void vmoon_loutput_open(lua_State *L);

#endif
