/* SPDX-License-Identifier: MIT */
/* regmap_host.c - a register map as its own device sees it. */
#include "regmap_parts.h"

#include <string.h>

/* NULL: there is no such element. */
static struct regmap_element *element_at(const struct vmoon_regmap *map,
					 unsigned reg, uint32_t element)
{
	const struct regmap_body *body = map->body;

	if (reg >= body->reg_count || element >= body->regs[reg].count)
		return NULL;
	return &body->elements[body->by_reg[body->regs[reg].first + element]];
}

uint64_t vmoon_regmap_get(const struct vmoon_regmap *map, unsigned reg,
			  uint32_t element)
{
	const struct regmap_element *e = element_at(map, reg, element);

	return e == NULL ? 0 : e->value;
}

void vmoon_regmap_set(struct vmoon_regmap *map, unsigned reg, uint32_t element,
		      uint64_t value)
{
	struct regmap_element *e = element_at(map, reg, element);

	if (e == NULL)
		return;
	e->value = value & map->body->regs[reg].width_mask;
	if (e->irq_bits != 0)
		vmoon_regmap_update(map);
}

void vmoon_regmap_irq(struct vmoon_regmap *map, bool level)
{
	map->is_manual = level;
	vmoon_regmap_update(map);
}

/* NULL: the register has none. */
static struct regmap_fifo *fifo_of(const struct vmoon_regmap *map, unsigned reg)
{
	if (reg >= map->body->reg_count || map->body->regs[reg].fifo.depth == 0)
		return NULL;
	return &map->body->regs[reg].fifo;
}

bool vmoon_regmap_fifo_put(struct vmoon_regmap *map, unsigned reg,
			   uint64_t value)
{
	struct regmap_fifo *f = fifo_of(map, reg);

	if (f == NULL ||
	    !regmap_ring_put(&f->out, f->depth,
			     value & map->body->regs[reg].width_mask))
		return false;
	vmoon_regmap_update(map);
	return true;
}

bool vmoon_regmap_fifo_get(struct vmoon_regmap *map, unsigned reg,
			   uint64_t *out_value)
{
	struct regmap_fifo *f = fifo_of(map, reg);

	if (f == NULL || !regmap_ring_get(&f->in, f->depth, out_value))
		return false;
	vmoon_regmap_update(map);
	return true;
}

uint32_t vmoon_regmap_fifo_len(const struct vmoon_regmap *map, unsigned reg,
			       bool is_from_driver)
{
	const struct regmap_fifo *f = fifo_of(map, reg);

	if (f == NULL)
		return 0;
	return is_from_driver ? f->in.len : f->out.len;
}

void vmoon_regmap_fail(struct vmoon_regmap *map, bool is_until_reset)
{
	map->has_failed = true;
	map->is_until_reset = is_until_reset;
	vmoon_regmap_choose(map);
	vmoon_regmap_update(map);
}

bool vmoon_regmap_has_failed(const struct vmoon_regmap *map)
{
	return map->has_failed;
}

void vmoon_regmap_counts(const struct vmoon_regmap *map, uint64_t *out_fast,
			 uint64_t *out_hooked)
{
	*out_fast = map->fast;
	*out_hooked = map->hooked;
}

void vmoon_regmap_watch(struct vmoon_regmap *map,
			void (*fn)(void *ctx,
				   const struct vmoon_reg_access_note *note),
			void *ctx)
{
	map->watch = fn;
	map->watch_ctx = ctx;
	vmoon_regmap_choose(map);
}

/* ---- another map ---- */

static const struct regmap_reg *same_reg(const struct regmap_body *body,
					 const struct regmap_reg *reg)
{
	for (size_t i = 0; i < body->reg_count; i++) {
		const struct regmap_reg *other = &body->regs[i];

		if (strcmp(reg->name, other->name) == 0)
			return reg->width == other->width &&
					       reg->count == other->count
				       ? other
				       : NULL;
	}
	return NULL;
}

static void keep_ring(struct regmap_ring *to, uint32_t depth,
		      const struct regmap_ring *from, uint32_t from_depth)
{
	if (from->len > depth)
		return; /* what is in order has no part that can be left out */
	for (uint32_t i = 0; i < from->len; i++)
		to->values[i] = from->values[(from->head + i) % from_depth];
	to->len = from->len;
}

static void keep_reg(struct regmap_body *to, struct regmap_reg *mine,
		     const struct regmap_body *from,
		     const struct regmap_reg *theirs)
{
	const uint32_t depth = theirs->fifo.depth;

	for (uint32_t k = 0; k < mine->count; k++) {
		struct regmap_element *e =
			&to->elements[to->by_reg[mine->first + k]];
		const struct regmap_element *old =
			&from->elements[from->by_reg[theirs->first + k]];

		e->value = old->value;
		e->written_once = old->written_once & mine->masks.once;
	}
	keep_ring(&mine->fifo.in, mine->fifo.depth, &theirs->fifo.in, depth);
	keep_ring(&mine->fifo.out, mine->fifo.depth, &theirs->fifo.out, depth);
}

enum vmoon_status vmoon_regmap_reload(struct vmoon_regmap *map,
				      const struct vmoon_regmap_spec *spec,
				      struct vmoon_error *err)
{
	struct regmap_body *old = map->body, *body = NULL;
	enum vmoon_status st = vmoon_regmap_check(spec, err);

	if (st == VMOON_OK && spec->window != old->window)
		st = vmoon_fail(err, VMOON_E_CONFIG, 0,
				"register map: its window cannot change while "
				"it is in use");
	if (st == VMOON_OK && spec->is_edge != old->is_edge)
		st = vmoon_fail(err, VMOON_E_CONFIG, 0,
				"interrupt: level or edge, it cannot change "
				"while it is in use");
	if (st == VMOON_OK)
		st = vmoon_regmap_build(map->env.mem, spec, &body, err);
	if (st != VMOON_OK)
		return st;
	for (size_t i = 0; i < body->reg_count; i++) {
		const struct regmap_reg *theirs = same_reg(old, &body->regs[i]);

		if (theirs != NULL)
			keep_reg(body, &body->regs[i], old, theirs);
	}
	vmoon_regmap_use(map, body);
	vmoon_mem_free(map->env.mem, old, old->bytes);
	vmoon_regmap_update(map);
	return VMOON_OK;
}
