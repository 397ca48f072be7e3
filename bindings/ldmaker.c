/* SPDX-License-Identifier: MIT */
/*
 * ldmaker.c - the key "devices": files in Lua as devices of a VM. Scripts have
 * their files checked before a VM is made, so that mistakes have places; the
 * maker reads them again, for C programs that brought a config of their own.
 */
#include "ldmaker.h"

#include <lauxlib.h>

#include "lbox.h"
#include "ldpack.h"
#include "ldproblems.h"
#include "ldvirtio.h"
#include "lresult.h"
#include "lvm.h"

/* A device file with what the config says of it. */
struct wanted {
	struct vmoon_ldobj_options options;
	unsigned char *params; /* owned; those of options */
	size_t params_len;
	uint64_t at;
	unsigned irq;
	bool is_trusted;
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
	w.options.source.path = d.file;
	w.options.name = d.name;
	w.options.has_on_error = d.has_on_error;
	/* The same three, in the same order. */
	w.options.on_error = (enum vmoon_ldspec_on_error)d.on_error;
	w.options.budget_ns = d.budget_ns;
	w.options.memory = (size_t)d.memory_bytes; /* 64 bits as well */
	w.options.extend = vmoon_ldvirtio_extend;
	w.at = d.at;
	w.irq = d.irq;
	w.is_trusted = d.is_trusted;
	if (d.param_count > 0)
		st = pack_params(cfg, i, &w, err);
	if (st == VMOON_OK)
		*out = w;
	return st;
}

/* What its place in a VM contradicts. */
static enum vmoon_status check_place(const struct wanted *w,
				     const struct vmoon_ldobj *obj, size_t i,
				     struct vmoon_error *err)
{
	const struct vmoon_ldspec *spec = vmoon_ldobj_spec(obj);
	const char *name = vmoon_ldobj_name(obj);

	if (w->is_trusted)
		return vmoon_fail(err, VMOON_E_UNSUPPORTED, 0,
				  "devices.%zu.trusted: trusted code cannot "
				  "run on the guest's threads yet; leave it "
				  "out",
				  i + 1);
	if (spec->kind == VMOON_LDSPEC_VIRTIO && (w->at != 0 || w->irq != 0))
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "devices.%zu.%s: '%s' is a virtio device, "
				  "whose place the machine decides; leave it "
				  "out",
				  i + 1, w->at != 0 ? "at" : "irq", name);
	if (w->irq != 0 && spec->irq == VMOON_LDSPEC_NO_IRQ)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "devices.%zu.irq: '%s' has no interrupt; its "
				  "file says which, as irq = \"level\"",
				  i + 1, name);
	if (w->at != 0 &&
	    (w->at > UINT16_MAX) != (spec->kind == VMOON_LDSPEC_MMIO))
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "devices.%zu.at: '%s' is at %s", i + 1, name,
				  spec->kind == VMOON_LDSPEC_MMIO
					  ? "an address of memory, above "
					    "0xffff"
					  : "ports, up to 0xffff");
	return VMOON_OK;
}

static enum vmoon_status create_object(const struct wanted *w, size_t i,
				       void *problems, /* or NULL */
				       struct vmoon_ldobj **out_obj,
				       struct vmoon_error *err)
{
	enum vmoon_status st = vmoon_ldobj_create(
		&w->options, problems == NULL ? NULL : vmoon_ldproblems_add,
		problems, out_obj, err);

	if (st != VMOON_OK)
		return st;
	st = check_place(w, *out_obj, i, err);
	if (st != VMOON_OK) {
		vmoon_ldobj_destroy(*out_obj);
		*out_obj = NULL;
	}
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

static enum vmoon_status read_batch(struct vmoon_vm *vm,
				    const struct vmoon_config *cfg,
				    struct batch *b, struct vmoon_error *err)
{
	enum vmoon_status st = VMOON_OK;

	for (size_t i = 0; i < b->capacity && st == VMOON_OK; i++) {
		struct item *item = &b->items[i];

		st = read_wanted(vmoon_vm_runtime(vm), cfg, i, &item->wanted,
				 err);
		if (st != VMOON_OK)
			break;
		b->count++;
		st = create_object(&item->wanted, i, NULL, &item->obj, err);
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

	(void)ctx;
	b.items = vmoon_mem_alloc(b.mem, b.capacity * sizeof(*b.items));
	if (b.items == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "devices: out of memory");
	st = read_batch(vm, cfg, &b, err);
	if (st == VMOON_OK)
		st = add_batch(vm, &b, err);
	free_batch(&b);
	return st;
}

enum vmoon_status vmoon_ldmaker_install(struct vmoon_runtime *rt,
					struct vmoon_error *err)
{
	const struct vmoon_device_maker maker = {.size = sizeof(maker),
						 .make = make};

	return vmoon_runtime_set_device_maker(rt, &maker, err);
}

/* ---- for scripts ---- */

static void check_one(lua_State *L, const struct vmoon_config *cfg, size_t i,
		      struct vmoon_ldproblems_origin *origin)
{
	struct vmoon_runtime *rt = vmoon_lvm_runtime(L);
	struct vmoon_ldproblems *problems =
		vmoon_ldproblems_push(L, vmoon_runtime_mem(rt));
	struct vmoon_ldobj *obj;
	struct vmoon_error err;
	struct wanted w;
	char prefix[32];

	(void)snprintf(prefix, sizeof(prefix), "devices.%zu", i + 1);
	if (read_wanted(rt, cfg, i, &w, &err) != VMOON_OK)
		vmoon_lresult_raise(L, NULL, &err);
	origin->source = &w.options.source;
	origin->prefix = prefix;
	if (create_object(&w, i, problems, &obj, &err) == VMOON_OK) {
		vmoon_ldobj_destroy(obj);
		free_wanted(&w);
		lua_pop(L, 1);
		return;
	}
	free_wanted(&w); /* the path is the config's */
	vmoon_ldproblems_raise(L, problems, origin, &err);
}

void vmoon_ldmaker_check(lua_State *L, const struct vmoon_config *cfg,
			 const char *function,
			 const struct vmoon_lcfg_origin *origin)
{
	struct vmoon_ldproblems_origin at = {.function = function,
					     .script = origin};

	luaL_checkstack(L, 8, NULL);
	for (size_t i = 0; i < vmoon_config_device_count(cfg); i++)
		check_one(L, cfg, i, &at);
}
