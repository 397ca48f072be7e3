/* SPDX-License-Identifier: MIT */
/* ldevices_lua.h - the methods of vm.device.NAME that devices in Lua have. */
#ifndef VMOON_BINDINGS_LDEVICES_LUA_H
#define VMOON_BINDINGS_LDEVICES_LUA_H

#include "ldevices.h"
#include "lvm.h"

/* Types of devices in Lua. */
#define VMOON_LDEVICE_LUA "lua-device"
#define VMOON_LDEVICE_LUA_VIRTIO "lua-virtio"

/* The device at 1. */
struct vmoon_ldevice {
	struct vmoon_lvm *vm;
	const char *name, *type; /* borrowed from the handle */
};
/* Pushes what it looks at: the VM's handle is on the top. */
struct vmoon_ldevice vmoon_ldevices_check(lua_State *L);
bool vmoon_ldevices_is_lua(const struct vmoon_ldevice *d) VMOON_NONNULL(1);
/* Adds what the device at 1 counts to the table on the top. */
void vmoon_ldevices_add_stats(lua_State *L);

/*
 * Calls fn under the device's lock; nothing in it may raise. Raises for
 * another kind of device.
 */
struct vmoon_ldobj;
void vmoon_ldevices_visit(lua_State *L, const struct vmoon_ldevice *d,
			  void (*fn)(void *ctx, struct vmoon_ldobj *obj),
			  void *ctx);
/* ldevices_away.c: adds what away.lua needs to the table on the top. */
void vmoon_ldevices_open_away(lua_State *L);

/* Methods, and properties. */
int vmoon_ldevices_call(lua_State *L);
int vmoon_ldevices_events(lua_State *L);
int vmoon_ldevices_log(lua_State *L);
int vmoon_ldevices_regs(lua_State *L);
int vmoon_ldevices_reload(lua_State *L);
int vmoon_ldevices_state(lua_State *L);
int vmoon_ldevices_stats(lua_State *L);
int vmoon_ldevices_watch(lua_State *L);

#endif
