/* SPDX-License-Identifier: MIT */
/* lstream.c - vm.serial, vm.log and ports: what guest and VM have to say. */
#include "lstream.h"

#include <lauxlib.h>
#include <stdio.h>

#include "lhandle.h"
#include "lhost.h"
#include "lvm.h"

/* A stream handle has no data, only the VM handle as its user value. */
void vmoon_lstream_push(lua_State *L, int idx, const char *type)
{
	idx = lua_absindex(L, idx);
	lua_newuserdatauv(L, 0, 1);
	lua_pushvalue(L, idx);
	lua_setiuservalue(L, -2, 1);
	luaL_setmetatable(L, type);
}

void vmoon_lstream_push_port(lua_State *L, int idx, const char *name)
{
	struct vmoon_lvm *vm = vmoon_lvm_check(L, idx);
	struct vmoon_lvm_stream *self;

	idx = lua_absindex(L, idx);
	self = lua_newuserdatauv(L, sizeof(*self), 2);
	*self = (struct vmoon_lvm_stream){.copy_fd = -1};
	lua_pushvalue(L, idx);
	lua_setiuservalue(L, -2, 1);
	lua_pushstring(L, name);
	lua_setiuservalue(L, -2, 2);
	luaL_setmetatable(L, VMOON_LSTREAM_PORT_TYPE);
	self->stream = vmoon_vm_stream(vm->vm, name);
	self->next = vm->ports;
	vm->ports = self;
}

const char *vmoon_lstream_port_name(lua_State *L, int idx)
{
	const char *name;

	luaL_checkudata(L, idx, VMOON_LSTREAM_PORT_TYPE);
	lua_getiuservalue(L, idx, 2);
	name = lua_tostring(L, -1); /* the handle keeps it */
	lua_pop(L, 1);
	return name;
}

enum stream_type { SERIAL, LOG, PORT };

/* Raises when it is no stream's. */
static enum stream_type check_type(lua_State *L, int idx)
{
	if (luaL_testudata(L, idx, VMOON_LSTREAM_LOG_TYPE) != NULL)
		return LOG;
	if (luaL_testudata(L, idx, VMOON_LSTREAM_PORT_TYPE) != NULL)
		return PORT;
	luaL_checkudata(L, idx, VMOON_LSTREAM_TYPE);
	return SERIAL;
}

struct vmoon_lvm_stream *vmoon_lstream_check(lua_State *L, int idx)
{
	const enum stream_type type = check_type(L, idx);
	struct vmoon_lvm *self;

	idx = lua_absindex(L, idx);
	lua_getiuservalue(L, idx, 1);
	self = vmoon_lvm_check(L, -1);
	switch (type) {
	case LOG: return &self->log;
	case PORT: return lua_touserdata(L, idx);
	case SERIAL: break;
	}
	return &self->serial;
}

struct vmoon_lvm_stream *vmoon_lstream_check_any(lua_State *L, int idx)
{
	if (vmoon_lvm_test(L, idx) == NULL)
		return vmoon_lstream_check(L, idx);
	lua_pushvalue(L, idx);
	return &vmoon_lvm_check(L, -1)->serial;
}

/* The open Lua file at idx; nil and none are NULL. */
static FILE *opt_file(lua_State *L, int idx)
{
	luaL_Stream *file;

	if (lua_isnoneornil(L, idx))
		return NULL;
	file = luaL_checkudata(L, idx, LUA_FILEHANDLE);
	luaL_argcheck(L, file->closef != NULL, idx, "the file is closed");
	return file->f;
}

/*
 * stream:copy_to(file): all output from now on, written by the VM itself, so
 * also while the script computes. nil ends it. The descriptor is duplicated:
 * closing the Lua file cannot redirect the guest into a stranger's.
 */
static int stream_copy_to(lua_State *L)
{
	struct vmoon_lvm_stream *self;
	struct vmoon_error err;
	FILE *file;
	int fd = -1;

	lua_settop(L, 2);
	self = vmoon_lstream_check(L, 1);
	file = opt_file(L, 2);
	if (file != NULL) {
		fflush(file);
		if (vmoon_lhost_dup(file, &fd, &err) != VMOON_OK)
			return vmoon_lvm_raise(L, -1, &err);
	}
	if (vmoon_stream_copy_to(self->stream, fd, &err) != VMOON_OK) {
		vmoon_lhost_close(&fd);
		return vmoon_lvm_raise(L, -1, &err);
	}
	vmoon_lhost_close(&self->copy_fd);
	self->copy_fd = fd;
	return 0;
}

/* How many bytes there were so far. */
static int stream_tell(lua_State *L)
{
	const struct vmoon_lvm_stream *self = vmoon_lstream_check(L, 1);

	lua_pushinteger(L, (lua_Integer)vmoon_stream_tell(self->stream));
	return 1;
}

static int stream_tostring(lua_State *L)
{
	static const char *const words[] = {"serial", "log", "port"};
	const enum stream_type type = check_type(L, 1);
	const char *what = words[type];

	if (type == PORT) {
		lua_pushfstring(L, "port '%s'", vmoon_lstream_port_name(L, 1));
		what = lua_tostring(L, -1);
	}
	lua_getiuservalue(L, 1, 1);
	lua_getiuservalue(L, -1, VMOON_LVM_NAME);
	lua_pushfstring(L, "%s of vm '%s'", what,
			lua_isstring(L, -1) ? lua_tostring(L, -1) : "?");
	return 1;
}

/* The others are in scripts/vmoon: stream.lua, sinks.lua. */
static const luaL_Reg stream_methods[] = {
	{"copy_to", stream_copy_to},
	{"tell", stream_tell},
	{NULL, NULL},
};

static const luaL_Reg stream_properties[] = {
	{NULL, NULL},
};

static int port_name(lua_State *L)
{
	lua_pushstring(L, vmoon_lstream_port_name(L, 1));
	return 1;
}

static const luaL_Reg port_properties[] = {
	{"name", port_name},
	{NULL, NULL},
};

static const luaL_Reg stream_metamethods[] = {
	{"__tostring", stream_tostring},
	{NULL, NULL},
};

void vmoon_lstream_open(lua_State *L)
{
	vmoon_lhandle_open(L, VMOON_LSTREAM_TYPE, stream_metamethods,
			   stream_methods, stream_properties);
	vmoon_lhandle_open(L, VMOON_LSTREAM_LOG_TYPE, stream_metamethods,
			   stream_methods, stream_properties);
	vmoon_lhandle_open(L, VMOON_LSTREAM_PORT_TYPE, stream_metamethods,
			   stream_methods, port_properties);
}
