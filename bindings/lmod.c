/* SPDX-License-Identifier: MIT */
/* lmod.c - luaopen_vmoon: the functions of the module, and its Lua parts. */
#include "lmod.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "lbench.h"
#include "lbox.h"
#include "lcfg.h"
#include "lcore.h"
#include "ldevices.h"
#include "ldhandle.h"
#include "ldinline.h"
#include "lhandle.h"
#include "lresult.h"
#include "lsize.h"
#include "lstream.h"
#include "lua_parts.h"
#include "lvm.h"

#define CORE_KEY "vmoon.core"
#define ENVIRONMENT_KEY "vmoon.environment"

/* ---- the parts written in Lua ---- */

static void copy_globals(lua_State *L, const char *library,
			 const char *const *names)
{
	lua_pushglobaltable(L);
	if (library != NULL) {
		lua_getfield(L, -1, library);
		lua_remove(L, -2);
		luaL_checktype(L, -1, LUA_TTABLE);
	}
	for (; *names != NULL; names++) {
		lua_getfield(L, -1, *names);
		lua_setfield(L, -3, *names);
	}
	lua_pop(L, 1);
}

/* The globals of the parts: what a script does to its own changes nothing. */
static void push_environment(lua_State *L)
{
	static const char *const base[] = {
		"error", "getmetatable", "ipairs",   "pairs",
		"pcall", "rawget",       "select",   "setmetatable",
		"type",  "tonumber",     "tostring", NULL,
	};
	static const char *const string[] = {"find", "format", "rep", NULL};
	static const char *const table[] = {"concat", "pack", "sort", "unpack",
					    NULL};
	static const char *const math[] = {"max", "min", "type", NULL};
	static const char *const utf8[] = {"len", NULL};
	static const struct {
		const char *name;
		const char *const *functions;
	} libraries[] = {
		{"string", string},
		{"table", table},
		{"math", math},
		{"utf8", utf8},
	};

	lua_newtable(L);
	copy_globals(L, NULL, base);
	for (size_t i = 0; i < VMOON_COUNTOF(libraries); i++) {
		lua_newtable(L);
		copy_globals(L, libraries[i].name, libraries[i].functions);
		lua_setfield(L, -2, libraries[i].name);
	}
}

/* Runs one embedded part: globals on the top, core as the argument. */
static void run_part(lua_State *L, const char *name)
{
	char chunk[64] = VMOON_LPART_PREFIX;

	strncat(chunk, name, sizeof(chunk) - strlen(chunk) - 1);
	for (size_t i = 0; i < VMOON_COUNTOF(lua_parts); i++) {
		if (strcmp(lua_parts[i].name, name) != 0)
			continue;
		if (luaL_loadbufferx(L, (const char *)lua_parts[i].text,
				     lua_parts[i].len, chunk, "t") != LUA_OK)
			lua_error(L);
		lua_pushvalue(L, -2);
		lua_setupvalue(L, -2, 1); /* _ENV */
		lua_getfield(L, LUA_REGISTRYINDEX, CORE_KEY);
		lua_call(L, 1, 0);
		return;
	}
	luaL_error(L, "vmoon was built without its part '%s'", name);
}

/* Later parts use what earlier ones put into core. */
static const char *const part_order[] = {
	"hints",  "locate", "inline", "pattern", "expect",
	"stream", "shell",  "sinks",  "away",    "events",
};

bool vmoon_lmod_load_parts(lua_State *L)
{
	luaL_checkstack(L, 4, NULL);
	if (lua_getfield(L, LUA_REGISTRYINDEX, ENVIRONMENT_KEY) == LUA_TNIL) {
		lua_pop(L, 1);
		return false;
	}
	for (size_t i = 0; i < VMOON_COUNTOF(part_order); i++)
		run_part(L, part_order[i]);
	lua_pop(L, 1);
	lua_pushnil(L);
	lua_setfield(L, LUA_REGISTRYINDEX, ENVIRONMENT_KEY);
	return true;
}

void vmoon_lmod_push_core(lua_State *L)
{
	VMOON_IGNORE(vmoon_lmod_load_parts(L));
	lua_getfield(L, LUA_REGISTRYINDEX, CORE_KEY);
}

/* ---- the module ---- */

/* vmoon.new(spec): a VM that is not started. */
static int mod_new(lua_State *L)
{
	vmoon_lvm_create(L, 1, "new", NULL);
	return 1;
}

/* vmoon.boot(spec): new and start. */
static int mod_boot(lua_State *L)
{
	struct vmoon_lvm *self = vmoon_lvm_create(L, 1, "boot", NULL);
	struct vmoon_error err;

	if (vmoon_vm_start(self->vm, &err) != VMOON_OK) {
		int vm = lua_gettop(L);

		vmoon_vm_destroy(self->vm);
		self->vm = NULL;
		return vmoon_lvm_raise(L, vm, &err);
	}
	return 1;
}

/* vmoon.check(spec): true, or every mistake in one error. Needs no KVM. */
static int mod_check(lua_State *L)
{
	luaL_checkany(L, 1);
	vmoon_lcfg_check(L, 1, "check", NULL);
	lua_pushboolean(L, 1);
	return 1;
}

/* vmoon.export(spec, "json"): the checked spec with its defaults. */
static int mod_export(lua_State *L)
{
	static const char *const formats[] = {"json", NULL};

	luaL_checkany(L, 1);
	luaL_checkoption(L, 2, "json", formats);
	vmoon_lcfg_push_json(L, vmoon_lcfg_check(L, 1, "export", NULL));
	return 1;
}

static int mod_has(lua_State *L)
{
	lua_pushboolean(L, vmoon_has(luaL_checkstring(L, 1)));
	return 1;
}

/* vmoon.host(): kvm, and when it is false the reason; hw_virt. */
static int mod_host(lua_State *L)
{
	struct vmoon_error err = {.status = VMOON_OK};
	bool is_usable = vmoon_host_check(&err) == VMOON_OK;

	lua_createtable(L, 0, 3);
	lua_pushboolean(L, is_usable);
	lua_setfield(L, -2, "kvm");
	lua_pushstring(L, is_usable ? "" : err.msg);
	lua_setfield(L, -2, "reason");
	lua_pushboolean(L, vmoon_host_has_hw_virt());
	lua_setfield(L, -2, "hw_virt");
	return 1;
}

static int mod_version(lua_State *L)
{
	lua_pushstring(L, vmoon_version_string());
	return 1;
}

/* A function of core that a part brings. */
static int call_part(lua_State *L, const char *name)
{
	int count = lua_gettop(L);

	vmoon_lmod_push_core(L);
	lua_getfield(L, -1, name);
	lua_remove(L, -2);
	lua_insert(L, 1);
	lua_call(L, count, LUA_MULTRET);
	return lua_gettop(L);
}

static int mod_pat(lua_State *L)
{
	return call_part(L, "pat");
}

static int mod_re(lua_State *L)
{
	return call_part(L, "re");
}

static int mod_sleep(lua_State *L)
{
	return call_part(L, "sleep");
}

static const luaL_Reg mod_functions[] = {
	{"bench", vmoon_lbench_new},
	{"new", mod_new},
	{"boot", mod_boot},
	{"check", mod_check},
	{"export", mod_export},
	{"has", mod_has},
	{"host", mod_host},
	{"pat", mod_pat},
	{"re", mod_re},
	{"sleep", mod_sleep},
	{"version", mod_version},
	{NULL, NULL},
};

/* What a Lua part gets: core.module, core.vm, core.stream, ... */
static void open_core(lua_State *L)
{
	const char *scale = getenv("VMOON_TIMEOUT_SCALE");
	double factor = scale != NULL ? strtod(scale, NULL) : 1.0;

	lua_newtable(L);
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, CORE_KEY);
	vmoon_lcore_open(L);
	vmoon_linline_open_core(L);
	vmoon_lbench_open_core(L);
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, "module");
	vmoon_lhandle_push_methods(L, VMOON_LVM_TYPE);
	lua_setfield(L, -2, "vm");
	vmoon_lhandle_push_properties(L, VMOON_LVM_TYPE);
	lua_setfield(L, -2, "vm_properties");
	vmoon_lhandle_push_methods(L, VMOON_LSTREAM_TYPE);
	lua_setfield(L, -2, "stream");
	vmoon_lhandle_push_methods(L, VMOON_LSTREAM_LOG_TYPE);
	lua_setfield(L, -2, "log");
	vmoon_lhandle_push_methods(L, VMOON_LSTREAM_PORT_TYPE);
	lua_setfield(L, -2, "port");
	lua_pushnumber(L, factor >= 0.01 && factor <= 1000 ? factor : 1.0);
	lua_setfield(L, -2, "timeout_scale");
}

int luaopen_vmoon(lua_State *L)
{
	luaL_checkversion(L);
	luaL_checkstack(L, 10, NULL);
	vmoon_lresult_open(L);
	vmoon_lbox_open(L);
	vmoon_lsize_open(L);
	vmoon_lvm_open(L);
	vmoon_lbench_open(L);
	vmoon_ldhandle_open(L);
	vmoon_lstream_open(L);
	vmoon_ldevices_open(L);
	luaL_newlib(L, mod_functions);
	vmoon_lsize_push(L, VMOON_KIB);
	lua_setfield(L, -2, "KiB");
	vmoon_lsize_push(L, VMOON_MIB);
	lua_setfield(L, -2, "MiB");
	vmoon_lsize_push(L, VMOON_GIB);
	lua_setfield(L, -2, "GiB");
	/* Not as files have it: only after require "vmoon". */
	vmoon_linline_open_module(L);
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, "vmoon.device");
	lua_pop(L, 1);
	lua_setfield(L, -2, "device");
	open_core(L);
	lua_getfield(L, -1, "now");
	lua_setfield(L, -3, "now");
	lua_pop(L, 1);
	push_environment(L);
	lua_setfield(L, LUA_REGISTRYINDEX, ENVIRONMENT_KEY);
	return 1;
}
