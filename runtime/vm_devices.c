/* SPDX-License-Identifier: MIT */
/* vm_devices.c - all devices that the embedder has brought into a VM. */
#include "proxy.h"
#include "vm.h"
#include "vm_device.h"

#include <string.h>

enum vmoon_status vmoon_runtime_set_device_maker(
	struct vmoon_runtime *rt, const struct vmoon_device_maker *maker,
	struct vmoon_error *err)
{
	if (rt == NULL || (maker != NULL && (maker->size < sizeof(*maker) ||
					     maker->make == NULL)))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no runtime, or a maker of devices without "
				  "size or function");
	rt->maker = maker == NULL ? (struct vmoon_device_maker){0} : *maker;
	return VMOON_OK;
}

enum vmoon_status vmoon_vm_make_devices(struct vmoon_vm *vm,
					const struct vmoon_config *cfg,
					struct vmoon_error *err)
{
	const struct vmoon_device_maker *maker = &vm->rt->maker;

	if (vmoon_config_device_count(cfg) == 0)
		return VMOON_OK;
	if (maker->make != NULL)
		return maker->make(maker->ctx, vm, cfg, err);
	return vmoon_fail(err, VMOON_E_UNSUPPORTED, 0,
			  "devices: they are files in Lua, which need "
			  "libvmoon-lua: call vmoon_lua_open_devices first");
}

void vmoon_vm_free_devices(struct vmoon_vm *vm)
{
	while (vm->devices != NULL) {
		struct vmoon_vm_device *d = vm->devices;

		vm->devices = d->next;
		vmoon_vm_device_destroy(d);
	}
}

void vmoon_vm_resume_devices(struct vmoon_vm *vm)
{
	for (struct vmoon_vm_device *d = vm->devices; d != NULL; d = d->next)
		if (!d->is_virtio)
			vmoon_device_seat_resume(&d->seat);
	vmoon_board_virtio_resume(vmoon_board_virtio(vm->board));
}

static struct vmoon_vm_device *find_device(struct vmoon_vm *vm,
					   const char *name, bool is_virtio)
{
	struct vmoon_vm_device *d = vm->devices;

	while (d != NULL &&
	       (d->is_virtio != is_virtio || strcmp(d->name, name) != 0))
		d = d->next;
	return d;
}

static const char *type_of(const struct vmoon_vm_device *d)
{
	const struct vmoon_board_virtio *v = vmoon_board_virtio(d->vm->board);
	const char *name;

	if (!d->is_virtio)
		return d->seat.dev->ops->type;
	for (size_t i = 0; (name = vmoon_board_virtio_name(v, i)) != NULL; i++)
		if (strcmp(name, d->name) == 0)
			return vmoon_board_virtio_type(v, i);
	return "";
}

bool vmoon_vm_device(struct vmoon_vm *vm, size_t i, const char **out_name,
		     const char **out_type, bool *out_is_virtio)
{
	const struct vmoon_vm_device *d = vm == NULL ? NULL : vm->devices;
	size_t after = 0; /* the newest is the first */

	for (const struct vmoon_vm_device *k = d; k != NULL; k = k->next)
		after++;
	if (i >= after)
		return false;
	while (--after > i)
		d = d->next;
	if (out_name != NULL)
		*out_name = d->name;
	if (out_type != NULL)
		*out_type = type_of(d);
	if (out_is_virtio != NULL)
		*out_is_virtio = d->is_virtio;
	return true;
}

enum vmoon_status vmoon_vm_call_device(struct vmoon_vm *vm, const char *name,
				       void (*fn)(void *ctx,
						  struct vmoon_device *dev),
				       void *ctx, struct vmoon_error *err)
{
	enum vmoon_status st = VMOON_OK;
	struct vmoon_vm_device *d;

	if (vm == NULL || name == NULL || fn == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no VM, no name or no function given");
	d = find_device(vm, name, false);
	if (d == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: there is no such device of yours", name);
	if (d->proxy != NULL)
		st = vmoon_proxy_take(d->proxy, name, err);
	else
		vmoon_lock_take(d->seat.lock);
	if (st != VMOON_OK)
		return st;
	fn(ctx, d->seat.dev);
	vmoon_lock_drop(d->seat.lock);
	return VMOON_OK;
}

enum vmoon_status vmoon_vm_call_virtio(struct vmoon_vm *vm, const char *name,
				       void (*fn)(void *ctx,
						  struct vmoon_virtio *vd),
				       void *ctx, struct vmoon_error *err)
{
	if (vm == NULL || name == NULL || fn == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no VM, no name or no function given");
	if (find_device(vm, name, true) == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "%s: there is no such device of yours", name);
	return vmoon_board_virtio_call(vmoon_board_virtio(vm->board), name, fn,
				       ctx, err);
}

void vmoon_vm_tell_devices(struct vmoon_vm *vm)
{
	const struct vmoon_vm_events *ev = &vm->events;

	for (struct vmoon_vm_device *d = vm->devices; d != NULL; d = d->next) {
		struct vmoon_error err;
		bool is_news;

		vmoon_lock_take(&d->lock);
		is_news = d->has_failed;
		d->has_failed = false;
		if (is_news)
			err = d->error;
		vmoon_lock_drop(&d->lock);
		if (is_news && ev->device_error != NULL)
			ev->device_error(ev->ctx, vm, d->name, &err);
	}
}

bool vmoon_vm_devices_are_resetting(const struct vmoon_vm *vm)
{
	bool is_any = false;

	for (const struct vmoon_vm_device *d = vm->devices; d != NULL;
	     d = d->next)
		is_any |=
			d->proxy != NULL && vmoon_proxy_is_resetting(d->proxy);
	return is_any;
}
