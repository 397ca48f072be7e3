/* SPDX-License-Identifier: MIT */
/* embed.c - libvmoon-lua: what a C program gets of Lua besides the module. */
#include "vmoon/lua.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "ldmaker.h"
#include "lmod.h"
#include "lsandbox.h"
#include "lvm.h"

int vmoon_lua_open(struct lua_State *L)
{
	return luaopen_vmoon(L);
}

enum vmoon_status vmoon_lua_open_devices(struct vmoon_runtime *rt,
					 struct vmoon_error *err)
{
	if (rt == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0, "no runtime given");
	return vmoon_ldmaker_install(rt, NULL, err);
}

/* Protected: the handle, or nil in a state without the module. */
static int push_borrowed(lua_State *L)
{
	if (luaL_getmetatable(L, VMOON_LVM_TYPE) == LUA_TTABLE)
		vmoon_lvm_push_borrowed(L, lua_touserdata(L, 1));
	return 1;
}

enum vmoon_status vmoon_lua_push_vm(struct lua_State *L, struct vmoon_vm *vm,
				    struct vmoon_error *err)
{
	if (L == NULL || vm == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no Lua state or no VM given");
	if (!lua_checkstack(L, 4))
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "the Lua stack cannot grow");
	/* Neither of these allocates. */
	lua_pushcfunction(L, push_borrowed);
	lua_pushlightuserdata(L, vm);
	if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
		lua_pop(L, 1);
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "no memory for a handle in Lua");
	}
	if (!lua_isnil(L, -1))
		return VMOON_OK;
	lua_pop(L, 1);
	return vmoon_fail(err, VMOON_E_STATE, 0,
			  "the Lua state has no vmoon: call vmoon_lua_open "
			  "first");
}

struct vmoon_vm *vmoon_lua_to_vm(struct lua_State *L, int index)
{
	const struct vmoon_lvm *self;

	if (L == NULL || !lua_checkstack(L, 3))
		return NULL;
	self = vmoon_lvm_test(L, index);
	return self == NULL ? NULL : self->vm;
}

/* ---- a config from a script ---- */

/* "vm.lua:12:5" out of a problem that begins a line with it. */
static void set_where(struct vmoon_error *err, const char *path,
		      const char *problem)
{
	const char *at = strstr(problem, path);
	size_t len;

	if (at == NULL)
		return;
	at += strlen(path);
	len = strspn(at, "0123456789:");
	while (len > 0 && at[len - 1] == ':')
		len--;
	vmoon_error_set_where(err, "%s%.*s", path, (int)len, at);
}

/* The first line sums it up; all of it is the detail. */
static enum vmoon_status fail_with(struct vmoon_lsandbox *sandbox,
				   enum vmoon_status status, const char *path,
				   struct vmoon_error *err)
{
	const char *problem = vmoon_lsandbox_problem(sandbox, 0);
	enum vmoon_status st;

	if (problem == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0, "%s: out of memory",
				  path);
	st = vmoon_fail(err, status, 0, "%.*s", (int)strcspn(problem, "\n"),
			problem);
	set_where(err, path, problem);
	for (size_t i = 0;
	     (problem = vmoon_lsandbox_problem(sandbox, i)) != NULL; i++)
		vmoon_error_add_detail(err, "%s\n", problem);
	return st;
}

static enum vmoon_status take_spec(struct vmoon_lsandbox *sandbox,
				   struct vmoon_runtime *rt, const char *path,
				   struct vmoon_config **out_cfg,
				   struct vmoon_error *err)
{
	const char *json = vmoon_lsandbox_spec(sandbox, 0);

	if (json == NULL)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s describes no VM: let it return a table, "
				  "or call vmoon.boot",
				  path);
	if (vmoon_lsandbox_spec(sandbox, 1) != NULL)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s describes more than one VM", path);
	return vmoon_config_from_json(rt, json, strlen(json), out_cfg, err);
}

enum vmoon_status vmoon_config_from_lua(struct vmoon_runtime *rt,
					const char *path,
					struct vmoon_config **out_cfg,
					struct vmoon_error *err)
{
	struct vmoon_lsandbox *sandbox;
	enum vmoon_status st = VMOON_E_SCRIPT;

	if (path == NULL || out_cfg == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no path, or no place for the config given");
	sandbox = vmoon_lsandbox_create(vmoon_runtime_mem(rt));
	if (sandbox == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0, "%s: out of memory",
				  path);
	switch (vmoon_lsandbox_run(sandbox, path)) {
	case VMOON_LSANDBOX_OK:
	case VMOON_LSANDBOX_DEVICE: /* which describes no VM */
		st = take_spec(sandbox, rt, path, out_cfg, err);
		break;
	case VMOON_LSANDBOX_BAD:
		st = fail_with(sandbox, VMOON_E_CONFIG, path, err);
		break;
	case VMOON_LSANDBOX_SCRIPT:
		st = fail_with(sandbox, VMOON_E_SCRIPT, path, err);
		break;
	}
	vmoon_lsandbox_destroy(sandbox);
	return st;
}
