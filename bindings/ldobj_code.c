/* SPDX-License-Identifier: MIT */
/* ldobj_code.c - what a device's file is made into: its state, hooks, and d. */
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "ldobj_parts.h"

#define NO_MEMORY "device: out of memory"
enum { FOLDER_MAX = 4096, D_RESULTS = 3 };

/* ---- d ---- */

static int no_member(lua_State *L)
{
	return luaL_error(L, "d has no '%s'",
			  lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2)
							: luaL_typename(L, 2));
}

static int no_new_member(lua_State *L)
{
	/* A script that has set it to nil gets another one. */
	if (lua_type(L, 2) == LUA_TSTRING &&
	    strcmp(lua_tostring(L, 2), "state") == 0 && lua_istable(L, 3)) {
		lua_rawset(L, 1);
		return 0;
	}
	return luaL_error(L,
			  "d.%s cannot be set: what is to be kept goes into "
			  "d.state",
			  lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2)
							: luaL_typename(L, 2));
}

static int next_of(lua_State *L)
{
	lua_settop(L, 2);
	return lua_next(L, 1) != 0 ? 2 : 0;
}

static void copy_pairs(lua_State *L, int from, int to)
{
	lua_pushnil(L);
	while (lua_next(L, from) != 0) {
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		lua_rawset(L, to);
	}
}

/* Of a copy, which has all. Upvalue: the members. */
static int all_pairs(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	lua_pushcfunction(L, next_of);
	lua_createtable(L, 0, 24);
	copy_pairs(L, lua_upvalueindex(1), 3);
	copy_pairs(L, 1, 3);
	lua_pushnil(L);
	return 3;
}

/*
 * The members are on the top, and go. d itself has d.state only, which hooks
 * are to find quickly, and may set. All else is behind the metatable, so that a
 * slip like d.reg = 1 is seen.
 */
static void lock_d(lua_State *L, int d)
{
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, no_member);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
	lua_createtable(L, 0, 4);
	lua_insert(L, -2);
	lua_pushvalue(L, -1);
	lua_pushcclosure(L, all_pairs, 1);
	lua_setfield(L, -3, "__pairs");
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, no_new_member);
	lua_setfield(L, -2, "__newindex");
	lua_pushliteral(L, "locked");
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, d);
}

static void push_table(lua_State *L, int idx)
{
	if (lua_istable(L, idx))
		lua_pushvalue(L, idx);
	else
		lua_newtable(L);
}

/* params or nil, state or nil, the object, the spec: d, extra, "state" */
static int make_d(lua_State *L)
{
	const struct vmoon_ldobj *obj = lua_touserdata(L, 3);
	const struct vmoon_ldspec *spec = lua_touserdata(L, 4);
	const int d = lua_gettop(L) + 1, extra = d + 1, members = d + 2;

	lua_createtable(L, 0, 1);
	lua_newtable(L);
	lua_createtable(L, 0, 24);
	push_table(L, 2);
	lua_setfield(L, d, "state");
	if (spec->kind != VMOON_LDSPEC_VIRTIO) {
		vmoon_ldreg_push(L, spec);
		lua_setfield(L, members, "reg");
	}
	push_table(L, 1);
	lua_setfield(L, members, "params");
	lua_pushstring(L, obj->name != NULL ? obj->name : spec->name);
	lua_setfield(L, members, "name");
	vmoon_ldlib_methods(L, spec);
	if (obj->opts.extend != NULL) {
		lua_pushcfunction(L, obj->opts.extend);
		lua_pushvalue(L, members);
		lua_pushvalue(L, extra);
		lua_pushvalue(L, 4);
		lua_call(L, 3, 0);
	}
	lock_d(L, d);
	lua_pushliteral(L, "state");
	return D_RESULTS;
}

static void push_slot(lua_State *L, vmoon_ldslot slot)
{
	if (slot == 0)
		lua_pushnil(L);
	else
		lua_pushvalue(L, slot);
}

static enum vmoon_status open_d(struct vmoon_ldobj *obj,
				struct vmoon_ldcode *code,
				struct vmoon_error *err)
{
	lua_State *L = vmoon_ldstate_lua(code->state);

	lua_pushcfunction(L, make_d);
	push_slot(L, code->spec->params);
	push_slot(L, code->spec->state);
	lua_pushlightuserdata(L, obj);
	lua_pushlightuserdata(L, code->spec);
	if (!vmoon_ldstate_call(code->state, 4, D_RESULTS))
		return vmoon_fail(err, VMOON_E_SCRIPT, 0, "%s",
				  vmoon_ldstate_error(code->state));
	code->state_key = lua_gettop(L);
	code->extra = code->state_key - 1;
	code->d = code->state_key - 2;
	return VMOON_OK;
}

/* ---- hooks ---- */

static size_t count_of(const struct vmoon_ldspec *spec,
		       enum vmoon_ldhook_kind kind)
{
	switch (kind) {
	case VMOON_LDHOOK_READ:
	case VMOON_LDHOOK_WRITE: return spec->map.reg_count;
	case VMOON_LDHOOK_TIMER: return spec->timer_count;
	case VMOON_LDHOOK_METHOD: return spec->method_count;
	case VMOON_LDHOOK_BUFFER: return spec->queue_count;
	case VMOON_LDHOOK_CONFIG:
	case VMOON_LDHOOK_RESET: break;
	}
	return 1;
}

static vmoon_ldslot slot_of(const struct vmoon_ldspec *spec,
			    enum vmoon_ldhook_kind kind, size_t i)
{
	switch (kind) {
	case VMOON_LDHOOK_READ: return spec->regs[i].on_read;
	case VMOON_LDHOOK_WRITE: return spec->regs[i].on_write;
	case VMOON_LDHOOK_TIMER: return spec->timers[i].fn;
	case VMOON_LDHOOK_METHOD: return spec->methods[i].fn;
	case VMOON_LDHOOK_BUFFER:
		return spec->queues[i].on_buffer != 0
			       ? spec->queues[i].on_buffer
			       : spec->queues[i].on_kick;
	case VMOON_LDHOOK_CONFIG: return spec->on_config_write;
	case VMOON_LDHOOK_RESET: break;
	}
	return spec->on_reset;
}

static enum vmoon_status list_hooks(struct vmoon_ldcode *code,
				    struct vmoon_mem *mem,
				    struct vmoon_error *err)
{
	size_t n = 0;

	for (unsigned kind = 0; kind <= VMOON_LDHOOK_RESET; kind++) {
		code->first[kind] = n;
		n += count_of(code->spec, (enum vmoon_ldhook_kind)kind);
	}
	code->first[VMOON_LDHOOK_RESET + 1] = n;
	code->hooks = vmoon_mem_alloc_array(mem, n, sizeof(*code->hooks));
	if (code->hooks == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0, NO_MEMORY);
	code->hook_count = n;
	for (unsigned kind = 0; kind <= VMOON_LDHOOK_RESET; kind++)
		for (size_t i = code->first[kind]; i < code->first[kind + 1];
		     i++) {
			struct vmoon_ldhook *h = &code->hooks[i];

			h->kind = (enum vmoon_ldhook_kind)kind;
			h->index = i - code->first[kind];
			h->fn = slot_of(code->spec, h->kind, h->index);
		}
	return VMOON_OK;
}

struct vmoon_ldhook *vmoon_ldcode_hook(const struct vmoon_ldcode *code,
				       enum vmoon_ldhook_kind kind,
				       size_t index)
{
	struct vmoon_ldhook *hook;

	if (index >= code->first[kind + 1] - code->first[kind])
		return NULL;
	hook = &code->hooks[code->first[kind] + index];
	return hook->fn == 0 ? NULL : hook;
}

/* ---- fields ---- */

/* The decoding table at slot, by the names of the register's fields. */
static uint64_t bools_of(lua_State *L, vmoon_ldslot slot,
			 const struct vmoon_reg *reg)
{
	uint64_t bools = 0;

	lua_pushnil(L);
	while (lua_next(L, slot) != 0) { /* raises for no key of its own */
		for (size_t i = 0; i < reg->field_count; i++) {
			if (lua_type(L, -2) != LUA_TSTRING ||
			    strcmp(lua_tostring(L, -2), reg->fields[i].name) !=
				    0)
				continue;
			lua_rawgeti(L, -1, 3);
			bools |= (uint64_t)(lua_toboolean(L, -1) != 0) << i;
			lua_pop(L, 1);
		}
		lua_pop(L, 1);
	}
	return bools;
}

static enum vmoon_status find_bools(struct vmoon_ldcode *code,
				    struct vmoon_mem *mem,
				    struct vmoon_error *err)
{
	const struct vmoon_ldspec *spec = code->spec;

	if (spec->map.reg_count == 0)
		return VMOON_OK;
	code->bools = vmoon_mem_alloc_array(mem, spec->map.reg_count,
					    sizeof(*code->bools));
	if (code->bools == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0, NO_MEMORY);
	for (size_t i = 0; i < spec->map.reg_count; i++)
		if (spec->regs[i].fields != 0)
			code->bools[i] = bools_of(
				vmoon_ldstate_lua(code->state),
				spec->regs[i].fields, &spec->map.regs[i]);
	return VMOON_OK;
}

/* ---- the file ---- */

/* Hooks that would stay in a script which is not there. */
static enum vmoon_status refuse(const struct vmoon_ldobj *obj,
				const struct vmoon_ldspec *spec,
				void (*fn)(void *ctx,
					   const struct vmoon_ldproblem *),
				void *fn_ctx, struct vmoon_error *err)
{
	struct vmoon_ldproblem p = {0};
	char path[VMOON_REGMAP_NAME_MAX + 32] = "";

	for (size_t i = 0; i < spec->map.reg_count && p.message == NULL; i++) {
		if (spec->regs[i].where != VMOON_LDSPEC_SCRIPT ||
		    obj->opts.script != NULL || obj->opts.script_list != 0)
			continue;
		(void)snprintf(path, sizeof(path), "registers.%s.where",
			       spec->map.regs[i].name);
		p.message = "only the script that describes a device can keep "
			    "its functions";
		p.hint = "leave it out, and give plain values in params";
	}
	if (p.message == NULL)
		return VMOON_OK;
	p.path = path;
	if (fn != NULL)
		fn(fn_ctx, &p);
	return vmoon_fail(err, VMOON_E_CONFIG, 0, "%s: %s", p.path, p.message);
}

/* Of the file: what its require reads. False: it is too long. */
static bool folder_of(const char *path, char folder[FOLDER_MAX])
{
	const char *slash = strrchr(path, '/');
	const size_t len = slash == NULL ? 0 : (size_t)(slash - path);

	if (len >= FOLDER_MAX)
		return false;
	if (slash == NULL || len == 0) {
		memcpy(folder, slash == NULL ? "." : "/", 2);
		return true;
	}
	memcpy(folder, path, len);
	folder[len] = '\0';
	return true;
}

static void print_line(void *ctx, const char *line)
{
	struct vmoon_ldobj *obj = ctx;

	if (obj->env.log.write != NULL) /* else it may have no name yet */
		vmoon_ldobj_line(obj, VMOON_LOG_INFO, line);
}

/* Once, with a state of this size. */
static enum vmoon_status load(
	struct vmoon_ldobj *obj, const struct vmoon_ldstate_options *so,
	void (*fn)(void *ctx, const struct vmoon_ldproblem *), void *fn_ctx,
	struct vmoon_ldcode *out, struct vmoon_error *err)
{
	enum vmoon_status st = vmoon_ldstate_create(so, &out->state, err);

	if (st != VMOON_OK)
		return st;
	vmoon_ldstate_set_owner(out->state, obj);
	vmoon_ldstate_set_log(out->state, print_line, obj);
	obj->opts.source.mem = obj->opts.mem;
	st = vmoon_ldspec_load(out->state, &obj->opts.source, fn, fn_ctx,
			       &out->spec, err);
	return st == VMOON_OK ? refuse(obj, out->spec, fn, fn_ctx, err) : st;
}

/*
 * What the file wants, once it is known; false: it has it. Who is trusted has
 * no budget, and is not run twice for the sake of one.
 */
static bool wants_other(const struct vmoon_ldobj *obj,
			const struct vmoon_ldspec *spec,
			struct vmoon_ldstate_options *so)
{
	const size_t memory = obj->opts.memory != 0 ? obj->opts.memory
			      : spec->memory != 0
				      ? spec->memory
				      : (size_t)VMOON_LDSTATE_MEMORY;
	const uint64_t budget = obj->opts.budget_ns != 0 ? obj->opts.budget_ns
				: spec->budget_ns != 0
					? spec->budget_ns
					: VMOON_LDSTATE_BUDGET_NS;

	if (memory == so->memory && (budget == so->budget_ns || so->is_trusted))
		return false;
	so->memory = memory;
	so->budget_ns = budget;
	return true;
}

enum vmoon_status vmoon_ldcode_make(struct vmoon_ldobj *obj,
				    void (*fn)(void *ctx,
					       const struct vmoon_ldproblem *),
				    void *fn_ctx, struct vmoon_ldcode *out,
				    struct vmoon_error *err)
{
	char folder[FOLDER_MAX];
	struct vmoon_ldstate_options so = {
		.mem = obj->opts.mem,
		.watchdog = obj->opts.watchdog,
		.memory = obj->opts.memory != 0 ? obj->opts.memory
						: (size_t)VMOON_LDSTATE_MEMORY,
		.budget_ns = obj->opts.budget_ns != 0 ? obj->opts.budget_ns
						      : VMOON_LDSTATE_BUDGET_NS,
		.folder = obj->opts.source.is_inline ? NULL : folder,
		.is_trusted = obj->opts.is_trusted};
	struct vmoon_ldcode code = {0};
	enum vmoon_status st;

	if (!folder_of(obj->opts.source.path, folder))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "device: the path is too long");
	st = load(obj, &so, fn, fn_ctx, &code, err);
	if (st == VMOON_OK && wants_other(obj, code.spec, &so)) {
		vmoon_ldcode_fini(&code, obj->opts.mem);
		st = load(obj, &so, fn, fn_ctx, &code, err);
	}
	if (st == VMOON_OK)
		st = open_d(obj, &code, err);
	if (st == VMOON_OK)
		st = list_hooks(&code, obj->opts.mem, err);
	if (st == VMOON_OK)
		st = find_bools(&code, obj->opts.mem, err);
	if (st == VMOON_OK)
		st = vmoon_ldfields_open(&code, err);
	if (st != VMOON_OK) {
		vmoon_ldcode_fini(&code, obj->opts.mem);
		return st;
	}
	*out = code;
	return VMOON_OK;
}

void vmoon_ldcode_fini(struct vmoon_ldcode *code, struct vmoon_mem *mem)
{
	if (code->spec != NULL)
		vmoon_mem_free(mem, code->bools,
			       code->spec->map.reg_count *
				       sizeof(*code->bools));
	vmoon_mem_free(mem, code->hooks,
		       code->hook_count * sizeof(*code->hooks));
	vmoon_ldspec_destroy(code->spec);
	vmoon_ldstate_destroy(code->state);
	memset(code, 0, sizeof(*code));
}
