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
	if (map->body->regs[reg].is_in_irq)
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

	if (f == NULL || f->out_len >= f->depth)
		return false;
	f->out[(f->out_head + f->out_len) % f->depth] =
		value & map->body->regs[reg].width_mask;
	f->out_len++;
	vmoon_regmap_update(map);
	return true;
}

bool vmoon_regmap_fifo_get(struct vmoon_regmap *map, unsigned reg,
			   uint64_t *out_value)
{
	struct regmap_fifo *f = fifo_of(map, reg);

	if (f == NULL || f->in_len == 0)
		return false;
	*out_value = f->in[f->in_head];
	f->in_head = (f->in_head + 1) % f->depth;
	f->in_len--;
	vmoon_regmap_update(map);
	return true;
}

uint32_t vmoon_regmap_fifo_len(const struct vmoon_regmap *map, unsigned reg,
			       bool is_from_driver)
{
	const struct regmap_fifo *f = fifo_of(map, reg);

	if (f == NULL)
		return 0;
	return is_from_driver ? f->in_len : f->out_len;
}

void vmoon_regmap_fail(struct vmoon_regmap *map, bool is_until_reset)
{
	map->has_failed = true;
	map->is_until_reset = is_until_reset;
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
}

/* ---- another map ---- */

static void keep_values(struct regmap_body *to, const struct regmap_body *from,
			size_t reg)
{
	const struct regmap_reg *mine = &to->regs[reg];

	for (size_t i = 0; i < from->reg_count; i++) {
		const struct regmap_reg *theirs = &from->regs[i];

		if (strcmp(mine->name, theirs->name) != 0 ||
		    mine->width != theirs->width ||
		    mine->count != theirs->count)
			continue;
		for (uint32_t k = 0; k < mine->count; k++) {
			struct regmap_element *e =
				&to->elements[to->by_reg[mine->first + k]];
			const struct regmap_element *old =
				&from->elements[from->by_reg[theirs->first +
							     k]];

			e->value = old->value;
			e->written_once = old->written_once;
		}
	}
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
	if (st == VMOON_OK)
		st = vmoon_regmap_build(map->env.mem, spec, &body, err);
	if (st != VMOON_OK)
		return st;
	for (size_t i = 0; i < body->reg_count; i++)
		keep_values(body, old, i);
	map->body = body;
	vmoon_mem_free(map->env.mem, old, old->bytes);
	vmoon_regmap_update(map);
	return VMOON_OK;
}
