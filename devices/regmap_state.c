/* SPDX-License-Identifier: MIT */
/* regmap_state.c - a register map in a snapshot: all of it, or nothing. */
#include "regmap_parts.h"

#include <string.h>

enum { STATE_VERSION = 1 };

static void save_fifo(const struct regmap_fifo *f, unsigned width,
		      struct vmoon_state_writer *w)
{
	vmoon_state_put(w, f->in_len, 4);
	for (uint32_t i = 0; i < f->in_len; i++)
		vmoon_state_put(w, f->in[(f->in_head + i) % f->depth], width);
	vmoon_state_put(w, f->out_len, 4);
	for (uint32_t i = 0; i < f->out_len; i++)
		vmoon_state_put(w, f->out[(f->out_head + i) % f->depth], width);
}

void vmoon_regmap_save(const struct vmoon_regmap *map,
		       struct vmoon_state_writer *w)
{
	const struct regmap_body *body = map->body;

	vmoon_state_begin(w, map->dev.ops->type, STATE_VERSION);
	vmoon_state_put(w, strlen(map->type), 1);
	vmoon_state_put_bytes(w, map->type, strlen(map->type));
	vmoon_state_put(w, map->is_manual, 1);
	vmoon_state_put(w, map->has_failed, 1);
	vmoon_state_put(w, map->is_until_reset, 1);
	vmoon_state_put(w, body->element_count, 4);
	for (size_t i = 0; i < body->element_count; i++) {
		vmoon_state_put(w, body->elements[i].value,
				body->elements[i].width);
		vmoon_state_put(w, body->elements[i].written_once,
				body->elements[i].width);
	}
	for (size_t i = 0; i < body->reg_count; i++)
		if (body->regs[i].fifo.depth > 0)
			save_fifo(&body->regs[i].fifo, body->regs[i].width, w);
	if (map->hooks.save != NULL)
		map->hooks.save(map->hooks.ctx, w);
}

static bool get_flag(struct vmoon_state_reader *r)
{
	const uint64_t flag = vmoon_state_get(r, 1);

	r->is_bad |= flag > 1;
	return flag == 1;
}

static bool has_type(const struct vmoon_regmap *map,
		     struct vmoon_state_reader *r)
{
	char type[REGMAP_TYPE_MAX + 1] = {0};
	const uint64_t len = vmoon_state_get(r, 1);

	if (len > REGMAP_TYPE_MAX)
		return false;
	vmoon_state_get_bytes(r, type, (size_t)len);
	return strcmp(type, map->type) == 0;
}

/* One direction of a FIFO; ring and len are NULL when it is only checked. */
static void load_ring(uint64_t *ring, uint32_t depth, uint32_t *len,
		      unsigned width, struct vmoon_state_reader *r)
{
	const uint64_t count = vmoon_state_get(r, 4);

	if (count > depth) {
		r->is_bad = true;
		return;
	}
	for (uint32_t i = 0; i < count; i++) { /* depth at most */
		const uint64_t value = vmoon_state_get(r, width);

		if (ring != NULL)
			ring[i] = value;
	}
	if (len != NULL)
		*len = (uint32_t)count;
}

static void load_fifo(struct regmap_reg *reg, bool is_for_real,
		      struct vmoon_state_reader *r)
{
	struct regmap_fifo *f = &reg->fifo;

	load_ring(is_for_real ? f->in : NULL, f->depth,
		  is_for_real ? &f->in_len : NULL, reg->width, r);
	load_ring(is_for_real ? f->out : NULL, f->depth,
		  is_for_real ? &f->out_len : NULL, reg->width, r);
	if (is_for_real)
		f->in_head = f->out_head = 0;
}

/* False: not ours, or not whole. Changes something only when is_for_real. */
static bool walk(struct vmoon_regmap *map, bool is_for_real,
		 struct vmoon_state_reader *r)
{
	struct regmap_body *body = map->body;
	bool is_manual, has_failed, is_until_reset;

	if (!vmoon_state_expect(r, map->dev.ops->type, STATE_VERSION) ||
	    !has_type(map, r))
		return false;
	is_manual = get_flag(r);
	has_failed = get_flag(r);
	is_until_reset = get_flag(r);
	if (vmoon_state_get(r, 4) != body->element_count)
		return false;
	for (size_t i = 0; i < body->element_count; i++) {
		struct regmap_element *e = &body->elements[i];
		const uint64_t value = vmoon_state_get(r, e->width);
		const uint64_t once = vmoon_state_get(r, e->width);

		if ((once & ~body->regs[e->reg].masks.once) != 0)
			return false;
		if (is_for_real) {
			e->value = value;
			e->written_once = once;
		}
	}
	for (size_t i = 0; i < body->reg_count; i++)
		if (body->regs[i].fifo.depth > 0)
			load_fifo(&body->regs[i], is_for_real, r);
	if (is_for_real) {
		map->is_manual = is_manual;
		map->has_failed = has_failed;
		map->is_until_reset = is_until_reset;
	}
	return !r->is_bad;
}

enum vmoon_status vmoon_regmap_load(struct vmoon_regmap *map,
				    struct vmoon_state_reader *r,
				    struct vmoon_error *err)
{
	struct vmoon_state_reader ahead = *r;

	if (!walk(map, false, &ahead))
		return vmoon_fail(
			err, VMOON_E_IMAGE, 0,
			"%s: the snapshot is cut short, or of another "
			"device; take a new snapshot",
			map->type);
	if (map->hooks.load != NULL) {
		const enum vmoon_status st =
			map->hooks.load(map->hooks.ctx, &ahead, err);

		if (st != VMOON_OK)
			return st;
	}
	VMOON_IGNORE(walk(map, true, r)); /* it was whole a moment ago */
	*r = ahead;
	/* A pending interrupt is signalled again. */
	map->is_up = false;
	if (map->env.irq.set != NULL && !map->body->is_edge)
		map->env.irq.set(map->env.irq.ctx, false);
	vmoon_regmap_update(map);
	return VMOON_OK;
}
