/* SPDX-License-Identifier: MIT */
/* regmap_state.c - a register map in a snapshot: all of it, or nothing. */
#include "regmap_parts.h"

#include <string.h>

enum { STATE_VERSION = 1 };

static void save_ring(const struct regmap_ring *ring, uint32_t depth,
		      unsigned width, struct vmoon_state_writer *w)
{
	vmoon_state_put(w, ring->len, 4);
	for (uint32_t i = 0; i < ring->len; i++)
		vmoon_state_put(w, ring->values[(ring->head + i) % depth],
				width);
}

void vmoon_regmap_save(const struct vmoon_regmap *map,
		       struct vmoon_state_writer *w)
{
	const struct regmap_body *body = map->body;

	vmoon_state_begin(w, map->dev.ops->type, STATE_VERSION);
	vmoon_state_put(w, strlen(map->type), 1);
	vmoon_state_put_bytes(w, map->type, strlen(map->type));
	vmoon_state_put(w, body->shape, 8);
	vmoon_state_put(w, map->is_manual, 1);
	vmoon_state_put(w, map->has_failed, 1);
	vmoon_state_put(w, map->is_until_reset, 1);
	for (size_t i = 0; i < body->element_count; i++) {
		vmoon_state_put(w, body->elements[i].value,
				body->elements[i].width);
		vmoon_state_put(w, body->elements[i].written_once,
				body->elements[i].width);
	}
	for (size_t i = 0; i < body->reg_count; i++) {
		const struct regmap_reg *reg = &body->regs[i];

		if (reg->fifo.depth == 0)
			continue;
		save_ring(&reg->fifo.in, reg->fifo.depth, reg->width, w);
		save_ring(&reg->fifo.out, reg->fifo.depth, reg->width, w);
	}
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
	const size_t len = strlen(map->type);

	if (vmoon_state_get(r, 1) != len)
		return false;
	vmoon_state_get_bytes(r, type, len);
	return memcmp(type, map->type, len) == 0;
}

static void load_ring(struct regmap_ring *ring, const struct regmap_reg *reg,
		      bool is_for_real, struct vmoon_state_reader *r)
{
	const uint64_t count = vmoon_state_get(r, 4);

	if (count > reg->fifo.depth) {
		r->is_bad = true;
		return;
	}
	for (uint32_t i = 0; i < count; i++) { /* depth at most */
		const uint64_t value = vmoon_state_get(r, reg->width);

		if (is_for_real)
			ring->values[i] = value;
	}
	if (is_for_real) {
		ring->head = 0;
		ring->len = (uint32_t)count;
	}
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
	if (vmoon_state_get(r, 8) != body->shape)
		return false;
	is_manual = get_flag(r);
	has_failed = get_flag(r);
	is_until_reset = get_flag(r);
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
	for (size_t i = 0; i < body->reg_count; i++) {
		struct regmap_reg *reg = &body->regs[i];

		if (reg->fifo.depth == 0)
			continue;
		load_ring(&reg->fifo.in, reg, is_for_real, r);
		load_ring(&reg->fifo.out, reg, is_for_real, r);
	}
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
			"%s: the snapshot is cut short, of another version "
			"or of other registers; take a new snapshot",
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
	vmoon_regmap_choose(map);
	map->is_up = false;
	if (map->env.irq.set != NULL && !map->body->is_edge)
		map->env.irq.set(map->env.irq.ctx, false);
	vmoon_regmap_update(map);
	return VMOON_OK;
}
