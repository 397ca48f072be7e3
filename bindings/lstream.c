/* SPDX-License-Identifier: MIT */
/* lstream.c - vm.serial: the console of a VM as a stream. */
#include "lstream.h"

#include <lauxlib.h>
#include <stdio.h>

#include "lhandle.h"
#include "lhost.h"
#include "lvm.h"

/* A stream handle has no data, only the VM handle as its user value. */
void vmoon_lstream_push(lua_State *L, int idx)
{
	idx = lua_absindex(L, idx);
	lua_newuserdatauv(L, 0, 1);
	lua_pushvalue(L, idx);
	lua_setiuservalue(L, -2, 1);
	luaL_setmetatable(L, VMOON_LSTREAM_TYPE);
}

/* Leaves the VM handle on the top of the stack. */
static struct vmoon_lvm *check_vm(lua_State *L)
{
	luaL_checkudata(L, 1, VMOON_LSTREAM_TYPE);
	lua_getiuservalue(L, 1, 1);
	return vmoon_lvm_check(L, -1);
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
 * serial:copy_to(file): all output from now on, written by the VM itself, so
 * also while the script computes. nil ends it. The descriptor is duplicated:
 * closing the Lua file cannot redirect the guest into a stranger's.
 */
static int stream_copy_to(lua_State *L)
{
	struct vmoon_lvm *self;
	struct vmoon_error err;
	FILE *file;
	int fd = -1;

	lua_settop(L, 2);
	self = check_vm(L);
	file = opt_file(L, 2);
	if (file != NULL) {
		fflush(file);
		if (vmoon_lhost_dup(file, &fd, &err) != VMOON_OK)
			return vmoon_lvm_raise(L, -1, &err);
	}
	if (vmoon_stream_copy_to(self->serial, fd, &err) != VMOON_OK) {
		vmoon_lhost_close(&fd);
		return vmoon_lvm_raise(L, -1, &err);
	}
	vmoon_lhost_close(&self->copy_fd);
	self->copy_fd = fd;
	return 0;
}

/* How many bytes the guest has written so far. */
static int stream_tell(lua_State *L)
{
	struct vmoon_lvm *self = check_vm(L);

	lua_pushinteger(L, (lua_Integer)vmoon_stream_tell(self->serial));
	return 1;
}

static int stream_tostring(lua_State *L)
{
	luaL_checkudata(L, 1, VMOON_LSTREAM_TYPE);
	lua_getiuservalue(L, 1, 1);
	lua_getiuservalue(L, -1, VMOON_LVM_NAME);
	lua_pushfstring(L, "serial of vm '%s'",
			lua_isstring(L, -1) ? lua_tostring(L, -1) : "?");
	return 1;
}

/* write and text are in scripts/vmoon/stream.lua. */
static const luaL_Reg stream_methods[] = {
	{"copy_to", stream_copy_to},
	{"tell", stream_tell},
	{NULL, NULL},
};

static const luaL_Reg stream_properties[] = {
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
}
