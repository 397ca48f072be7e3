/* SPDX-License-Identifier: MIT */
/*
 * ldevices_lua.c - vm.device.NAME of a device in Lua: what is done with it
 * under its lock.
 */
#include "ldevices_lua.h"

#include <lauxlib.h>
#include <string.h>

#include "ldhandle.h"
#include "ldproblems.h"
#include "ldvirtio.h"
#include "lresult.h"

/* ---- to the object, by name ---- */

struct visit {
	void (*fn)(void *ctx, struct vmoon_ldobj *obj); /* under the lock */
	void *ctx;
	bool is_found; /* out: it is a device in Lua */
};

static void visit_object(struct visit *v, struct vmoon_ldobj *obj)
{
	v->is_found = obj != NULL;
	if (obj != NULL)
		v->fn(v->ctx, obj);
}

static void visit_device(void *ctx, struct vmoon_device *dev)
{
	visit_object(ctx, vmoon_ldobj_is_device(dev)
				  ? vmoon_ldobj_of_device(dev)
				  : NULL);
}

static void visit_virtio(void *ctx, struct vmoon_virtio *vd)
{
	visit_object(ctx, vmoon_ldvirtio_object(vd));
}

/* False: it is none of those that were added to the VM. */
static bool find(struct vmoon_vm *vm, const char *name, bool *out_is_virtio)
{
	const char *other;

	for (size_t i = 0; vmoon_vm_device(vm, i, &other, NULL, out_is_virtio);
	     i++)
		if (strcmp(other, name) == 0)
			return true;
	return false;
}

/* When it is none in Lua nobody is called. */
static enum vmoon_status visit(const struct vmoon_ldevice *d, struct visit *v,
			       struct vmoon_error *err)
{
	struct vmoon_vm *vm = d->vm->vm;
	bool is_virtio;

	if (!find(vm, d->name, &is_virtio))
		return VMOON_OK;
	if (is_virtio)
		return vmoon_vm_call_virtio(vm, d->name, visit_virtio, v, err);
	return vmoon_vm_call_device(vm, d->name, visit_device, v, err);
}

/* Raises when nobody was called. */
static void check_visit(lua_State *L, const struct vmoon_ldevice *d,
			const struct visit *v, enum vmoon_status st,
			const struct vmoon_error *err)
{
	if (st != VMOON_OK)
		vmoon_lresult_raise(L, NULL, err);
	if (v->is_found)
		return;
	lua_pushfstring(L, "device '%s' is a %s: it is not written in Lua",
			d->name, d->type);
	vmoon_lresult_misuse(L, lua_tostring(L, -1), NULL);
}

void vmoon_ldevices_visit(lua_State *L, const struct vmoon_ldevice *d,
			  void (*fn)(void *ctx, struct vmoon_ldobj *obj),
			  void *ctx)
{
	struct visit v = {fn, ctx, false};
	struct vmoon_error err;
	const enum vmoon_status st = visit(d, &v, &err);

	check_visit(L, d, &v, st, &err);
}

/* ---- in Lua, protected ---- */

struct run {
	lua_State *L;
	int nargs; /* the function and so many arguments are on the top */
	bool is_raised;
};

static void run(void *ctx, struct vmoon_ldobj *obj)
{
	struct run *r = ctx;

	lua_pushlightuserdata(r->L, obj); /* there is room */
	r->is_raised = lua_pcall(r->L, r->nargs + 1, LUA_MULTRET, 0) != LUA_OK;
}

/*
 * What fn returns, called with the method's arguments and the object behind
 * them. Meanwhile the collector waits: it may close a VM, which no lock may
 * see.
 */
static int run_locked(lua_State *L, lua_CFunction fn)
{
	const int nargs = lua_gettop(L);
	const struct vmoon_ldevice d = vmoon_ldevices_check(L);
	const bool has_gc = lua_gc(L, LUA_GCISRUNNING) != 0;
	struct run r = {.L = L, .nargs = nargs};
	struct visit v = {run, &r, false};
	enum vmoon_status st;
	struct vmoon_error err;

	lua_settop(L, nargs); /* the handle has what d borrows */
	luaL_checkstack(L, nargs + 8, NULL);
	lua_pushcfunction(L, fn);
	for (int i = 1; i <= nargs; i++)
		lua_pushvalue(L, i);
	lua_gc(L, LUA_GCSTOP);
	st = visit(&d, &v, &err);
	if (has_gc)
		lua_gc(L, LUA_GCRESTART);
	check_visit(L, &d, &v, st, &err);
	return r.is_raised ? lua_error(L) : lua_gettop(L) - nargs;
}

/* The object, which is behind the arguments. */
static struct vmoon_ldobj *pop_object(lua_State *L)
{
	struct vmoon_ldobj *obj = lua_touserdata(L, -1);

	lua_pop(L, 1);
	return obj;
}

static int run_call(lua_State *L)
{
	struct vmoon_ldobj *obj = pop_object(L);

	return vmoon_ldhandle_call(L, obj, luaL_checkstring(L, 2), 3);
}

static int run_events(lua_State *L)
{
	vmoon_ldhandle_push_events(L, pop_object(L));
	return 1;
}

static int run_log(lua_State *L)
{
	vmoon_ldhandle_push_log(L, pop_object(L));
	return 1;
}

static int run_regs(lua_State *L)
{
	vmoon_ldhandle_push_regs(L, pop_object(L));
	return 1;
}

static int run_state(lua_State *L)
{
	vmoon_ldhandle_push_state(L, pop_object(L));
	return 1;
}

static int run_stats(lua_State *L)
{
	vmoon_ldhandle_push_stats(L, pop_object(L));
	return 1;
}

static int run_watch(lua_State *L)
{
	struct vmoon_ldobj *obj = pop_object(L);

	vmoon_ldobj_watch(obj, lua_toboolean(L, 2) != 0, NULL, NULL);
	return 0;
}

/* ---- methods ---- */

/* device:call(method, ...) */
int vmoon_ldevices_call(lua_State *L)
{
	luaL_checkstring(L, 2);
	return run_locked(L, run_call);
}

int vmoon_ldevices_events(lua_State *L)
{
	return run_locked(L, run_events);
}

int vmoon_ldevices_log(lua_State *L)
{
	return run_locked(L, run_log);
}

int vmoon_ldevices_regs(lua_State *L)
{
	return run_locked(L, run_regs);
}

int vmoon_ldevices_state(lua_State *L)
{
	return run_locked(L, run_state);
}

int vmoon_ldevices_watch(lua_State *L)
{
	luaL_checktype(L, 2, LUA_TBOOLEAN);
	return run_locked(L, run_watch);
}

void vmoon_ldevices_add_stats(lua_State *L)
{
	const int top = lua_gettop(L);

	lua_pushcfunction(L, vmoon_ldevices_stats);
	lua_pushvalue(L, 1);
	lua_call(L, 1, 1);
	lua_pushnil(L);
	while (lua_next(L, top + 1) != 0) {
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		lua_rawset(L, top);
	}
	lua_settop(L, top);
}

int vmoon_ldevices_stats(lua_State *L)
{
	return run_locked(L, run_stats);
}

bool vmoon_ldevices_is_lua(const struct vmoon_ldevice *d)
{
	return strcmp(d->type, VMOON_LDEVICE_LUA) == 0 ||
	       strcmp(d->type, VMOON_LDEVICE_LUA_VIRTIO) == 0;
}

/* ---- new code ---- */

static void get_object(void *ctx, struct vmoon_ldobj *obj)
{
	*(struct vmoon_ldobj **)ctx = obj;
}

struct adoption {
	struct vmoon_ldcode *take_code;
	enum vmoon_status status;
	struct vmoon_error err;
};

static void adopt(void *ctx, struct vmoon_ldobj *obj)
{
	struct adoption *a = ctx;

	a->status = vmoon_ldobj_adopt(obj, a->take_code, &a->err);
}

/* What nobody adopts, as a trusted device is at something for long, goes. */
static void try_adopt(const struct vmoon_ldevice *d, struct adoption *a)
{
	struct visit v = {adopt, a, false};
	const enum vmoon_status st = visit(d, &v, &a->err);

	if (st == VMOON_OK)
		return;
	a->status = st;
	vmoon_ldcode_destroy(a->take_code, vmoon_runtime_mem(d->vm->rt));
}

/* device:reload(): the file is read while the guest goes on. */
int vmoon_ldevices_reload(lua_State *L)
{
	const struct vmoon_ldevice d = vmoon_ldevices_check(L);
	struct vmoon_ldproblems *problems =
		vmoon_ldproblems_push(L, vmoon_runtime_mem(d.vm->rt));
	struct vmoon_ldproblems_origin origin = {.function = "reload",
						 .prefix = ""};
	struct vmoon_ldspec_source source = {0};
	struct vmoon_ldobj *obj = NULL;
	struct adoption a = {0};

	vmoon_ldevices_visit(L, &d, get_object,
			     &obj); /* it stays as long as the VM */
	if (obj == NULL)
		return 0; /* it has raised */
	source.path = vmoon_ldobj_path(obj);
	origin.source = &source;
	if (vmoon_ldobj_prepare(obj, vmoon_ldproblems_add, problems,
				&a.take_code, &a.err) != VMOON_OK)
		return vmoon_ldproblems_raise(L, problems, &origin, &a.err);
	try_adopt(&d, &a); /* it is there: it was */
	if (a.status != VMOON_OK)
		return vmoon_lresult_raise(L, NULL, &a.err);
	lua_settop(L, 1);
	return 1;
}
