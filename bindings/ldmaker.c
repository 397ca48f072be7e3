/* SPDX-License-Identifier: MIT */
/*
 * ldmaker.c - the key "devices": files in Lua as devices of a VM. Scripts have
 * their files checked before a VM is made, so that mistakes have places; the
 * maker reads them again, for C programs that brought a config of their own.
 */
#include "ldmaker.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "lbox.h"
#include "ldinline.h"
#include "ldpack.h"
#include "ldproblems.h"
#include "ldvirtio.h"
#include "lmod.h"
#include "lresult.h"
#include "lvm.h"

/* A device file with what the config says of it. */
struct wanted {
	struct vmoon_ldobj_options options;
	unsigned char *params; /* owned; those of options */
	size_t params_len;
	uint64_t at;
	unsigned irq;
};

static void free_wanted(struct wanted *w)
{
	vmoon_mem_free(w->options.mem, w->params, w->params_len);
	w->params = NULL;
}

static enum vmoon_status pack_params(const struct vmoon_config *cfg, size_t i,
				     struct wanted *w, struct vmoon_error *err)
{
	w->params_len = vmoon_ldpack_params(cfg, i, NULL, 0);
	if (w->params_len > VMOON_LDPACK_BYTES_MAX)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "devices.%zu.params: more than 4 MiB", i + 1);
	w->params = vmoon_mem_alloc(w->options.mem, w->params_len);
	if (w->params == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "devices.%zu: out of memory", i + 1);
	w->options.source.params_len =
		vmoon_ldpack_params(cfg, i, w->params, w->params_len);
	w->options.source.params = w->params;
	return VMOON_OK;
}

/* To be freed when it is good. */
static enum vmoon_status read_wanted(struct vmoon_runtime *rt,
				     const struct vmoon_config *cfg, size_t i,
				     struct wanted *out,
				     struct vmoon_error *err)
{
	struct vmoon_config_device d = VMOON_INIT(struct vmoon_config_device);
	struct wanted w = {0};
	enum vmoon_status st = vmoon_config_device(cfg, i, &d, err);

	if (st == VMOON_OK)
		st = vmoon_runtime_watchdog(rt, &w.options.watchdog, err);
	if (st != VMOON_OK)
		return st;
	w.options.mem = vmoon_runtime_mem(rt);
	w.options.source.path = d.file != NULL ? d.file : "device";
	w.options.source.is_inline = d.file == NULL;
	w.options.name = d.name;
	w.options.has_on_error = d.has_on_error;
	/* The same three, in the same order. */
	w.options.on_error = (enum vmoon_ldspec_on_error)d.on_error;
	w.options.budget_ns = d.budget_ns;
	w.options.memory = (size_t)d.memory_bytes; /* 64 bits as well */
	w.options.extend = vmoon_ldvirtio_extend;
	if (w.options.source.is_inline)
		w.options.script_list = (unsigned)i + 1; /* few devices */
	w.at = d.at;
	w.irq = d.irq;
	w.options.is_trusted = d.is_trusted;
	if (d.param_count > 0)
		st = pack_params(cfg, i, &w, err);
	if (st == VMOON_OK)
		*out = w;
	return st;
}

/* A key of the config that the device contradicts, and why. */
struct misfit {
	const char *key;
	char why[160];
};

/* A script's functions have what they are to have by where = "script". */
static bool is_trust_wrong(const struct wanted *w, struct misfit *out)
{
	if (!w->options.is_trusted || !w->options.source.is_inline)
		return false;
	out->key = "trusted";
	(void)snprintf(out->why, sizeof(out->why),
		       "only a file can be trusted; put the device into one, "
		       "or keep hooks in the script with where = \"script\"");
	return true;
}

static bool is_place_wrong(const struct wanted *w,
			   const struct vmoon_ldobj *obj, struct misfit *out)
{
	const struct vmoon_ldspec *spec = vmoon_ldobj_spec(obj);
	const char *why = NULL;

	out->key = w->at != 0 ? "at" : "irq";
	if (spec->kind == VMOON_LDSPEC_VIRTIO && (w->at != 0 || w->irq != 0)) {
		why = "is a virtio device, whose place the machine decides; "
		      "leave it out";
	} else if (w->irq != 0 && spec->irq == VMOON_LDSPEC_NO_IRQ) {
		out->key = "irq";
		why = "has no interrupt; its file says which, as irq = "
		      "\"level\"";
	} else if (w->at != 0 &&
		   (w->at > UINT16_MAX) != (spec->kind == VMOON_LDSPEC_MMIO)) {
		why = spec->kind == VMOON_LDSPEC_MMIO
			      ? "is at an address of memory, above 0xffff"
			      : "is at ports, up to 0xffff";
	}
	if (why == NULL)
		return false;
	/* A name has at most 64 bytes. */
	(void)snprintf(out->why, sizeof(out->why), "'%.64s' %s",
		       vmoon_ldobj_name(obj), why);
	return true;
}

/* The mistake is the config's: it stands where parameters do. */
static enum vmoon_status refuse(const struct misfit *m, size_t i,
				void *problems, struct vmoon_error *err)
{
	const struct vmoon_ldproblem problem = {
		.path = m->key, .message = m->why, .is_param = true};

	if (problems != NULL)
		vmoon_ldproblems_add(problems, &problem);
	return vmoon_fail(err, VMOON_E_CONFIG, 0, "devices.%zu.%s: %s", i + 1,
			  m->key, m->why);
}

static enum vmoon_status create_object(const struct wanted *w, size_t i,
				       void *problems, /* or NULL */
				       struct vmoon_ldobj **out_obj,
				       struct vmoon_error *err)
{
	struct misfit misfit;
	enum vmoon_status st;

	if (is_trust_wrong(w, &misfit))
		return refuse(&misfit, i, problems, err);
	st = vmoon_ldobj_create(&w->options,
				problems == NULL ? NULL : vmoon_ldproblems_add,
				problems, out_obj, err);
	if (st != VMOON_OK || !is_place_wrong(w, *out_obj, &misfit))
		return st;
	st = refuse(&misfit, i, problems, err);
	vmoon_ldobj_destroy(*out_obj);
	*out_obj = NULL;
	return st;
}

/* ---- in a VM ---- */

static enum vmoon_status add_object(struct vmoon_vm *vm, const struct wanted *w,
				    struct vmoon_ldobj *obj,
				    struct vmoon_error *err)
{
	struct vmoon_device_options device;
	struct vmoon_virtio_options virtio;

	if (vmoon_ldobj_spec(obj)->kind == VMOON_LDSPEC_VIRTIO) {
		vmoon_ldvirtio_options(obj, &virtio);
		return vmoon_vm_add_virtio(vm, &virtio, NULL, err);
	}
	vmoon_ldobj_device(obj, &device);
	if (w->at != 0)
		device.base = w->at;
	if (w->irq != 0)
		device.irq = w->irq;
	return vmoon_vm_add_device(vm, &device, NULL, err);
}

/* All of them at once: who wants a certain place comes before the others. */
struct batch {
	struct vmoon_mem *mem;
	struct item {
		struct wanted wanted;
		struct vmoon_ldobj *obj; /* owned */
	} * items;
	size_t count, capacity;
};

static enum vmoon_status take_inline(const struct vmoon_ldmaker *maker,
				     size_t i, struct vmoon_ldspec_source *out,
				     struct vmoon_error *err)
{
	if (maker == NULL || i >= maker->count ||
	    maker->sources[i].text == NULL)
		return vmoon_fail(err, VMOON_E_UNSUPPORTED, 0,
				  "devices.%zu.device: only the script that "
				  "describes a device can use it; put it into "
				  "a file",
				  i + 1);
	out->allow_script = true;
	out->text = maker->sources[i].text;
	out->len = maker->sources[i].len;
	return VMOON_OK;
}

static enum vmoon_status create_item(struct vmoon_ldmaker *maker,
				     struct item *item, size_t i,
				     struct vmoon_error *err)
{
	struct wanted *w = &item->wanted;
	struct vmoon_ldproblems *problems =
		maker != NULL && w->options.is_trusted ? maker->problems : NULL;
	const enum vmoon_status st =
		create_object(w, i, problems, &item->obj, err);

	if (st != VMOON_OK && problems != NULL)
		maker->failed = i + 1;
	return st;
}

static enum vmoon_status read_batch(struct vmoon_vm *vm,
				    const struct vmoon_config *cfg,
				    struct vmoon_ldmaker *maker,
				    struct batch *b, struct vmoon_error *err)
{
	enum vmoon_status st = VMOON_OK;

	for (size_t i = 0; i < b->capacity && st == VMOON_OK; i++) {
		struct item *item = &b->items[i];
		struct wanted *w = &item->wanted;

		st = read_wanted(vmoon_vm_runtime(vm), cfg, i, w, err);
		if (st != VMOON_OK)
			break;
		b->count++;
		if (w->options.source.is_inline)
			st = take_inline(maker, i, &w->options.source, err);
		if (st == VMOON_OK)
			st = create_item(maker, item, i, err);
	}
	return st;
}

static bool has_place(const struct item *item)
{
	return item->wanted.at != 0 || vmoon_ldobj_spec(item->obj)->at != 0;
}

static enum vmoon_status add_batch(struct vmoon_vm *vm, const struct batch *b,
				   struct vmoon_error *err)
{
	enum vmoon_status st = VMOON_OK;

	for (int fixed = 1; fixed >= 0; fixed--)
		for (size_t i = 0; i < b->count && st == VMOON_OK; i++)
			if (has_place(&b->items[i]) == (fixed == 1))
				st = add_object(vm, &b->items[i].wanted,
						b->items[i].obj, err);
	return st;
}

/* Objects stay where the VM holds them. */
static void free_batch(struct batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		vmoon_ldobj_destroy(b->items[i].obj);
		free_wanted(&b->items[i].wanted);
	}
	vmoon_mem_free(b->mem, b->items, b->capacity * sizeof(*b->items));
}

static enum vmoon_status make(void *ctx, struct vmoon_vm *vm,
			      const struct vmoon_config *cfg,
			      struct vmoon_error *err)
{
	struct batch b = {.mem = vmoon_runtime_mem(vmoon_vm_runtime(vm)),
			  .capacity = vmoon_config_device_count(cfg)};
	enum vmoon_status st;

	b.items = vmoon_mem_alloc(b.mem, b.capacity * sizeof(*b.items));
	if (b.items == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "devices: out of memory");
	st = read_batch(vm, cfg, ctx, &b, err);
	if (st == VMOON_OK)
		st = add_batch(vm, &b, err);
	free_batch(&b);
	return st;
}

enum vmoon_status vmoon_ldmaker_install(struct vmoon_runtime *rt,
					struct vmoon_ldmaker *maker,
					struct vmoon_error *err)
{
	const struct vmoon_device_maker m = {
		.size = sizeof(m), .make = make, .ctx = maker};

	return vmoon_runtime_set_device_maker(rt, &m, err);
}

/* ---- for scripts ---- */

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

static void check_one(lua_State *L, int spec, const struct vmoon_config *cfg,
		      size_t i, struct where *at)
{
	struct vmoon_runtime *rt = vmoon_lvm_runtime(L);
	struct vmoon_config_device d = VMOON_INIT(struct vmoon_config_device);
	struct vmoon_ldproblems *problems;
	struct vmoon_ldspec_source own = {0};
	struct vmoon_ldobj *obj = NULL;
	struct vmoon_error err;
	struct wanted w = {0};

	if (vmoon_config_device(cfg, i, &d, &err) != VMOON_OK)
		vmoon_lresult_raise(L, NULL, &err);
	if (d.file != NULL && d.is_trusted)
		return; /* it is not run just to be looked at */
	at->origin.source = &own;
	if (d.file == NULL)
		load_inline(L, spec, i, at, &own);
	problems = vmoon_ldproblems_push(L, vmoon_runtime_mem(rt));
	if (read_wanted(rt, cfg, i, &w, &err) != VMOON_OK)
		vmoon_lresult_raise(L, NULL, &err);
	/* From here to free_wanted nothing raises. */
	w.options.source.text = own.text;
	w.options.source.len = own.len;
	w.options.source.allow_script = own.is_inline;
	own.path = w.options.source.path; /* the config's */
	if (create_object(&w, i, problems, &obj, &err) != VMOON_OK) {
		free_wanted(&w);
		vmoon_ldproblems_raise(L, problems, &at->origin, &err);
	}
	vmoon_ldobj_destroy(obj);
	free_wanted(&w);
	at->origin.source = NULL;
}

void vmoon_ldmaker_check(lua_State *L, int idx, const struct vmoon_config *cfg,
			 const struct vmoon_lcfg_origin *origin)
{
	const int top = lua_gettop(L);
	struct where at;

	luaL_checkstack(L, 12, NULL);
	for (size_t i = 0; i < vmoon_config_device_count(cfg); i++) {
		set_where(&at, origin, i);
		check_one(L, idx, cfg, i, &at);
		lua_settop(L, top);
	}
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

void vmoon_ldmaker_raise(lua_State *L, const struct vmoon_config *cfg,
			 size_t failed, const struct vmoon_ldproblems *problems,
			 const struct vmoon_lcfg_origin *origin,
			 const struct vmoon_error *err)
{
	struct vmoon_config_device d = VMOON_INIT(struct vmoon_config_device);
	struct vmoon_ldspec_source own = {0};
	struct where at;

	set_where(&at, origin, failed - 1);
	VMOON_IGNORE(vmoon_config_device(cfg, failed - 1, &d, NULL));
	own.path = d.file != NULL ? d.file : "device";
	at.origin.source = &own;
	vmoon_ldproblems_raise(L, problems, &at.origin, err);
}
