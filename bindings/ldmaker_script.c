/* SPDX-License-Identifier: MIT */
/*
 * ldmaker_script.c - devices in Lua of a script's VM: they are checked before
 * there is a VM, and what is wrong with any of them is said with its place.
 */
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "ldinline.h"
#include "ldmaker.h"
#include "ldmaker_parts.h"
#include "ldvirtio.h"
#include "lmod.h"
#include "lresult.h"
#include "lvm.h"

/* Parameters are checked when the device is made. */
static void add_own(void *ctx, const struct vmoon_ldproblem *problem)
{
	if (!problem->is_param)
		vmoon_ldproblems_add(ctx, problem);
}

/* Raises what is at idx, which cannot move, with what else is wrong. */
static void raise_refused(lua_State *L, int idx,
			  const struct vmoon_ldspec_source *source,
			  const struct vmoon_ldproblems_origin *origin)
{
	struct vmoon_ldobj_options o = {.source = *source,
					.extend = vmoon_ldvirtio_extend};
	struct vmoon_ldproblems *rest;
	struct vmoon_ldobj *obj = NULL;
	struct vmoon_error err;

	idx = lua_absindex(L, idx);
	luaL_checkstack(L, 8, NULL);
	if (vmoon_runtime_watchdog(vmoon_lvm_runtime(L), &o.watchdog, &err) !=
	    VMOON_OK)
		vmoon_lresult_raise(L, NULL, &err);
	vmoon_lmod_push_core(L);
	lua_getfield(L, -1, "inline_rest");
	lua_pushvalue(L, idx);
	rest = vmoon_ldproblems_push(L, NULL);
	VMOON_IGNORE(vmoon_ldobj_create(&o, add_own, rest, &obj, &err));
	vmoon_ldobj_destroy(obj);
	vmoon_ldproblems_push_list(L, rest);
	lua_remove(L, -2);
	lua_call(L, 2, 0);
	vmoon_ldproblems_raise_list(L, idx, origin);
}

void vmoon_ldmaker_inline(lua_State *L, int idx,
			  struct vmoon_ldspec_source *out,
			  const struct vmoon_ldproblems_origin *origin)
{
	vmoon_linline_pack(L, idx);
	out->path = "device";
	out->text = lua_tolstring(L, -1, &out->len);
	out->is_inline = true;
	out->allow_script = true;
	if (lua_rawlen(L, -3) > 0)
		raise_refused(L, -3, out, origin);
	lua_remove(L, -3);
}

/*
 * Pushes the device that the i-th item of the spec's devices is or has, with
 * the path to it from there.
 */
static const char *push_inline(lua_State *L, int spec, size_t i)
{
	lua_pushliteral(L, "devices");
	lua_rawget(L, spec);
	lua_rawgeti(L, -1, (lua_Integer)i + 1);
	lua_remove(L, -2);
	if (vmoon_linline_is_device(L, -1))
		return "";
	lua_pushliteral(L, "device");
	lua_rawget(L, -2);
	lua_remove(L, -2);
	return ".device";
}

/* Where its mistakes are, by the spec's. */
struct where {
	struct vmoon_ldproblems_origin origin;
	char prefix[32], inline_prefix[48];
};

static void set_where(struct where *at, const struct vmoon_lcfg_origin *origin,
		      size_t i)
{
	(void)snprintf(at->prefix, sizeof(at->prefix), "devices.%zu", i + 1);
	at->origin = (struct vmoon_ldproblems_origin){
		.function = origin->function,
		.prefix = at->prefix,
		.script = origin->source != NULL ? origin : NULL};
}

/* Raises one problem of the spec, under its path; hint may be NULL. */
static void raise_placed(lua_State *L, const char *path, const char *message,
			 const char *hint,
			 const struct vmoon_lcfg_origin *origin)
{
	luaL_checkstack(L, 6, NULL);
	lua_createtable(L, 1, 0);
	lua_createtable(L, 0, 3);
	lua_pushstring(L, path);
	lua_setfield(L, -2, "path");
	lua_pushstring(L, message);
	lua_setfield(L, -2, "message");
	lua_pushstring(L, hint);
	lua_setfield(L, -2, "hint");
	lua_rawseti(L, -2, 1);
	vmoon_lcfg_raise(L, -1, "config_error", origin->function,
			 origin->source != NULL ? origin : NULL);
}

/* With no mistakes of a file: what the config says begins with its path. */
static void raise_failed(lua_State *L, const struct vmoon_ldproblems *problems,
			 const struct where *at,
			 const struct vmoon_lcfg_origin *origin,
			 const struct vmoon_error *err)
{
	const size_t len = strlen(at->prefix);
	const char *stop = strstr(err->msg, ": ");

	if (err->status == VMOON_E_CONFIG && stop != NULL &&
	    strncmp(err->msg, at->prefix, len) == 0 && err->msg[len] == '.') {
		lua_pushlstring(L, err->msg, (size_t)(stop - err->msg));
		raise_placed(L, lua_tostring(L, -1), stop + 2, NULL, origin);
	}
	vmoon_ldproblems_raise(L, problems, &at->origin, err);
}

/* Its text stays on the stack, on the functions that stay in the script. */
static void load_inline(lua_State *L, int spec, size_t i, struct where *at,
			struct vmoon_ldspec_source *out)
{
	const char *rest = push_inline(L, spec, i);

	(void)snprintf(at->inline_prefix, sizeof(at->inline_prefix), "%s%s",
		       at->prefix, rest);
	at->origin.inline_prefix = at->inline_prefix;
	vmoon_ldmaker_inline(L, -1, out, &at->origin);
	lua_remove(L, -3); /* the device */
}

/* The check of one device. */
struct check {
	const struct vmoon_config *cfg;
	const struct vmoon_lcfg_origin *origin;
	size_t i;
	struct where at;
	char name[72]; /* "": unknown */
	bool is_given; /* the name: by the config */
};

static void check_file(lua_State *L, int spec, struct check *k,
		       const struct vmoon_config_device *d)
{
	struct vmoon_runtime *rt = vmoon_lvm_runtime(L);
	struct vmoon_ldproblems *problems;
	struct vmoon_ldspec_source own = {0};
	struct vmoon_ldwanted w = {0};
	struct vmoon_ldobj *obj = NULL;
	struct vmoon_error err;

	k->at.origin.source = &own;
	if (d->file == NULL)
		load_inline(L, spec, k->i, &k->at, &own);
	problems = vmoon_ldproblems_push(L, vmoon_runtime_mem(rt));
	if (vmoon_ldwanted_read(rt, k->cfg, k->i, &w, &err) != VMOON_OK)
		raise_failed(L, problems, &k->at, k->origin, &err);
	/* From here to vmoon_ldwanted_fini nothing raises. */
	w.options.source.text = own.text;
	w.options.source.len = own.len;
	w.options.source.allow_script = own.is_inline;
	own.path = w.options.source.path; /* the config's */
	if (vmoon_ldwanted_create(&w, k->i, problems, &obj, &err) != VMOON_OK) {
		vmoon_ldwanted_fini(&w);
		raise_failed(L, problems, &k->at, k->origin, &err);
	}
	(void)snprintf(k->name, sizeof(k->name), "%s", vmoon_ldobj_name(obj));
	vmoon_ldobj_destroy(obj);
	vmoon_ldwanted_fini(&w);
	k->at.origin.source = NULL;
}

/*
 * The first of "counter2", "counter3", ... that is no key of names. It becomes
 * one, so that no other device gets the same advice.
 */
static int propose_number(lua_State *L, int names, const char *name)
{
	for (int n = 2;; n++) { /* at most twice for each device */
		bool is_free;

		lua_pushfstring(L, "%s%d", name, n);
		lua_pushvalue(L, -1);
		is_free = lua_rawget(L, names) == LUA_TNIL;
		lua_pop(L, 1);
		if (is_free) {
			lua_pushboolean(L, 0);
			lua_rawset(L, names);
			return n;
		}
		lua_pop(L, 1);
	}
}

/* Raises a name that another device has; names has numbers by names. */
static void check_name(lua_State *L, int names, const struct check *k)
{
	char path[48], hint[128];

	if (k->name[0] == '\0')
		return;
	if (lua_getfield(L, names, k->name) != LUA_TNUMBER) {
		lua_pushinteger(L, (lua_Integer)k->i + 1);
		lua_setfield(L, names, k->name);
		return;
	}
	lua_pushfstring(L, "devices.%I is called \"%s\" already",
			(LUAI_UACINT)lua_tointeger(L, -1), k->name);
	(void)snprintf(path, sizeof(path), "%s%s", k->at.prefix,
		       k->is_given ? ".name" : "");
	(void)snprintf(hint, sizeof(hint), "for example: name = \"%s%d\"",
		       k->name, propose_number(L, names, k->name));
	raise_placed(L, path, lua_tostring(L, -1), hint, k->origin);
}

/* Protected: (struct check, spec, names) */
static int check_one(lua_State *L)
{
	struct vmoon_config_device d = VMOON_INIT(struct vmoon_config_device);
	struct check *k = lua_touserdata(L, 1);
	struct vmoon_error err;

	luaL_checkstack(L, 12, NULL);
	if (vmoon_config_device(k->cfg, k->i, &d, &err) != VMOON_OK)
		vmoon_lresult_raise(L, NULL, &err);
	k->is_given = d.name != NULL;
	if (d.file == NULL || !d.is_trusted)
		check_file(L, 2, k, &d);
	else if (d.name != NULL) /* it is not run just to be looked at */
		(void)snprintf(k->name, sizeof(k->name), "%s", d.name);
	lua_settop(L, 3);
	check_name(L, 3, k);
	return 0;
}

/* Adds the error at the top to the list: whether others are looked for. */
static bool add_error(lua_State *L, int list, size_t i)
{
	bool has_time;

	if (!vmoon_lresult_is_error(L, -1))
		lua_error(L); /* the script's end, or that of its memory */
	lua_getfield(L, -1, "kind");
	has_time = strcmp(luaL_optstring(L, -1, ""), "timeout") != 0;
	lua_pop(L, 1);
	lua_createtable(L, 0, 2);
	lua_insert(L, -2);
	lua_setfield(L, -2, "error");
	lua_pushfstring(L, "devices.%I", (LUAI_UACINT)i + 1);
	lua_setfield(L, -2, "path");
	lua_rawseti(L, list, (lua_Integer)lua_rawlen(L, list) + 1);
	return has_time;
}

void vmoon_ldmaker_check(lua_State *L, int idx, const struct vmoon_config *cfg,
			 const struct vmoon_lcfg_origin *origin)
{
	const size_t count = vmoon_config_device_count(cfg);
	bool has_time = true;
	int errors;

	idx = lua_absindex(L, idx);
	luaL_checkstack(L, 12, NULL);
	lua_newtable(L);
	errors = lua_gettop(L);
	lua_newtable(L); /* numbers by names */
	for (size_t i = 0; i < count && has_time; i++) {
		struct check k = {.cfg = cfg, .origin = origin, .i = i};

		set_where(&k.at, origin, i);
		lua_pushcfunction(L, check_one);
		lua_pushlightuserdata(L, &k);
		lua_pushvalue(L, idx);
		lua_pushvalue(L, errors + 1);
		if (lua_pcall(L, 3, 0, 0) != LUA_OK)
			has_time = add_error(L, errors, i);
	}
	if (lua_rawlen(L, errors) > 0)
		vmoon_lcfg_raise(L, errors, "devices_error", origin->function,
				 origin->source != NULL ? origin : NULL);
	lua_settop(L, errors - 1);
}

void vmoon_ldmaker_fill(lua_State *L, int idx, const struct vmoon_config *cfg,
			struct vmoon_ldmaker *maker)
{
	const size_t count = vmoon_config_device_count(cfg);
	const struct vmoon_lcfg_origin origin = {.function = "new"};
	struct vmoon_config_device d = VMOON_INIT(struct vmoon_config_device);
	struct vmoon_ldspec_source *sources;
	struct where at;
	int lists, keep;

	idx = lua_absindex(L, idx);
	luaL_checkstack(L, 12, NULL);
	lua_newtable(L);
	lists = lua_gettop(L);
	lua_newtable(L); /* what sources borrow, themselves first */
	keep = lua_gettop(L);
	sources = lua_newuserdatauv(L, (count + 1) * sizeof(*sources), 0);
	memset(sources, 0, (count + 1) * sizeof(*sources));
	lua_rawseti(L, keep, 1);
	for (size_t i = 0; i < count; i++) {
		if (vmoon_config_device(cfg, i, &d, NULL) != VMOON_OK ||
		    d.file != NULL)
			continue;
		set_where(&at, &origin, i);
		load_inline(L, idx, i, &at, &sources[i]);
		lua_rawseti(L, keep, (lua_Integer)i + 2);
		if (lua_rawlen(L, -1) > 0)
			lua_rawseti(L, lists, (lua_Integer)i + 1);
		else
			lua_pop(L, 1);
	}
	maker->sources = sources;
	maker->count = count;
}

/* At the key of the description, or of the device in it, as far as it goes. */
static void raise_unplaced(lua_State *L, int idx,
			   const struct vmoon_ldmaker *maker,
			   const struct where *at,
			   const struct vmoon_lcfg_origin *origin,
			   const struct vmoon_error *err)
{
	const char *inner = "", *dot = maker->key[0] != '\0' ? "." : "";

	if (maker->is_own)
		inner = push_inline(L, idx, maker->failed - 1);
	lua_pushfstring(L, "%s%s%s%s", at->prefix, inner, dot, maker->key);
	raise_placed(L, lua_tostring(L, -1), err->msg,
		     maker->hint[0] != '\0' ? maker->hint : NULL, origin);
}

void vmoon_ldmaker_raise(lua_State *L, int idx,
			 const struct vmoon_ldmaker *maker,
			 const struct vmoon_config *cfg,
			 const struct vmoon_lcfg_origin *origin,
			 const struct vmoon_error *err)
{
	struct vmoon_config_device d = VMOON_INIT(struct vmoon_config_device);
	struct vmoon_ldspec_source own = {0};
	struct where at;

	set_where(&at, origin, maker->failed - 1);
	if (maker->key != NULL)
		raise_unplaced(L, idx, maker, &at, origin, err);
	VMOON_IGNORE(vmoon_config_device(cfg, maker->failed - 1, &d, NULL));
	own.path = d.file != NULL ? d.file : "device";
	at.origin.source = &own;
	raise_failed(L, maker->problems, &at, origin, err);
}
