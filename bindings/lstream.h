/* SPDX-License-Identifier: MIT */
/* lstream.h - vm.serial: the console of a VM as a stream. */
#ifndef VMOON_BINDINGS_LSTREAM_H
#define VMOON_BINDINGS_LSTREAM_H

#include <lua.h>

#define VMOON_LSTREAM_TYPE "vmoon.stream"

void vmoon_lstream_open(lua_State *L);
/* Pushes the stream handle of the VM handle at idx, which it keeps alive. */
void vmoon_lstream_push(lua_State *L, int idx);

#endif
