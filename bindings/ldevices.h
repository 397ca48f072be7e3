/* SPDX-License-Identifier: MIT */
/* ldevices.h - vm.device and vm.port: handles by the names of a VM's parts. */
#ifndef VMOON_BINDINGS_LDEVICES_H
#define VMOON_BINDINGS_LDEVICES_H

#include <lua.h>

#define VMOON_LDEVICE_TYPE "vmoon.device"

void vmoon_ldevices_open(lua_State *L);
/*
 * Pushes a directory of no entries for the VM handle at idx, which it keeps
 * alive; what: "devices" or "ports".
 */
void vmoon_ldevices_push_directory(lua_State *L, int idx, const char *what);
/* Enters the value on the top, and pops it. */
void vmoon_ldevices_enter(lua_State *L, int directory, const char *name);
/* Pushes a handle of the VM's device of that name. */
void vmoon_ldevices_push(lua_State *L, int vm, const char *name,
			 const char *type);
/* Adds the primitives of ports to the table on the top of the stack. */
void vmoon_ldevices_open_core(lua_State *L);

#endif
