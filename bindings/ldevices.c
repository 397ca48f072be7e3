/* SPDX-License-Identifier: MIT */
/*
 * ldevices.c - vm.device and vm.port: handles by the names of a VM's parts.
 * What a port can do is in lstream.c and scripts/vmoon.
 */
#include "ldevices.h"

#include <lauxlib.h>
#include <string.h>

#include "lbox.h"
#include "lcfg.h"
#include "ldevices_lua.h"
#include "lhandle.h"
#include "lmod.h"
#include "lresult.h"
#include "lstream.h"
#include "lvm.h"

#define DIRECTORY_TYPE "vmoon.directory"

/* User values of a directory, and of a device's handle. */
enum { VALUE_VM = 1, VALUE_ENTRIES = 2, VALUE_WHAT = 3 };
enum { VALUE_NAME = 2, VALUE_KIND = 3 };

/* ---- directories ---- */

void vmoon_ldevices_push_directory(lua_State *L, int idx, const char *what)
{
	idx = lua_absindex(L, idx);
	lua_newuserdatauv(L, 0, 3);
	lua_pushvalue(L, idx);
	lua_setiuservalue(L, -2, VALUE_VM);
	lua_newtable(L);
	lua_setiuservalue(L, -2, VALUE_ENTRIES);
	lua_pushstring(L, what);
	lua_setiuservalue(L, -2, VALUE_WHAT);
	luaL_setmetatable(L, DIRECTORY_TYPE);
}

void vmoon_ldevices_enter(lua_State *L, int directory, const char *name)
{
	lua_getiuservalue(L, directory, VALUE_ENTRIES);
	lua_insert(L, -2);
	lua_setfield(L, -2, name);
	lua_pop(L, 1);
}

/* core.unknown_field(directory, key, entries, {}, is_assignment) */
static int raise_unknown(lua_State *L, bool is_assignment)
{
	lua_settop(L, 2);
	vmoon_lmod_push_core(L);
	lua_getfield(L, -1, "unknown_field");
	lua_pushvalue(L, 1);
	lua_pushvalue(L, 2);
	lua_getiuservalue(L, 1, VALUE_ENTRIES);
	lua_newtable(L);
	lua_pushboolean(L, is_assignment);
	lua_call(L, 5, 1);
	return lua_error(L);
}

static int directory_index(lua_State *L)
{
	luaL_checkudata(L, 1, DIRECTORY_TYPE);
	lua_settop(L, 2);
	lua_getiuservalue(L, 1, VALUE_ENTRIES);
	lua_pushvalue(L, 2);
	if (lua_rawget(L, -2) == LUA_TNIL)
		return raise_unknown(L, false);
	return 1;
}

static int directory_newindex(lua_State *L)
{
	luaL_checkudata(L, 1, DIRECTORY_TYPE);
	return raise_unknown(L, true);
}

static int directory_next(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 2);
	return lua_next(L, 1) != 0 ? 2 : 0;
}

/* Over a copy: what a script does to it changes nothing. */
static int directory_pairs(lua_State *L)
{
	luaL_checkudata(L, 1, DIRECTORY_TYPE);
	lua_settop(L, 1);
	lua_pushcfunction(L, directory_next);
	lua_newtable(L);
	lua_getiuservalue(L, 1, VALUE_ENTRIES);
	lua_pushnil(L);
	while (lua_next(L, -2) != 0) {
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		lua_settable(L, 3);
	}
	lua_pop(L, 1);
	return 2;
}

static void push_owner(lua_State *L, const char *what)
{
	lua_getiuservalue(L, 1, VALUE_VM);
	lua_getiuservalue(L, -1, VMOON_LVM_NAME);
	lua_pushfstring(L, "%s of vm '%s'", what,
			lua_isstring(L, -1) ? lua_tostring(L, -1) : "?");
}

static int directory_tostring(lua_State *L)
{
	luaL_checkudata(L, 1, DIRECTORY_TYPE);
	lua_getiuservalue(L, 1, VALUE_WHAT);
	push_owner(L, lua_tostring(L, -1));
	return 1;
}

static const luaL_Reg directory_metamethods[] = {
	{"__index", directory_index},
	{"__newindex", directory_newindex},
	{"__pairs", directory_pairs},
	{"__tostring", directory_tostring},
	{NULL, NULL},
};

/* ---- devices ---- */

void vmoon_ldevices_push(lua_State *L, int vm, const char *name,
			 const char *type)
{
	vm = lua_absindex(L, vm);
	lua_newuserdatauv(L, 0, 3);
	lua_pushvalue(L, vm);
	lua_setiuservalue(L, -2, VALUE_VM);
	lua_pushstring(L, name);
	lua_setiuservalue(L, -2, VALUE_NAME);
	lua_pushstring(L, type);
	lua_setiuservalue(L, -2, VALUE_KIND);
	luaL_setmetatable(L, VMOON_LDEVICE_TYPE);
}

struct vmoon_ldevice vmoon_ldevices_check(lua_State *L)
{
	struct vmoon_ldevice d;

	luaL_checkudata(L, 1, VMOON_LDEVICE_TYPE);
	lua_getiuservalue(L, 1, VALUE_NAME);
	lua_getiuservalue(L, 1, VALUE_KIND);
	lua_getiuservalue(L, 1, VALUE_VM);
	d.name = lua_tostring(L, -3);
	d.type = lua_tostring(L, -2);
	d.vm = vmoon_lvm_check(L, -1);
	return d;
}

/* The same of a disk; raises what another device cannot do. */
static struct vmoon_ldevice check_disk(lua_State *L, const char *method)
{
	const struct vmoon_ldevice d = vmoon_ldevices_check(L);

	if (strcmp(d.type, "virtio-blk") != 0) {
		lua_pushfstring(L, "device:%s is for disks: '%s' is a %s",
				method, d.name, d.type);
		vmoon_lresult_misuse(L, lua_tostring(L, -1), NULL);
	}
	return d;
}

static void set_count(lua_State *L, const char *key, uint64_t value)
{
	lua_pushinteger(L, (lua_Integer)value); /* counts stay below 2^63 */
	lua_setfield(L, -2, key);
}

static void set_boolean(lua_State *L, const char *key, bool value)
{
	lua_pushboolean(L, value);
	lua_setfield(L, -2, key);
}

static void add_disk_stats(lua_State *L, const struct vmoon_disk_stats *s)
{
	set_count(L, "reads", s->reads);
	set_count(L, "writes", s->writes);
	set_count(L, "flushes", s->flushes);
	set_count(L, "discards", s->discards);
	set_count(L, "zeroes", s->zeroes);
	set_count(L, "read_bytes", s->read_bytes);
	set_count(L, "written_bytes", s->written_bytes);
	set_count(L, "errors", s->errors);
	set_count(L, "unsupported", s->unsupported);
	set_count(L, "delayed", s->delayed);
	set_count(L, "in_flight", s->in_flight);
	set_count(L, "size", s->size_bytes);
}

static void add_rng_stats(lua_State *L, const struct vmoon_rng_stats *s)
{
	set_count(L, "requests", s->requests);
	set_count(L, "bytes", s->bytes);
	set_count(L, "delayed", s->delayed);
	set_count(L, "failures", s->failures);
}

/* What every virtio device counts, in a new table. */
static void push_virtio_stats(lua_State *L, const struct vmoon_virtio_stats *s)
{
	lua_createtable(L, 0, 21);
	set_count(L, "kicks", s->kicks);
	set_count(L, "interrupts", s->interrupts);
	set_count(L, "resets", s->resets);
	set_count(L, "chains", s->chains);
	set_count(L, "malformed", s->malformed);
	set_count(L, "needs_reset", s->needs_reset);
	set_count(L, "features", s->features); /* as the bits are */
	set_boolean(L, "is_live", s->is_live);
	set_boolean(L, "is_broken", s->is_broken);
}

static int device_stats(lua_State *L)
{
	const struct vmoon_ldevice d = vmoon_ldevices_check(L);
	const int vm = lua_gettop(L);
	const bool is_lua = vmoon_ldevices_is_lua(&d);
	struct vmoon_virtio_stats common =
		VMOON_INIT(struct vmoon_virtio_stats);
	struct vmoon_disk_stats disk = VMOON_INIT(struct vmoon_disk_stats);
	struct vmoon_rng_stats rng = VMOON_INIT(struct vmoon_rng_stats);
	const bool is_disk = strcmp(d.type, "virtio-blk") == 0;
	const bool is_rng = strcmp(d.type, "virtio-rng") == 0;
	struct vmoon_error err;
	enum vmoon_status st;

	if (strcmp(d.type, VMOON_LDEVICE_LUA) == 0) {
		lua_settop(L, 1);
		return vmoon_ldevices_stats(L);
	}
	st = vmoon_vm_virtio_stats(d.vm->vm, d.name, &common, &err);
	if (st == VMOON_OK && is_disk)
		st = vmoon_vm_disk_stats(d.vm->vm, d.name, &disk, &err);
	if (st == VMOON_OK && is_rng)
		st = vmoon_vm_rng_stats(d.vm->vm, d.name, &rng, &err);
	if (st != VMOON_OK)
		return vmoon_lvm_raise(L, vm, &err);
	push_virtio_stats(L, &common);
	if (is_disk)
		add_disk_stats(L, &disk);
	if (is_rng)
		add_rng_stats(L, &rng);
	if (is_lua)
		vmoon_ldevices_add_stats(L);
	return 1;
}

static int device_name(lua_State *L)
{
	luaL_checkudata(L, 1, VMOON_LDEVICE_TYPE);
	lua_getiuservalue(L, 1, VALUE_NAME);
	return 1;
}

static int device_type(lua_State *L)
{
	luaL_checkudata(L, 1, VMOON_LDEVICE_TYPE);
	lua_getiuservalue(L, 1, VALUE_KIND);
	return 1;
}

static void destroy_config(void *cfg)
{
	vmoon_config_destroy(cfg);
}

/* A config of limit and size, boxed on the top of the stack. */
static struct vmoon_config *push_config(lua_State *L,
					const struct vmoon_ldevice *d)
{
	struct vmoon_lbox *box = vmoon_lbox_push(L, destroy_config);
	struct vmoon_config *cfg;
	struct vmoon_error err;

	if (vmoon_config_create_disk(d->vm->rt, &cfg, &err) != VMOON_OK)
		vmoon_lresult_raise(L, NULL, &err);
	box->object = cfg;
	return cfg;
}

/* disk:limit { ... }, as in a specification; nil ends it. */
static int device_limit(lua_State *L)
{
	struct vmoon_disk_limits limits = VMOON_INIT(struct vmoon_disk_limits);
	struct vmoon_config *cfg;
	struct vmoon_error err;
	struct vmoon_ldevice d;
	int vm;

	lua_settop(L, 2);
	d = check_disk(L, "limit");
	vm = lua_gettop(L);
	if (!lua_isnil(L, 2) && lua_type(L, 2) != LUA_TTABLE) {
		lua_pushfstring(L,
				"device:limit: a table is needed, or nil for "
				"none, got %s",
				luaL_typename(L, 2));
		vmoon_lresult_misuse(L, lua_tostring(L, -1), NULL);
	}
	cfg = push_config(L, &d);
	if (!lua_isnil(L, 2)) {
		if (vmoon_config_set_table(cfg, "limit", &err) != VMOON_OK)
			return vmoon_lvm_raise(L, vm, &err);
		vmoon_lcfg_check_at(L, 2, cfg, "limit", "limit");
	}
	if (vmoon_config_disk(cfg, &limits, NULL, &err) != VMOON_OK ||
	    vmoon_vm_disk_limit(d.vm->vm, d.name, &limits, &err) != VMOON_OK)
		return vmoon_lvm_raise(L, vm, &err);
	lua_settop(L, 1);
	return 1;
}

/* disk:resize "128M": the file and what the guest sees. */
static int device_resize(lua_State *L)
{
	struct vmoon_config *cfg;
	struct vmoon_error err;
	struct vmoon_ldevice d;
	uint64_t bytes;
	int vm;

	lua_settop(L, 2);
	d = check_disk(L, "resize");
	vm = lua_gettop(L);
	if (lua_isnil(L, 2))
		vmoon_lresult_misuse(L, "device:resize: a size is needed",
				     "for example: vm.device.disk0:resize "
				     "\"128M\"");
	cfg = push_config(L, &d);
	lua_createtable(L, 0, 1);
	lua_pushvalue(L, 2);
	lua_setfield(L, -2, "size");
	vmoon_lcfg_check_into(L, -1, cfg, "resize", NULL);
	if (vmoon_config_disk(cfg, NULL, &bytes, &err) != VMOON_OK ||
	    vmoon_vm_disk_resize(d.vm->vm, d.name, bytes, &err) != VMOON_OK)
		return vmoon_lvm_raise(L, vm, &err);
	lua_settop(L, 1);
	return 1;
}

static int device_tostring(lua_State *L)
{
	luaL_checkudata(L, 1, VMOON_LDEVICE_TYPE);
	lua_getiuservalue(L, 1, VALUE_NAME);
	lua_pushfstring(L, "device '%s'", lua_tostring(L, -1));
	push_owner(L, lua_tostring(L, -1));
	return 1;
}

static const luaL_Reg device_methods[] = {
	{"call", vmoon_ldevices_call},
	{"events", vmoon_ldevices_events},
	{"limit", device_limit},
	{"log", vmoon_ldevices_log},
	{"regs", vmoon_ldevices_regs},
	{"reload", vmoon_ldevices_reload},
	{"resize", device_resize},
	{"watch", vmoon_ldevices_watch},
	{NULL, NULL},
};

static const luaL_Reg device_properties[] = {
	{"name", device_name},
	{"state", vmoon_ldevices_state},
	{"stats", device_stats},
	{"type", device_type},
	{NULL, NULL},
};

static const luaL_Reg device_metamethods[] = {
	{"__tostring", device_tostring},
	{NULL, NULL},
};

/* ---- ports ---- */

/* core.port_counts(port) -> table of what the device counts of it */
static int core_port_counts(lua_State *L)
{
	struct vmoon_port_stats stats = VMOON_INIT(struct vmoon_port_stats);
	const char *name = vmoon_lstream_port_name(L, 1);
	struct vmoon_error err;

	VMOON_IGNORE(vmoon_lstream_check(L, 1) == NULL);
	if (vmoon_vm_port_stats(vmoon_lvm_check(L, -1)->vm, name, &stats,
				&err) != VMOON_OK)
		return vmoon_lvm_raise(L, -1, &err);
	lua_createtable(L, 0, 8);
	set_count(L, "out_bytes", stats.out_bytes);
	set_count(L, "in_bytes", stats.in_bytes);
	set_count(L, "out_lost", stats.out_lost);
	set_count(L, "held", stats.held);
	set_boolean(L, "is_open", stats.is_open);
	return 1;
}

static uint16_t check_cells(lua_State *L, int idx)
{
	const lua_Integer n = luaL_checkinteger(L, idx);

	luaL_argcheck(L, n >= 1 && n <= UINT16_MAX, idx,
		      "columns and rows are 1 to 65535");
	return (uint16_t)n;
}

/* core.port_resize(port, cols, rows) */
static int core_port_resize(lua_State *L)
{
	const char *name = vmoon_lstream_port_name(L, 1);
	const uint16_t cols = check_cells(L, 2), rows = check_cells(L, 3);
	struct vmoon_error err;

	VMOON_IGNORE(vmoon_lstream_check(L, 1) == NULL);
	if (vmoon_vm_port_resize(vmoon_lvm_check(L, -1)->vm, name, cols, rows,
				 &err) != VMOON_OK)
		return vmoon_lvm_raise(L, -1, &err);
	return 0;
}

static const luaL_Reg port_functions[] = {
	{"port_counts", core_port_counts},
	{"port_resize", core_port_resize},
	{NULL, NULL},
};

void vmoon_ldevices_open_core(lua_State *L)
{
	luaL_setfuncs(L, port_functions, 0);
}

void vmoon_ldevices_open(lua_State *L)
{
	vmoon_lhandle_open(L, VMOON_LDEVICE_TYPE, device_metamethods,
			   device_methods, device_properties);
	luaL_newmetatable(L, DIRECTORY_TYPE);
	luaL_setfuncs(L, directory_metamethods, 0);
	lua_pushliteral(L, "locked");
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
}
