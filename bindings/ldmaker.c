/* SPDX-License-Identifier: MIT */
/*
 * ldmaker.c - the key "devices": files in Lua as devices of a VM. Scripts have
 * had their files checked before (ldmaker_script.c), so that mistakes have
 * places; the maker reads them again, for C programs with a config of their
 * own.
 */
#include "ldmaker.h"

#include <stdio.h>
#include <string.h>

#include "ldmaker_parts.h"
#include "ldpack.h"
#include "ldproblems.h"
#include "ldvirtio.h"

void vmoon_ldwanted_fini(struct vmoon_ldwanted *w)
{
	vmoon_mem_free(w->options.mem, w->params, w->params_len);
	w->params = NULL;
}

static enum vmoon_status pack_params(const struct vmoon_config *cfg, size_t i,
				     struct vmoon_ldwanted *w,
				     struct vmoon_error *err)
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

enum vmoon_status vmoon_ldwanted_read(struct vmoon_runtime *rt,
				      const struct vmoon_config *cfg, size_t i,
				      struct vmoon_ldwanted *out,
				      struct vmoon_error *err)
{
	struct vmoon_config_device d = VMOON_INIT(struct vmoon_config_device);
	struct vmoon_ldwanted w = {0};
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

/* A script's functions have what they are to have by where = "script". */
static enum vmoon_status check_trust(const struct vmoon_ldwanted *w, size_t i,
				     struct vmoon_error *err)
{
	if (!w->options.is_trusted || !w->options.source.is_inline)
		return VMOON_OK;
	return vmoon_fail(err, VMOON_E_CONFIG, 0,
			  "devices.%zu.trusted: only a file can be trusted; "
			  "put the device into one, or keep hooks in the "
			  "script with where = \"script\"",
			  i + 1);
}

/* What its place in a VM contradicts. */
static enum vmoon_status check_place(const struct vmoon_ldwanted *w,
				     const struct vmoon_ldobj *obj, size_t i,
				     struct vmoon_error *err)
{
	const struct vmoon_ldspec *spec = vmoon_ldobj_spec(obj);
	const char *name = vmoon_ldobj_name(obj);

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

enum vmoon_status vmoon_ldwanted_create(const struct vmoon_ldwanted *w,
					size_t i, void *problems, /* or NULL */
					struct vmoon_ldobj **out_obj,
					struct vmoon_error *err)
{
	enum vmoon_status st = check_trust(w, i, err);

	if (st != VMOON_OK)
		return st;
	st = vmoon_ldobj_create(&w->options,
				problems == NULL ? NULL : vmoon_ldproblems_add,
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

static enum vmoon_status add_object(struct vmoon_vm *vm,
				    const struct vmoon_ldwanted *w,
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
		struct vmoon_ldwanted wanted;
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
	struct vmoon_ldwanted *w = &item->wanted;
	struct vmoon_ldproblems *problems =
		maker != NULL && w->options.is_trusted ? maker->problems : NULL;
	const enum vmoon_status st =
		vmoon_ldwanted_create(w, i, problems, &item->obj, err);

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
		struct vmoon_ldwanted *w = &item->wanted;

		st = vmoon_ldwanted_read(vmoon_vm_runtime(vm), cfg, i, w, err);
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

/*
 * The key of a device that the machine has refused; "": none. It says which in
 * words alone, behind the device's name.
 */
static const char *find_key(const char *msg, const char *name)
{
	static const struct {
		const char *begin, *key;
	} says[] = {
		{": there is a device of that name", "name"},
		{": interrupt ", "irq"},
		{": 0x", "at"},
	};
	const size_t len = strlen(name);

	if (strncmp(msg, name, len) != 0)
		return "";
	for (size_t i = 0; i < VMOON_COUNTOF(says); i++)
		if (strncmp(msg + len, says[i].begin, strlen(says[i].begin)) ==
		    0)
			return says[i].key;
	return "";
}

static bool has_name(struct vmoon_vm *vm, const char *name)
{
	const char *other;

	for (size_t i = 0; vmoon_vm_device(vm, i, &other, NULL, NULL); i++)
		if (strcmp(name, other) == 0)
			return true;
	return false;
}

static void explain_name(struct vmoon_ldmaker *maker, struct vmoon_vm *vm,
			 const struct item *item)
{
	char name[96];
	int n = 2;

	do /* once for each device of the VM at most */
		(void)snprintf(name, sizeof(name), "%s%d",
			       vmoon_ldobj_name(item->obj), n++);
	while (has_name(vm, name));
	(void)snprintf(maker->hint, sizeof(maker->hint),
		       "for example: name = \"%s\"", name);
	maker->key = item->wanted.options.name != NULL ? "name" : "";
}

/* A place or a line: by the description, or by the device itself. */
static void explain_place(struct vmoon_ldmaker *maker, const struct item *item,
			  const char *key, const char *own_key)
{
	const struct vmoon_ldspec *spec = vmoon_ldobj_spec(item->obj);
	const struct vmoon_ldwanted *w = &item->wanted;
	const bool is_at = strcmp(key, "at") == 0;
	const bool is_given = is_at ? w->at != 0 : w->irq != 0,
		   has_own = is_at ? spec->at != 0 : spec->line != 0;
	const char *what = is_at ? "place" : "one";

	maker->is_own = !is_given && w->options.source.is_inline;
	maker->key = is_given ? key : maker->is_own ? own_key : "";
	if (is_given && has_own) /* left out, its own would be taken */
		(void)snprintf(maker->hint, sizeof(maker->hint),
			       "choose another");
	else if (is_given || maker->is_own)
		(void)snprintf(maker->hint, sizeof(maker->hint),
			       "choose another, or leave \"%s\" out: a free %s "
			       "is found",
			       maker->key, what);
	else
		(void)snprintf(maker->hint, sizeof(maker->hint),
			       "say another here, as %s = %s, or leave \"%s\" "
			       "out of its file: a free %s is found",
			       key, is_at ? "ADDRESS" : "NUMBER", own_key,
			       what);
}

/* For a script: where in its description is what the machine has refused. */
static void explain(struct vmoon_ldmaker *maker, struct vmoon_vm *vm,
		    const struct batch *b, size_t i,
		    const struct vmoon_error *err)
{
	const struct item *item = &b->items[i];
	const char *key = find_key(err->msg, vmoon_ldobj_name(item->obj));

	if (maker == NULL || err->status != VMOON_E_CONFIG)
		return;
	maker->failed = i + 1;
	maker->key = "";
	if (strcmp(key, "name") == 0)
		explain_name(maker, vm, item);
	else if (strcmp(key, "at") == 0)
		explain_place(maker, item, "at", "at");
	else if (strcmp(key, "irq") == 0)
		explain_place(maker, item, "irq", "line");
}

static bool has_place(const struct item *item)
{
	return item->wanted.at != 0 || vmoon_ldobj_spec(item->obj)->at != 0;
}

static enum vmoon_status add_batch(struct vmoon_vm *vm, const struct batch *b,
				   struct vmoon_ldmaker *maker,
				   struct vmoon_error *err)
{
	enum vmoon_status st = VMOON_OK;

	for (int fixed = 1; fixed >= 0; fixed--)
		for (size_t i = 0; i < b->count && st == VMOON_OK; i++) {
			if (has_place(&b->items[i]) != (fixed == 1))
				continue;
			st = add_object(vm, &b->items[i].wanted,
					b->items[i].obj, err);
			if (st != VMOON_OK)
				explain(maker, vm, b, i, err);
		}
	return st;
}

/* Objects stay where the VM holds them. */
static void free_batch(struct batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		vmoon_ldobj_destroy(b->items[i].obj);
		vmoon_ldwanted_fini(&b->items[i].wanted);
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
		st = add_batch(vm, &b, ctx, err);
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
