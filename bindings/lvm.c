/* SPDX-License-Identifier: MIT */
/*
 * lvm.c - VM handles: lifecycle and figures. Waiting (expect, wait, login) is
 * in scripts/vmoon, on the primitives of lcore.c.
 */
#include "lvm.h"

#include <lauxlib.h>

#include "lbox.h"
#include "lconsole.h"
#include "ldevices.h"
#include "ldmaker.h"
#include "lhandle.h"
#include "lhost.h"
#include "lmod.h"
#include "lresult.h"
#include "lstream.h"

/* Registry key of the one runtime a Lua state has. */
#define RUNTIME_KEY "vmoon.runtime"
/* Of what its device maker has; without a finalizer, so it goes after it. */
#define MAKER_KEY "vmoon.ldmaker"

struct vmoon_lvm *vmoon_lvm_test(lua_State *L, int idx)
{
	return luaL_testudata(L, idx, VMOON_LVM_TYPE);
}

struct vmoon_lvm *vmoon_lvm_check(lua_State *L, int idx)
{
	struct vmoon_lvm *self = luaL_checkudata(L, idx, VMOON_LVM_TYPE);

	if (self->vm == NULL)
		vmoon_lresult_misuse(L, "vm is closed",
				     "use the VM before vm:close(), or before "
				     "its <close> variable goes out of scope");
	return self;
}

int vmoon_lvm_raise(lua_State *L, int idx, const struct vmoon_error *err)
{
	idx = lua_absindex(L, idx);
	if (lua_getiuservalue(L, idx, VMOON_LVM_NAME) != LUA_TSTRING)
		return vmoon_lresult_raise(L, NULL, err);
	lua_pushfstring(L, "vm '%s'", lua_tostring(L, -1));
	return vmoon_lresult_raise(L, lua_tostring(L, -1), err);
}

/* ---- creation ---- */

static void destroy_runtime(void *rt)
{
	vmoon_runtime_destroy(rt);
}

/*
 * Finalizers run in reverse order of creation when a state closes, so the
 * runtime, made before its first VM, goes after its last.
 */
struct vmoon_runtime *vmoon_lvm_runtime(lua_State *L)
{
	struct vmoon_ldmaker *maker;
	struct vmoon_lbox *box;
	struct vmoon_runtime *rt;
	struct vmoon_error err;

	if (lua_getfield(L, LUA_REGISTRYINDEX, RUNTIME_KEY) == LUA_TUSERDATA) {
		box = lua_touserdata(L, -1);
		lua_pop(L, 1);
		return box->object;
	}
	lua_pop(L, 1);
	box = vmoon_lbox_push(L, destroy_runtime);
	if (vmoon_runtime_create(NULL, &rt, &err) != VMOON_OK)
		vmoon_lresult_raise(L, NULL, &err);
	box->object = rt;
	maker = lua_newuserdatauv(L, sizeof(*maker), 0);
	*maker = (struct vmoon_ldmaker){0};
	lua_setfield(L, LUA_REGISTRYINDEX, MAKER_KEY);
	if (vmoon_ldmaker_install(rt, maker, &err) != VMOON_OK)
		vmoon_lresult_raise(L, NULL, &err);
	lua_setfield(L, LUA_REGISTRYINDEX, RUNTIME_KEY);
	return rt;
}

bool vmoon_lvm_doze(lua_State *L, lua_Number seconds)
{
	const struct vmoon_lbox *box;

	lua_getfield(L, LUA_REGISTRYINDEX, RUNTIME_KEY);
	box = lua_touserdata(L, -1);
	lua_pop(L, 1);
	if (box == NULL || box->object == NULL || !(seconds < 1e9))
		return false;
	/* A time-out is what was asked for, anything else comes too early. */
	VMOON_IGNORE(
		vmoon_runtime_wait(box->object,
				   seconds > 0 ? (int64_t)(seconds * 1e9) : 0,
				   NULL) != VMOON_OK);
	return true;
}

/* A handle with all that belongs to one, but no VM yet. */
static struct vmoon_lvm *push_closed(lua_State *L)
{
	struct vmoon_lvm *self =
		lua_newuserdatauv(L, sizeof(*self), VMOON_LVM_VALUES);

	*self = (struct vmoon_lvm){.serial.copy_fd = -1, .log.copy_fd = -1};
	luaL_setmetatable(L, VMOON_LVM_TYPE);
	vmoon_lstream_push(L, -1, VMOON_LSTREAM_TYPE);
	lua_setiuservalue(L, -2, VMOON_LVM_SERIAL);
	vmoon_lstream_push(L, -1, VMOON_LSTREAM_LOG_TYPE);
	lua_setiuservalue(L, -2, VMOON_LVM_LOG);
	vmoon_ldevices_push_directory(L, -1, "devices");
	lua_setiuservalue(L, -2, VMOON_LVM_DEVICES);
	vmoon_ldevices_push_directory(L, -1, "ports");
	lua_setiuservalue(L, -2, VMOON_LVM_PORTS);
	lua_newtable(L);
	lua_setiuservalue(L, -2, VMOON_LVM_PRIVATE);
	return self;
}

/* Handles of what the VM has, by name; the VM's is at handle. */
static void enter_devices(lua_State *L, const struct vmoon_lvm *self,
			  int handle)
{
	const char *name, *type;
	bool is_virtio;

	lua_getiuservalue(L, handle, VMOON_LVM_DEVICES);
	for (size_t i = 0; vmoon_vm_virtio_device(self->vm, i, &name, &type);
	     i++) {
		vmoon_ldevices_push(L, handle, name, type);
		vmoon_ldevices_enter(L, -2, name);
	}
	for (size_t i = 0;
	     vmoon_vm_device(self->vm, i, &name, &type, &is_virtio); i++)
		if (!is_virtio) { /* else it is there already */
			vmoon_ldevices_push(L, handle, name, type);
			vmoon_ldevices_enter(L, -2, name);
		}
	lua_getiuservalue(L, handle, VMOON_LVM_PORTS);
	for (size_t i = 0; vmoon_vm_port(self->vm, i, &name, NULL); i++) {
		vmoon_lstream_push_port(L, handle, name);
		vmoon_ldevices_enter(L, -2, name);
	}
	lua_pop(L, 2);
}

/* The handle is on the top. */
static void open_into(lua_State *L, struct vmoon_lvm *self)
{
	self->serial.stream = vmoon_vm_stream(self->vm, "serial0");
	self->log.stream = vmoon_vm_stream(self->vm, "log");
	lua_pushstring(L, vmoon_vm_name(self->vm));
	lua_setiuservalue(L, -2, VMOON_LVM_NAME);
	enter_devices(L, self, lua_gettop(L));
}

void vmoon_lvm_push_borrowed(lua_State *L, struct vmoon_vm *vm)
{
	struct vmoon_lvm *self;

	luaL_checkstack(L, 8, NULL);
	self = push_closed(L);
	self->rt = vmoon_vm_runtime(vm);
	self->is_borrowed = true;
	self->vm = vm;
	open_into(L, self);
}

/*
 * core.attach_sinks(stream, list): the functions that no config can hold. Both
 * are on the top, and are popped.
 */
static void attach_list(lua_State *L)
{
	if (lua_type(L, -1) == LUA_TTABLE) {
		vmoon_lmod_push_core(L);
		lua_getfield(L, -1, "attach_sinks");
		lua_pushvalue(L, -4);
		lua_pushvalue(L, -4);
		lua_call(L, 2, 0);
		lua_pop(L, 1);
	}
	lua_pop(L, 2);
}

/* The sinks of consoles in the list on the top, which is popped. */
static void attach_consoles(lua_State *L, int handle)
{
	const char *name;

	for (size_t i = 0;
	     lua_type(L, -1) == LUA_TTABLE &&
	     vmoon_vm_port(vmoon_lvm_check(L, handle)->vm, i, &name, NULL);
	     i++) {
		lua_rawgeti(L, -1, (lua_Integer)i + 1);
		lua_pushliteral(L, "sinks");
		lua_rawget(L, -2);
		lua_getiuservalue(L, handle, VMOON_LVM_PORTS);
		lua_getfield(L, -1, name);
		lua_remove(L, -2);
		lua_insert(L, -2);
		attach_list(L);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

/* serial and log.sinks of a spec that was good. */
static void attach_sinks(lua_State *L, int handle, int spec)
{
	luaL_checkstack(L, 12, NULL);
	if (lua_type(L, spec) != LUA_TTABLE)
		return; /* JSON has none */
	lua_getiuservalue(L, handle, VMOON_LVM_SERIAL);
	lua_pushliteral(L, "serial");
	lua_rawget(L, spec);
	attach_list(L);
	lua_pushliteral(L, "log");
	if (lua_rawget(L, spec) == LUA_TTABLE) {
		lua_getiuservalue(L, handle, VMOON_LVM_LOG);
		lua_pushliteral(L, "sinks");
		lua_rawget(L, -3);
		attach_list(L);
	}
	lua_pop(L, 1);
	lua_pushliteral(L, "consoles");
	lua_rawget(L, spec);
	attach_consoles(L, handle);
}

/* In dispatch, so on the script's thread; the handle is alive with its VM. */
static void take_trouble(void *ctx, struct vmoon_vm *vm, const char *device,
			 const struct vmoon_error *err)
{
	struct vmoon_lvm *self = ctx;

	(void)vm;
	(void)device; /* the message has it */
	if (!self->has_trouble)
		self->trouble = *err;
	self->has_trouble = true;
}

bool vmoon_lvm_is_in_trouble(const struct vmoon_lvm *self)
{
	return self->has_trouble &&
	       vmoon_vm_get_state(self->vm) == VMOON_VM_PAUSED;
}

/* core.keep_away(handle, lists): for a VM that has some. Pops the lists. */
static void keep_functions(lua_State *L, int handle)
{
	handle = lua_absindex(L, handle);
	lua_pushnil(L);
	if (lua_next(L, -2) == 0) {
		lua_pop(L, 1);
		return;
	}
	lua_pop(L, 2);
	vmoon_lmod_push_core(L);
	lua_getfield(L, -1, "keep_away");
	lua_pushvalue(L, handle);
	lua_pushvalue(L, -4);
	lua_call(L, 2, 0);
	lua_pop(L, 2);
}

/* On the top is the handle. Raises what is wrong with a device's file. */
static enum vmoon_status create_vm(lua_State *L, int spec,
				   struct vmoon_config *cfg,
				   struct vmoon_lvm *self,
				   const struct vmoon_lcfg_origin *origin,
				   struct vmoon_error *err)
{
	struct vmoon_vm_events events = VMOON_INIT(struct vmoon_vm_events);
	const int handle = lua_gettop(L);
	struct vmoon_ldproblems *problems;
	struct vmoon_ldmaker *maker, made;
	enum vmoon_status st;

	problems = vmoon_ldproblems_push(L, vmoon_runtime_mem(self->rt));
	lua_getfield(L, LUA_REGISTRYINDEX, MAKER_KEY);
	maker = lua_touserdata(L, -1);
	vmoon_ldmaker_fill(L, spec, cfg, maker);
	maker->problems = problems;
	events.device_error = take_trouble;
	events.ctx = self;
	st = vmoon_vm_create(self->rt, cfg, &events, &self->vm, err);
	made = *maker;
	*maker = (struct vmoon_ldmaker){0};
	lua_pop(L, 1); /* what kept the devices */
	if (st == VMOON_OK) {
		keep_functions(L, handle);
	} else {
		self->vm = NULL;
		if (made.failed > 0)
			vmoon_ldmaker_raise(L, spec, &made, cfg, origin, err);
	}
	lua_settop(L, handle);
	return st;
}

struct vmoon_lvm *vmoon_lvm_create(lua_State *L, int idx, const char *function,
				   const struct vmoon_lcfg_origin *origin)
{
	const struct vmoon_lcfg_origin call = {.function = function};
	struct vmoon_config *cfg;
	struct vmoon_runtime *rt;
	struct vmoon_error err;
	struct vmoon_lvm *self;
	int box;

	idx = lua_absindex(L, idx);
	cfg = vmoon_lcfg_check(L, idx, function, origin);
	box = lua_gettop(L);
	rt = vmoon_lvm_runtime(L);
	self = push_closed(L);
	self->rt = rt;
	if (create_vm(L, idx, cfg, self, origin != NULL ? origin : &call,
		      &err) != VMOON_OK)
		vmoon_lvm_raise(L, -1, &err);
	open_into(L, self);
	attach_sinks(L, lua_gettop(L), idx);
	vmoon_lbox_close(lua_touserdata(L, box));
	lua_remove(L, box);
	return self;
}

/* ---- methods ---- */

static int vm_start(lua_State *L)
{
	struct vmoon_lvm *self = vmoon_lvm_check(L, 1);
	struct vmoon_error err;

	if (vmoon_vm_start(self->vm, &err) != VMOON_OK)
		return vmoon_lvm_raise(L, 1, &err);
	lua_settop(L, 1);
	return 1;
}

static int vm_pause(lua_State *L)
{
	struct vmoon_lvm *self = vmoon_lvm_check(L, 1);
	struct vmoon_error err;

	if (vmoon_vm_pause(self->vm, &err) != VMOON_OK)
		return vmoon_lvm_raise(L, 1, &err);
	lua_settop(L, 1);
	return 1;
}

static int vm_resume(lua_State *L)
{
	struct vmoon_lvm *self = vmoon_lvm_check(L, 1);
	struct vmoon_error err;

	self->has_trouble = false;
	if (vmoon_vm_resume(self->vm, &err) != VMOON_OK)
		return vmoon_lvm_raise(L, 1, &err);
	lua_settop(L, 1);
	return 1;
}

static int vm_stop(lua_State *L)
{
	struct vmoon_lvm *self = vmoon_lvm_check(L, 1);
	struct vmoon_error err;

	if (vmoon_vm_stop(self->vm, &err) != VMOON_OK)
		return vmoon_lvm_raise(L, 1, &err);
	vmoon_lvm_push_exit(L, self);
	return 1;
}

/* A borrowed VM goes on without us. */
static void leave_stream(struct vmoon_lvm_stream *s)
{
	if (s->is_watched)
		VMOON_IGNORE(vmoon_stream_on_limited(s->stream, NULL, NULL,
						     NULL) != VMOON_OK);
	s->is_watched = false;
	s->stream = NULL;
}

static void close_vm(struct vmoon_lvm *self)
{
	struct vmoon_vm *vm = self->vm;

	if (vm == NULL)
		return;
	self->vm = NULL;
	leave_stream(&self->serial);
	leave_stream(&self->log);
	for (struct vmoon_lvm_stream *s = self->ports; s != NULL; s = s->next)
		leave_stream(s);
	if (!self->is_borrowed)
		vmoon_vm_destroy(vm);
	vmoon_lhost_close(&self->serial.copy_fd); /* copies are of our own */
	vmoon_lhost_close(&self->log.copy_fd);
	for (struct vmoon_lvm_stream *s = self->ports; s != NULL; s = s->next)
		vmoon_lhost_close(&s->copy_fd);
}

static int vm_close(lua_State *L)
{
	close_vm(luaL_checkudata(L, 1, VMOON_LVM_TYPE));
	return 0;
}

/* The safety net: an open VM at this point is a mistake worth a warning. */
static int vm_gc(lua_State *L)
{
	struct vmoon_lvm *self = luaL_checkudata(L, 1, VMOON_LVM_TYPE);

	if (self->vm == NULL)
		return 0;
	close_vm(self);
	if (self->is_borrowed)
		return 0;
	lua_warning(L,
		    "vmoon: a VM was left to the garbage collector; write "
		    "local vm <close> = ... or call vm:close()",
		    0);
	return 0;
}

/* Returns why it ended: "left", "ended", "closed" or "signal". */
static int vm_console(lua_State *L)
{
	struct vmoon_lvm *self = vmoon_lvm_check(L, 1);
	struct vmoon_lconsole console = {
		.rt = self->rt,
		.vm = self->vm,
		.stream = self->serial.stream,
		.pos = self->console_pos,
		.has_trouble = &self->has_trouble,
	};
	struct vmoon_error err;
	enum vmoon_status status = vmoon_lconsole_attach(&console, &err);

	self->console_pos = console.pos;
	if (status != VMOON_OK)
		return vmoon_lvm_raise(L, 1, &err);
	lua_pushstring(L, vmoon_lconsole_end_name(console.end));
	return 1;
}

static int vm_tostring(lua_State *L)
{
	struct vmoon_lvm *self = luaL_checkudata(L, 1, VMOON_LVM_TYPE);

	lua_getiuservalue(L, 1, VMOON_LVM_NAME);
	lua_pushfstring(
		L, "vm '%s' (%s)",
		lua_isstring(L, -1) ? lua_tostring(L, -1) : "?",
		self->vm == NULL
			? "closed"
			: vmoon_vm_state_name(vmoon_vm_get_state(self->vm)));
	return 1;
}

/* ---- tables ---- */

static const luaL_Reg vm_methods[] = {
	{"start", vm_start}, {"pause", vm_pause}, {"resume", vm_resume},
	{"stop", vm_stop},   {"close", vm_close}, {"console", vm_console},
	{NULL, NULL},
};

static const luaL_Reg vm_metamethods[] = {
	{"__gc", vm_gc},
	{"__close", vm_close},
	{"__tostring", vm_tostring},
	{NULL, NULL},
};

void vmoon_lvm_open(lua_State *L)
{
	vmoon_lhandle_open(L, VMOON_LVM_TYPE, vm_metamethods, vm_methods,
			   vmoon_lvm_properties);
}
