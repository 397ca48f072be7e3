/* SPDX-License-Identifier: MIT */
/* vm_device.c - devices that the embedder brings, wired like those of ours. */
#include "vm.h"

#include "clock.h"

#include <string.h>

enum { NAME_MAX_BYTES = 64 };

/* One of them, from vmoon_vm_add_device to the end of its VM. */
struct vmoon_vm_device {
	struct vmoon_vm_device *next;               /* owned */
	struct vmoon_vm *vm;                        /* borrowed: its owner */
	const struct vmoon_device_options *options; /* for the one call only */
	char name[NAME_MAX_BYTES + 1];
	struct vmoon_lock lock;   /* a leaf; guards what follows */
	struct vmoon_error error; /* the first that it reported */
	bool has_failed, is_told;
};

/* The device's own complaint; the first one counts. */
static void fail_device(void *ctx, const struct vmoon_error *err)
{
	struct vmoon_vm_device *d = ctx;
	bool is_first;

	vmoon_lock_take(&d->lock);
	is_first = !d->has_failed;
	d->has_failed = true;
	if (is_first)
		d->error = *err;
	vmoon_lock_drop(&d->lock);
	if (is_first)
		vmoon_runtime_note(d->vm, VMOON_NOTE_DEVICE);
}

void vmoon_vm_tell_devices(struct vmoon_vm *vm)
{
	const struct vmoon_vm_events *ev = &vm->events;

	for (struct vmoon_vm_device *d = vm->devices; d != NULL; d = d->next) {
		struct vmoon_error err;
		bool is_news;

		vmoon_lock_take(&d->lock);
		is_news = d->has_failed && !d->is_told;
		d->is_told |= is_news;
		if (is_news)
			err = d->error;
		vmoon_lock_drop(&d->lock);
		if (is_news && ev->device_error != NULL)
			ev->device_error(ev->ctx, vm, d->name, &err);
	}
}

static bool is_whole(const struct vmoon_device *dev)
{
	const struct vmoon_device_ops *ops = dev == NULL ? NULL : dev->ops;

	return ops != NULL && ops->type != NULL && ops->read != NULL &&
	       ops->write != NULL && ops->reset != NULL && ops->save != NULL &&
	       ops->load != NULL && ops->destroy != NULL;
}

/* The rack's maker: from what the board decided to what the kit promises. */
static enum vmoon_status make(void *ctx, const struct vmoon_rack_env *env,
			      struct vmoon_device **out_dev,
			      struct vmoon_error *err)
{
	struct vmoon_vm_device *d = ctx;
	const struct vmoon_device_env given = {
		.size = sizeof(given),
		.mem = &d->vm->rt->mem,
		.irq = env->irqs[0],
		.gmem = &d->vm->gmem,
		.clock = vmoon_host_clock(),
		.faults = env->faults,
		.report = {fail_device, d},
	};
	enum vmoon_status st;

	*out_dev = NULL;
	st = d->options->make(d->options->ctx, &given, out_dev, err);
	if (st != VMOON_OK) {
		vmoon_error_prefix(err, "%s", d->name);
		return st;
	}
	if (is_whole(*out_dev))
		return VMOON_OK;
	if (*out_dev != NULL && (*out_dev)->ops != NULL &&
	    (*out_dev)->ops->destroy != NULL)
		(*out_dev)->ops->destroy(*out_dev);
	return vmoon_fail(err, VMOON_E_INVAL, 0,
			  "%s: no device was made, or its table of functions "
			  "has holes",
			  d->name);
}

static enum vmoon_status check_options(const struct vmoon_device_options *o,
				       struct vmoon_error *err)
{
	if (o->size < sizeof(*o))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "device: size is not set; begin with "
				  "VMOON_INIT");
	if (o->name == NULL || o->name[0] == '\0' ||
	    strlen(o->name) > NAME_MAX_BYTES)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "device: its name has 1 to %d bytes",
				  NAME_MAX_BYTES);
	if (o->make == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: no function that makes it", o->name);
	if (o->kind != VMOON_WINDOW_MMIO && o->kind != VMOON_WINDOW_PORTS)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: a window of no known kind", o->name);
	return VMOON_OK;
}

/* On the board, with what was found for it in *place. */
static enum vmoon_status place_device(struct vmoon_vm_device *d,
				      const struct vmoon_device_options *o,
				      struct vmoon_device_place *place,
				      struct vmoon_error *err)
{
	struct vmoon_resource want[2] = {
		{.kind = o->kind == VMOON_WINDOW_MMIO ? VMOON_RESOURCE_MMIO
						      : VMOON_RESOURCE_PORTS,
		 .is_fixed = o->base != 0,
		 .base = o->base,
		 .size = o->bytes,
		 .min_width = 1,
		 .max_width = 8},
		{.kind = VMOON_RESOURCE_IRQ,
		 .is_fixed = o->irq != 0,
		 .base = o->irq},
	};
	const struct vmoon_rack_device rack = {.name = d->name,
					       .resources = want,
					       .count = o->has_irq ? 2 : 1,
					       .make = make,
					       .ctx = d};
	enum vmoon_status st;

	d->options = o;
	st = vmoon_board_add(d->vm->board, &rack, err);
	d->options = NULL;
	place->base = want[0].base;
	place->irq = o->has_irq ? (unsigned)want[1].base : 0; /* a GSI */
	return st;
}

static void destroy_device(struct vmoon_vm_device *d)
{
	vmoon_lock_fini(&d->lock);
	vmoon_mem_free(&d->vm->rt->mem, d, sizeof(*d));
}

enum vmoon_status vmoon_vm_add_device(struct vmoon_vm *vm,
				      const struct vmoon_device_options *opts,
				      struct vmoon_device_place *out_place,
				      struct vmoon_error *err)
{
	struct vmoon_device_place place = VMOON_INIT(struct vmoon_device_place);
	struct vmoon_vm_device *d;
	enum vmoon_status st;

	if (vm == NULL || opts == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no VM or no description of a device given");
	st = check_options(opts, err);
	if (st != VMOON_OK)
		return st;
	if (vmoon_vm_get_state(vm) != VMOON_VM_CREATED)
		return vmoon_fail(err, VMOON_E_STATE, 0,
				  "%s: devices are added before the VM starts",
				  opts->name);
	d = vmoon_mem_alloc(&vm->rt->mem, sizeof(*d));
	if (d == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0, "%s: out of memory",
				  opts->name);
	d->vm = vm;
	memcpy(d->name, opts->name, strlen(opts->name));
	vmoon_lock_init(&d->lock, VMOON_RANK_LEAF);
	st = place_device(d, opts, &place, err);
	if (st != VMOON_OK) {
		destroy_device(d);
		return st;
	}
	d->next = vm->devices;
	vm->devices = d;
	if (out_place != NULL)
		memcpy(out_place, &place,
		       out_place->size < sizeof(place) ? out_place->size
						       : sizeof(place));
	return VMOON_OK;
}

void vmoon_vm_free_devices(struct vmoon_vm *vm)
{
	while (vm->devices != NULL) {
		struct vmoon_vm_device *d = vm->devices;

		vm->devices = d->next;
		destroy_device(d);
	}
}

enum vmoon_status vmoon_vm_call_device(struct vmoon_vm *vm, const char *name,
				       void (*fn)(void *ctx,
						  struct vmoon_device *dev),
				       void *ctx, struct vmoon_error *err)
{
	struct vmoon_vm_device *d;
	struct vmoon_slot *slot;

	if (vm == NULL || name == NULL || fn == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no VM, no name or no function given");
	for (d = vm->devices; d != NULL && strcmp(d->name, name) != 0;)
		d = d->next;
	slot = d == NULL ? NULL : vmoon_board_slot(vm->board, name);
	if (slot == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: there is no such device of yours", name);
	vmoon_lock_take(&slot->lock);
	fn(ctx, slot->dev);
	vmoon_lock_drop(&slot->lock);
	return VMOON_OK;
}
