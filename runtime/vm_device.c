/* SPDX-License-Identifier: MIT */
/* vm_device.c - devices that the embedder brings, wired like those of ours. */
#include "vm_device.h"

#include "boot/acpi.h"
#include "clock.h"
#include "proxy.h"
#include "vm.h"

#include <string.h>

/* The device's own complaint; the first one counts until it is told. */
static void fail_device(void *ctx, const struct vmoon_error *err)
{
	struct vmoon_vm_device *d = ctx;
	struct vmoon_log log;
	bool is_first;

	vmoon_lock_take(&d->lock);
	is_first = !d->has_failed;
	d->has_failed = true;
	if (is_first)
		d->error = *err;
	vmoon_lock_drop(&d->lock);
	if (!is_first)
		return;
	vmoon_runtime_note(d->vm, VMOON_NOTE_DEVICE);
	log = vmoon_vm_log_value(&d->vm->log);
	vmoon_logf(&log, VMOON_LOG_ERROR, d->name, "%s", err->msg);
}

static void pause_vm(void *ctx)
{
	vmoon_vm_wish_pause(ctx);
}

static void end_vm(void *ctx, uint64_t status)
{
	vmoon_vm_wish_end(ctx, VMOON_EXIT_DEBUG_EXIT, (uint32_t)status, "");
}

static void abort_vm(void *ctx, const struct vmoon_error *err)
{
	vmoon_vm_wish_end(ctx, VMOON_EXIT_HOST_ERROR, 0, err->msg);
}

static void wake_waiter(void *ctx)
{
	vmoon_runtime_note(ctx, VMOON_NOTE_WAKE);
}

/* ---- making one ---- */

/* From what the board decided to what the kit promises. */
static struct vmoon_device_env env_of(struct vmoon_vm_device *d,
				      const struct vmoon_rack_env *env)
{
	return (struct vmoon_device_env){
		.size = sizeof(struct vmoon_device_env),
		.mem = &d->vm->rt->mem,
		.gmem = &d->vm->gmem,
		.clock = vmoon_host_clock(),
		.faults = env->faults,
		.report = {fail_device, d},
		.log = vmoon_vm_log_value(&d->vm->log),
		.pause = {pause_vm, d->vm},
		.exit = {end_vm, d->vm},
		.abort = {abort_vm, d->vm},
		.tell = {wake_waiter, d->vm},
	};
}

/* ---- trusted ones: behind a proxy ---- */

/* Takes *dev, which becomes what the slot is to have. */
static enum vmoon_status put_behind(struct vmoon_vm_device *d,
				    struct vmoon_device **dev,
				    struct vmoon_error *err)
{
	const struct vmoon_proxy_host host = {
		.mem = &d->vm->rt->mem,
		.loop = d->loop,
		.again = vmoon_device_seat_again(&d->seat),
		.is_over = vmoon_vm_ctx_is_over,
		.ctx = d->vm};
	enum vmoon_status st = vmoon_proxy_create(&host, *dev, &d->proxy, err);

	if (st == VMOON_OK)
		*dev = vmoon_proxy_device(d->proxy);
	else
		vmoon_error_prefix(err, "%s", d->name);
	return st;
}

/* The rack's maker. */
static enum vmoon_status make(void *ctx, const struct vmoon_rack_env *env,
			      struct vmoon_device **out_dev,
			      struct vmoon_error *err)
{
	struct vmoon_vm_device *d = ctx;
	struct vmoon_device_env given = env_of(d, env);
	enum vmoon_status st;

	given.irq = env->irqs[0];
	given.timer = vmoon_device_seat_timer(&d->seat);
	given.wake = vmoon_device_seat_wake(&d->seat);
	if (d->options->worker != VMOON_WORKER_TRUSTED)
		given.again = vmoon_device_seat_again(&d->seat);
	*out_dev = NULL;
	st = d->options->make(d->options->ctx, &given, out_dev, err);
	if (st != VMOON_OK) {
		vmoon_error_prefix(err, "%s", d->name);
		return st;
	}
	st = vmoon_device_check(d->name, *out_dev, err);
	if (st == VMOON_OK && d->options->worker == VMOON_WORKER_TRUSTED)
		st = put_behind(d, out_dev, err);
	return st;
}

/* The seat's maker; the transport has the line, and lends the timer. */
static enum vmoon_status make_virtio(void *ctx,
				     const struct vmoon_rack_env *env,
				     struct vmoon_virtio **out_vd,
				     struct vmoon_error *err)
{
	struct vmoon_vm_device *d = ctx;
	const struct vmoon_device_env given = env_of(d, env);
	enum vmoon_status st;

	*out_vd = NULL;
	st = d->virtio->make(d->virtio->ctx, &given, out_vd, err);
	if (st != VMOON_OK) {
		vmoon_error_prefix(err, "%s", d->name);
		return st;
	}
	return vmoon_virtio_check(d->name, *out_vd, err);
}

/* The transport's maker asks for it where the device is to be behind one. */
static enum vmoon_status wrap_virtio(void *ctx, struct vmoon_device **dev,
				     struct vmoon_proxy **out_proxy,
				     struct vmoon_error *err)
{
	struct vmoon_vm_device *d = ctx;
	enum vmoon_status st = put_behind(d, dev, err);

	if (st == VMOON_OK)
		*out_proxy = d->proxy;
	return st;
}

static enum vmoon_status add_loop(struct vmoon_vm_device *d,
				  enum vmoon_device_worker worker,
				  struct vmoon_error *err)
{
	enum vmoon_status st;

	d->loop = &d->vm->loop;
	d->has_worker = worker != VMOON_WORKER_SHARED;
	if (!d->has_worker)
		return VMOON_OK;
	st = vmoon_vm_add_worker(d->vm,
				 worker == VMOON_WORKER_OWN
					 ? VMOON_OWN_WORKER_DEVICE
					 : VMOON_OWN_WORKER_TRUSTED,
				 &d->loop, err);
	if (st != VMOON_OK)
		vmoon_error_prefix(err, "%s", d->name);
	return st;
}

static enum vmoon_status create_device(struct vmoon_vm *vm, const char *name,
				       enum vmoon_device_worker worker,
				       struct vmoon_vm_device **out_device,
				       struct vmoon_error *err)
{
	struct vmoon_vm_device *d;
	enum vmoon_status st;

	if (vmoon_vm_get_state(vm) != VMOON_VM_CREATED)
		return vmoon_fail(err, VMOON_E_STATE, 0,
				  "%s: devices are added before the VM starts",
				  name);
	d = vmoon_mem_alloc(&vm->rt->mem, sizeof(*d));
	if (d == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0, "%s: out of memory",
				  name);
	d->vm = vm;
	d->seat.vm = vm;
	memcpy(d->name, name, strlen(name));
	st = add_loop(d, worker, err);
	if (st != VMOON_OK) {
		vmoon_mem_free(&vm->rt->mem, d, sizeof(*d));
		return st;
	}
	vmoon_lock_init(&d->lock, VMOON_RANK_LEAF);
	*out_device = d;
	return VMOON_OK;
}

void vmoon_vm_device_destroy(struct vmoon_vm_device *d)
{
	if (!d->is_virtio)
		vmoon_device_seat_fini(&d->seat);
	vmoon_lock_fini(&d->lock);
	vmoon_mem_free(&d->vm->rt->mem, d, sizeof(*d));
}

/* Of one that was added last, and is not kept. */
static void drop_device(struct vmoon_vm_device *d)
{
	struct vmoon_vm *vm = d->vm;
	const struct vmoon_loop *loop = d->has_worker ? d->loop : NULL;

	vmoon_vm_device_destroy(d);
	if (loop != NULL)
		vmoon_vm_drop_worker(vm, loop);
}

static void keep_device(struct vmoon_vm_device *d,
			const struct vmoon_device_place *place,
			struct vmoon_device_place *out_place)
{
	d->next = d->vm->devices;
	d->vm->devices = d;
	if (out_place != NULL)
		memcpy(out_place, place,
		       out_place->size < sizeof(*place) ? out_place->size
							: sizeof(*place));
}

static enum vmoon_status load_tables(struct vmoon_vm *vm,
				     struct vmoon_error *err)
{
	return vmoon_board_load_tables(&vm->spec, vm->board, &vm->gmem, err);
}

/* ---- registers ---- */

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
		 .base = o->irq,
		 .is_edge = o->is_edge},
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

static enum vmoon_status add_node(struct vmoon_vm_device *d,
				  const struct vmoon_device_options *o,
				  const struct vmoon_device_place *place,
				  struct vmoon_error *err)
{
	const char *id = o->acpi_hid != NULL ? o->acpi_hid : o->compatible;
	struct vmoon_acpi_device node = {.is_compatible = o->acpi_hid == NULL,
					 .is_ports =
						 o->kind == VMOON_WINDOW_PORTS,
					 .base = place->base,
					 .size = o->bytes,
					 .has_irq = o->has_irq,
					 .is_edge = o->is_edge,
					 .gsi = place->irq};
	enum vmoon_status st;

	if (id == NULL)
		return VMOON_OK;
	memcpy(node.id, id, strlen(id));
	st = vmoon_board_add_node(d->vm->board, &node, err);
	if (st != VMOON_OK)
		vmoon_error_prefix(err, "%s", d->name);
	return st;
}

static void set_seat(struct vmoon_vm_device *d, struct vmoon_slot *slot)
{
	d->seat.dev = slot->dev;
	d->seat.lock = &slot->lock;
	if (d->proxy == NULL)
		return;
	d->seat.dev = vmoon_proxy_behind(d->proxy);
	d->seat.lock = vmoon_proxy_lock(d->proxy);
}

/* What a device on the board has beside it: doorbells, and what is told. */
static enum vmoon_status equip_device(struct vmoon_vm_device *d,
				      const struct vmoon_device_options *o,
				      const struct vmoon_device_place *place,
				      struct vmoon_error *err)
{
	struct vmoon_vm *vm = d->vm;
	enum vmoon_status st;

	set_seat(d, vmoon_board_slot(vm->board, d->name));
	st = vmoon_device_seat_add_bells(&d->seat, o, place->base, err);
	if (st != VMOON_OK)
		return st;
	st = add_node(d, o, place, err);
	if (st != VMOON_OK)
		return st;
	st = load_tables(vm, err);
	if (st != VMOON_OK && (o->acpi_hid != NULL || o->compatible != NULL))
		vmoon_board_drop_node(vm->board);
	return st;
}

enum vmoon_status vmoon_vm_add_device(struct vmoon_vm *vm,
				      const struct vmoon_device_options *opts,
				      struct vmoon_device_place *out_place,
				      struct vmoon_error *err)
{
	struct vmoon_device_place place = VMOON_INIT(struct vmoon_device_place);
	struct vmoon_device_options o;
	struct vmoon_vm_device *d;
	enum vmoon_status st;

	if (vm == NULL || opts == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no VM or no description of a device given");
	st = vmoon_device_options_read(opts, &o, err);
	if (st != VMOON_OK)
		return st;
	st = create_device(vm, o.name, o.worker, &d, err);
	if (st != VMOON_OK)
		return st;
	vmoon_device_seat_init(&d->seat, vm, d->loop, &o);
	st = place_device(d, &o, &place, err);
	if (st == VMOON_OK) {
		st = equip_device(d, &o, &place, err);
		if (st != VMOON_OK)
			VMOON_IGNORE(vmoon_board_remove(vm->board, d->name,
							NULL) != VMOON_OK);
	}
	if (st != VMOON_OK)
		drop_device(d);
	else
		keep_device(d, &place, out_place);
	return st;
}

/* ---- virtio ---- */

enum vmoon_status vmoon_vm_add_virtio(struct vmoon_vm *vm,
				      const struct vmoon_virtio_options *opts,
				      struct vmoon_device_place *out_place,
				      struct vmoon_error *err)
{
	struct vmoon_device_place place = VMOON_INIT(struct vmoon_device_place);
	struct vmoon_board_virtio_maker maker = {.make = make_virtio};
	struct vmoon_virtio_options o;
	struct vmoon_acpi_virtio at;
	struct vmoon_vm_device *d;
	enum vmoon_status st;

	if (vm == NULL || opts == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "no VM or no description of a device given");
	st = vmoon_virtio_options_read(opts, &o, err);
	if (st != VMOON_OK)
		return st;
	st = create_device(vm, o.name, o.worker, &d, err);
	if (st != VMOON_OK)
		return st;
	d->is_virtio = true;
	d->virtio = &o;
	maker.name = d->name;
	maker.ctx = d;
	maker.loop = d->loop;
	if (o.worker == VMOON_WORKER_TRUSTED)
		maker.wrap = wrap_virtio;
	st = vmoon_board_virtio_add(vmoon_board_virtio(vm->board), &maker, &at,
				    err);
	d->virtio = NULL;
	if (st == VMOON_OK) {
		place.base = at.base;
		place.irq = at.gsi;
		st = load_tables(vm, err);
		if (st != VMOON_OK)
			vmoon_board_virtio_drop(vmoon_board_virtio(vm->board));
	}
	if (st != VMOON_OK)
		drop_device(d);
	else
		keep_device(d, &place, out_place);
	return st;
}
