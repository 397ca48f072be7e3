/* SPDX-License-Identifier: MIT */
/*
 * ldobj_dev.c - a device in Lua as the bus has it: a map of registers, before
 * which posted writes come to their end.
 */
#include <stdatomic.h>

#include "ldobj_parts.h"
#include "lhost.h"

/* Snapshot tag: which device it is the file's hash says. */
#define TYPE "lua-device"
enum { LOOKS = 16 };

struct vmoon_ldobj *vmoon_ldobj_of_device(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct vmoon_ldobj, dev);
}

static struct vmoon_device *map_of(struct vmoon_ldobj *obj)
{
	return vmoon_regmap_device(obj->map);
}

/* ---- the time of C ---- */

/* What two looks take: the least of some, since the host may come between. */
static void start_timing(struct vmoon_ldobj *obj)
{
	obj->until_timed = VMOON_LDOBJ_TIMED;
	obj->look_ticks = UINT64_MAX;
	for (int i = 0; i < LOOKS; i++) {
		const uint64_t begin = vmoon_lhost_ticks();
		const uint64_t ticks = vmoon_lhost_ticks() - begin;

		if (ticks < obj->look_ticks)
			obj->look_ticks = ticks;
	}
}

struct timing {
	uint64_t begin, lua;
};

static struct timing begin_timed(struct vmoon_ldobj *obj)
{
	const uint64_t lua = vmoon_ldstate_timed_ticks(obj->code.state);

	vmoon_ldstate_time_all(obj->code.state, true);
	obj->until_timed = VMOON_LDOBJ_TIMED;
	obj->timed++;
	return (struct timing){vmoon_lhost_ticks(), lua};
}

static void end_timed(struct vmoon_ldobj *obj, const struct timing *t)
{
	const uint64_t ticks = vmoon_lhost_ticks() - t->begin;
	const uint64_t other = vmoon_ldstate_timed_ticks(obj->code.state) -
			       t->lua + obj->look_ticks;

	vmoon_ldstate_time_all(obj->code.state, false);
	obj->c_ticks += ticks > other ? ticks - other : 0;
}

static __attribute__((noinline)) uint64_t read_timed(struct vmoon_ldobj *obj,
						     uint64_t off,
						     unsigned size)
{
	const struct timing t = begin_timed(obj);
	const uint64_t value = obj->map_dev->ops->read(obj->map_dev, off, size);

	end_timed(obj, &t);
	return value;
}

static __attribute__((noinline)) void write_timed(struct vmoon_ldobj *obj,
						  uint64_t off, unsigned size,
						  uint64_t val)
{
	const struct timing t = begin_timed(obj);

	obj->map_dev->ops->write(obj->map_dev, off, size, val);
	end_timed(obj, &t);
}

/* ---- the device ---- */

static uint64_t read_map(struct vmoon_ldobj *obj, uint64_t off, unsigned size)
{
	if (--obj->until_timed == 0)
		return read_timed(obj, off, size);
	return obj->map_dev->ops->read(obj->map_dev, off, size);
}

static void write_map(struct vmoon_ldobj *obj, uint64_t off, unsigned size,
		      uint64_t val)
{
	if (--obj->until_timed == 0)
		write_timed(obj, off, size, val);
	else
		obj->map_dev->ops->write(obj->map_dev, off, size, val);
}

/* Of a device that has functions in the script. */
static __attribute__((noinline)) uint64_t read_away(struct vmoon_ldobj *obj,
						    uint64_t off, unsigned size)
{
	uint64_t value;

	if (!vmoon_ldaway_enter(obj, off, size, false, &value))
		return value;
	value = read_map(obj, off, size);
	vmoon_ldaway_leave(obj, off, false);
	return value;
}

static __attribute__((noinline)) void write_away(struct vmoon_ldobj *obj,
						 uint64_t off, unsigned size,
						 uint64_t val)
{
	uint64_t none;

	if (!vmoon_ldaway_enter(obj, off, size, true, &none))
		return;
	write_map(obj, off, size, val);
	vmoon_ldaway_leave(obj, off, true);
}

/*
 * Posted writes come first. False: some still wait, and the access comes again
 * when none does; where it cannot, it does not wait for them.
 */
static bool wait_posted(struct vmoon_ldobj *obj)
{
	vmoon_ldreg_drain(obj);
	if (obj->posted_len == 0 || !vmoon_again_hold(&obj->env.again))
		return true;
	obj->has_held_back = true;
	return false;
}

static uint64_t dev_read(struct vmoon_device *dev, uint64_t off, unsigned size)
{
	struct vmoon_ldobj *obj = vmoon_ldobj_of_device(dev);

	if (obj->posted_len > 0 && !wait_posted(obj))
		return 0;
	if (obj->away != NULL)
		return read_away(obj, off, size);
	return read_map(obj, off, size);
}

/* A write that only goes behind those that wait. */
static bool is_posted(const struct vmoon_ldspec *spec, uint64_t off)
{
	for (size_t i = 0; i < spec->map.reg_count; i++) {
		const struct vmoon_reg *reg = &spec->map.regs[i];
		const uint64_t span =
			(uint64_t)(reg->count - 1) * reg->stride + reg->width;

		if (spec->regs[i].where == VMOON_LDSPEC_POSTED &&
		    off >= reg->at && off - reg->at < span)
			return true;
	}
	return false;
}

static void dev_write(struct vmoon_device *dev, uint64_t off, unsigned size,
		      uint64_t val)
{
	struct vmoon_ldobj *obj = vmoon_ldobj_of_device(dev);

	if (obj->posted_len > 0 && !is_posted(obj->code.spec, off) &&
	    !wait_posted(obj))
		return;
	if (obj->away != NULL)
		write_away(obj, off, size, val);
	else
		write_map(obj, off, size, val);
}

static void dev_reset(struct vmoon_device *dev)
{
	struct vmoon_device *map = map_of(vmoon_ldobj_of_device(dev));

	map->ops->reset(map);
}

static void dev_save(const struct vmoon_device *dev,
		     struct vmoon_state_writer *w)
{
	const struct vmoon_ldobj *obj =
		VMOON_CONST_CONTAINER_OF(dev, struct vmoon_ldobj, dev);
	const struct vmoon_device *map = vmoon_regmap_device(obj->map);

	map->ops->save(map, w);
}

static enum vmoon_status dev_load(struct vmoon_device *dev,
				  struct vmoon_state_reader *r,
				  struct vmoon_error *err)
{
	struct vmoon_device *map = map_of(vmoon_ldobj_of_device(dev));

	return map->ops->load(map, r, err);
}

static void dev_destroy(struct vmoon_device *dev)
{
	struct vmoon_ldobj *obj = vmoon_ldobj_of_device(dev);
	struct vmoon_device *map = map_of(obj);
	const struct vmoon_device_env none = {0};

	map->ops->destroy(map);
	obj->map = NULL; /* the maker may have it still */
	obj->map_dev = NULL;
	obj->env = none;
	vmoon_ldobj_destroy(obj);
}

static const struct vmoon_device_ops dev_ops = {
	.type = TYPE,
	.read = dev_read,
	.write = dev_write,
	.reset = dev_reset,
	.save = dev_save,
	.load = dev_load,
	.destroy = dev_destroy,
};

bool vmoon_ldobj_is_device(const struct vmoon_device *dev)
{
	return dev->ops == &dev_ops;
}

/* ---- the map's hooks ---- */

static void map_reset(void *ctx)
{
	vmoon_ldobj_reset(ctx);
}

static void map_save(const void *ctx, struct vmoon_state_writer *w)
{
	vmoon_ldobj_save(ctx, w);
}

static enum vmoon_status map_load(void *ctx, struct vmoon_state_reader *r,
				  struct vmoon_error *err)
{
	return vmoon_ldobj_load(ctx, r, err);
}

static void map_destroy(void *ctx)
{
	(void)ctx; /* the device's own destroy lets go of it */
}

static enum vmoon_status make(void *ctx, const struct vmoon_device_env *env,
			      struct vmoon_device **out_dev,
			      struct vmoon_error *err)
{
	struct vmoon_ldobj *obj = ctx;
	const struct vmoon_regmap_hooks hooks = {.read = vmoon_ldreg_read,
						 .write = vmoon_ldreg_write,
						 .reset = map_reset,
						 .save = map_save,
						 .load = map_load,
						 .destroy = map_destroy,
						 .ctx = obj};
	const struct vmoon_regmap_env map_env = {
		.mem = env->mem, .irq = env->irq, .faults = env->faults};
	enum vmoon_status st;

	if (obj->map != NULL)
		return vmoon_fail(err, VMOON_E_STATE, 0,
				  "device '%s' is in use already",
				  vmoon_ldobj_name(obj));
	st = vmoon_regmap_create(TYPE, &obj->code.spec->map, &map_env, &hooks,
				 &obj->map, err);
	if (st != VMOON_OK)
		return st;
	obj->map_dev = map_of(obj);
	obj->dev.ops = &dev_ops;
	start_timing(obj);
	atomic_fetch_add(&obj->holders, 1);
	vmoon_ldobj_attach(obj, env);
	vmoon_ldobj_start_watch(obj);
	vmoon_ldobj_reset(obj); /* as power does it */
	*out_dev = &obj->dev;
	return VMOON_OK;
}

static void tick(struct vmoon_device *dev)
{
	struct vmoon_ldobj *obj = vmoon_ldobj_of_device(dev);

	vmoon_ldreg_drain(obj);
	vmoon_ldobj_tick(obj);
}

static void work(struct vmoon_device *dev)
{
	vmoon_ldobj_work(vmoon_ldobj_of_device(dev));
}

static void doorbell(struct vmoon_device *dev, unsigned i)
{
	vmoon_ldreg_rung(vmoon_ldobj_of_device(dev), i);
}

void vmoon_ldobj_device(struct vmoon_ldobj *obj,
			struct vmoon_device_options *out)
{
	const struct vmoon_ldspec *spec = obj->code.spec;

	*out = (struct vmoon_device_options){
		.size = sizeof(*out),
		.name = vmoon_ldobj_name(obj),
		.kind = spec->kind == VMOON_LDSPEC_PIO ? VMOON_WINDOW_PORTS
						       : VMOON_WINDOW_MMIO,
		.base = spec->at,
		.bytes = spec->map.window,
		.has_irq = spec->irq != VMOON_LDSPEC_NO_IRQ,
		.irq = spec->line,
		.make = make,
		.ctx = obj,
		.is_edge = spec->irq == VMOON_LDSPEC_EDGE,
		.acpi_hid = spec->hid,
		.compatible = spec->compatible,
		.tick = tick,
		.work = work,
		.doorbell = doorbell,
		.doorbells = obj->bells,
		.doorbell_count = obj->doorbell_count,
		.worker = vmoon_ldobj_worker(obj)};
}
