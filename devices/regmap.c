/* SPDX-License-Identifier: MIT */
/*
 * regmap.c - a device that is declared: its life. What an access does is in
 * regmap_access.c, what a map has to be in regmap_check.c.
 */
#include "regmap_parts.h"

#include <string.h>

struct vmoon_regmap *vmoon_regmap_of(struct vmoon_device *dev)
{
	return regmap_of(dev);
}

static const struct vmoon_regmap *const_regmap_of(
	const struct vmoon_device *dev)
{
	return VMOON_CONST_CONTAINER_OF(dev, struct vmoon_regmap, dev);
}

static void regmap_reset(struct vmoon_device *dev)
{
	struct vmoon_regmap *map = regmap_of(dev);
	struct regmap_body *body = map->body;

	for (size_t i = 0; i < body->element_count; i++) {
		body->elements[i].value =
			body->regs[body->elements[i].reg].reset;
		body->elements[i].written_once = 0;
	}
	for (size_t i = 0; i < body->reg_count; i++) {
		struct regmap_fifo *fifo = &body->regs[i].fifo;

		fifo->in.head = fifo->in.len = 0;
		fifo->out.head = fifo->out.len = 0;
	}
	map->is_manual = false;
	if (map->is_until_reset)
		map->has_failed = false;
	vmoon_regmap_choose(map);
	vmoon_regmap_update(map);
	if (map->hooks.reset != NULL)
		map->hooks.reset(map->hooks.ctx);
}

static void regmap_save(const struct vmoon_device *dev,
			struct vmoon_state_writer *w)
{
	vmoon_regmap_save(const_regmap_of(dev), w);
}

static enum vmoon_status regmap_load(struct vmoon_device *dev,
				     struct vmoon_state_reader *r,
				     struct vmoon_error *err)
{
	return vmoon_regmap_load(regmap_of(dev), r, err);
}

static void regmap_destroy(struct vmoon_device *dev)
{
	struct vmoon_regmap *map = regmap_of(dev);

	map->hooks.destroy(map->hooks.ctx);
	vmoon_mem_free(map->env.mem, map->body, map->body->bytes);
	vmoon_mem_free(map->env.mem, map, sizeof(*map));
}

static const struct vmoon_device_ops regmap_ops = {
	.type = "regmap",
	.read = vmoon_regmap_read,
	.write = vmoon_regmap_write,
	.reset = regmap_reset,
	.save = regmap_save,
	.load = regmap_load,
	.destroy = regmap_destroy,
};

enum vmoon_status vmoon_regmap_create(const char *type,
				      const struct vmoon_regmap_spec *spec,
				      const struct vmoon_regmap_env *env,
				      const struct vmoon_regmap_hooks *hooks,
				      struct vmoon_regmap **out_map,
				      struct vmoon_error *err)
{
	struct regmap_body *body;
	struct vmoon_regmap *map;
	enum vmoon_status st;

	if (type[0] == '\0' || strlen(type) > REGMAP_TYPE_MAX ||
	    hooks->read == NULL || hooks->write == NULL ||
	    hooks->destroy == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "register map: its type has 1 to %d bytes, "
				  "and there are hooks to read, write and "
				  "destroy",
				  REGMAP_TYPE_MAX);
	st = vmoon_regmap_check(spec, err);
	if (st != VMOON_OK)
		return st;
	map = vmoon_mem_alloc(env->mem, sizeof(*map));
	if (map == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "register map: out of memory");
	st = vmoon_regmap_build(env->mem, spec, &body, err);
	if (st != VMOON_OK) {
		vmoon_mem_free(env->mem, map, sizeof(*map));
		return st;
	}
	memcpy(map->type, type, strlen(type));
	map->dev.ops = &regmap_ops;
	map->env = *env;
	map->hooks = *hooks;
	vmoon_regmap_use(map, body);
	vmoon_regmap_update(map);
	*out_map = map;
	return VMOON_OK;
}

struct vmoon_device *vmoon_regmap_device(struct vmoon_regmap *map)
{
	return &map->dev;
}
