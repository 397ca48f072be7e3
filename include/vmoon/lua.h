/* SPDX-License-Identifier: MIT */
/* lua.h - embedder API of libvmoon-lua: VMs in a Lua state of the host's. */
#ifndef VMOON_LUA_H
#define VMOON_LUA_H

#include "vmoon/base.h"
#include "vmoon/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct lua_State;
struct vmoon_runtime;
struct vmoon_vm;

/*
 * The module "vmoon" as a lua_CFunction, for luaL_requiref(L, "vmoon",
 * vmoon_lua_open, 0). Like every such function it may raise. From then on the
 * state belongs to the calling thread.
 */
VMOON_API int vmoon_lua_open(struct lua_State *L);

/*
 * VMs that this runtime creates from now on may have devices in Lua: the files
 * that the key "devices" of their config names. The runtime's thread. E_INVAL.
 */
VMOON_API VMOON_STATUS vmoon_lua_open_devices(struct vmoon_runtime *rt,
					      struct vmoon_error *err);

/*
 * Pushes a handle of a VM that stays the caller's: vm:close() and the
 * collector only let go of it. The VM must outlive the handle or the state.
 * E_STATE before vmoon_lua_open, E_NOMEM; nothing is pushed then and nothing
 * is raised. Only the thread of the VM's runtime.
 */
VMOON_API VMOON_STATUS vmoon_lua_push_vm(struct lua_State *L,
					 struct vmoon_vm *vm,
					 struct vmoon_error *err);
/* Borrowed from the handle at index; NULL when it is closed or is none. */
VMOON_API struct vmoon_vm *vmoon_lua_to_vm(struct lua_State *L, int index);

#ifdef __cplusplus
}
#endif

#endif
