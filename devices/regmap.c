/* SPDX-License-Identifier: MIT */
/* regmap.c - a device that is declared: accesses, interrupt, host's side. */
#include "regmap_parts.h"

#include <assert.h>
#include <string.h>

struct vmoon_regmap *vmoon_regmap_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct vmoon_regmap, dev);
}

static const struct vmoon_regmap *const_regmap_of(
	const struct vmoon_device *dev)
{
	return VMOON_CONST_CONTAINER_OF(dev, struct vmoon_regmap, dev);
}

/* ---- the interrupt ---- */

static uint64_t value_of(const struct regmap_body *body, unsigned reg,
			 uint32_t element)
{
	return body->elements[body->by_reg[body->regs[reg].first + element]]
		.value;
}

static bool evaluate(const struct regmap_body *body)
{
	bool stack[VMOON_REGMAP_IRQ_STACK] = {false};
	unsigned depth = 0; /* vmoon_regmap_check has counted */

	for (size_t i = 0; i < body->irq_count; i++) {
		const struct vmoon_reg_irq_op *op = &body->irq[i];
		const struct regmap_fifo *fifo = &body->regs[op->reg].fifo;

		switch (op->kind) {
		case VMOON_REG_IRQ_BITS:
			stack[depth++] = (value_of(body, op->reg, op->element) &
					  op->mask) != 0;
			break;
		case VMOON_REG_IRQ_BOTH:
			stack[depth++] = (value_of(body, op->reg, 0) &
					  value_of(body, op->reg2, 0)) != 0;
			break;
		case VMOON_REG_IRQ_FIFO_IN:
			stack[depth++] = fifo->in_len > 0;
			break;
		case VMOON_REG_IRQ_FIFO_OUT:
			stack[depth++] = fifo->out_len > 0;
			break;
		case VMOON_REG_IRQ_NOT:
			stack[depth - 1] = !stack[depth - 1];
			break;
		case VMOON_REG_IRQ_AND:
			depth--;
			stack[depth - 1] = stack[depth - 1] && stack[depth];
			break;
		case VMOON_REG_IRQ_OR:
			depth--;
			stack[depth - 1] = stack[depth - 1] || stack[depth];
			break;
		}
	}
	return stack[0];
}

void vmoon_regmap_update(struct vmoon_regmap *map)
{
	const bool level = map->is_manual || evaluate(map->body);

	if (level == map->is_up)
		return;
	map->is_up = level;
	if (map->env.irq.set != NULL && (level || !map->body->is_edge))
		map->env.irq.set(map->env.irq.ctx, level);
}

/* ---- FIFOs ---- */

static bool ring_put(uint64_t *ring, const uint32_t depth, uint32_t head,
		     uint32_t *len, uint64_t value)
{
	if (*len >= depth)
		return false;
	ring[(head + *len) % depth] = value;
	++*len;
	return true;
}

static bool ring_get(const uint64_t *ring, uint32_t depth, uint32_t *head,
		     uint32_t *len, uint64_t *out_value)
{
	if (*len == 0)
		return false;
	*out_value = ring[*head];
	*head = (*head + 1) % depth;
	--*len;
	return true;
}

/* ---- an access ---- */

/* The element that has the offset, or the one before it; NULL: none. */
static struct regmap_element *search(const struct regmap_body *body,
				     uint64_t off)
{
	size_t from = 0, to = body->element_count;

	while (from < to) { /* halves each time */
		const size_t middle = from + (to - from) / 2;

		if (body->elements[middle].at <= off)
			from = middle + 1;
		else
			to = middle;
	}
	return from == 0 ? NULL : &body->elements[from - 1];
}

/* The one element that has all of the access; NULL: refused, and counted. */
static struct regmap_element *find(struct vmoon_regmap *map, uint64_t off,
				   unsigned size)
{
	const struct regmap_body *body = map->body;
	struct regmap_element *e = NULL;

	if (off < body->table_len) {
		if (body->table[off] != REGMAP_NONE)
			e = &body->elements[body->table[off]];
	} else if (body->table_len == 0) {
		e = search(body, off);
	}
	if (e == NULL || off - e->at >= e->width) {
		vmoon_guest_fault(&map->env.faults, VMOON_GUEST_FAULT_REGISTER,
				  off);
		return NULL;
	}
	if (size > e->width - (off - e->at)) {
		vmoon_guest_fault(&map->env.faults, VMOON_GUEST_FAULT_WIDTH,
				  off);
		return NULL;
	}
	return e;
}

static uint64_t size_mask(unsigned size)
{
	return UINT64_MAX >> (64 - 8 * size); /* 1, 2, 4 or 8: device.h */
}

static void tell(const struct vmoon_regmap *map, const struct regmap_element *e,
		 struct vmoon_reg_access_note note)
{
	if (map->watch == NULL)
		return;
	if (e != NULL) {
		note.name = map->body->regs[e->reg].name;
		note.element = e->index;
	}
	map->watch(map->watch_ctx, &note);
}

/* What the driver sees of it, and what its looking does. */
static uint64_t read_stored(struct vmoon_regmap *map, struct regmap_element *e,
			    uint64_t lane)
{
	struct regmap_reg *reg = &map->body->regs[e->reg];
	struct regmap_fifo *fifo = &reg->fifo;
	uint64_t value = e->value;

	if (fifo->depth > 0 &&
	    !ring_get(fifo->out, fifo->depth, &fifo->out_head, &fifo->out_len,
		      &value))
		value = 0;
	e->value &= ~(reg->masks.rc & lane);
	if (reg->is_in_irq)
		vmoon_regmap_update(map);
	return value & reg->masks.readable;
}

static uint64_t read_element(struct vmoon_regmap *map, struct regmap_element *e,
			     uint64_t lane)
{
	const struct regmap_reg *reg = &map->body->regs[e->reg];
	uint64_t value;

	if (reg->is_plain && !reg->has_on_read) {
		map->fast++;
		return e->value & reg->masks.readable;
	}
	value = read_stored(map, e, lane);
	if (!reg->has_on_read) {
		map->fast++;
		return value;
	}
	map->hooked++;
	if (!map->hooks.read(map->hooks.ctx, e->reg, e->index, &value))
		return UINT64_MAX;
	return value & reg->width_mask;
}

static uint64_t regmap_read(struct vmoon_device *dev, uint64_t off,
			    unsigned size)
{
	struct vmoon_regmap *map = vmoon_regmap_of(dev);
	struct regmap_element *e;
	uint64_t value = 0;

	if (map->has_failed)
		return size_mask(size);
	e = find(map, off, size);
	if (e != NULL) {
		const unsigned shift = 8 * (unsigned)(off - e->at);

		value = read_element(map, e, size_mask(size) << shift) >>
				shift &
			size_mask(size);
	}
	if (map->watch != NULL)
		tell(map, e,
		     (struct vmoon_reg_access_note){
			     .off = off, .value = value, .width = size});
	return value;
}

/* The new value of the bits in lane, by their kinds. */
static uint64_t store(struct regmap_element *e, const struct regmap_masks *m,
		      uint64_t bits, uint64_t lane)
{
	const uint64_t plain = m->writable & ~e->written_once & lane;
	uint64_t value = (e->value & ~plain) | (bits & plain);

	value &= ~(bits & m->w1c & lane);
	value |= bits & m->w1s & lane;
	value &= bits | ~(m->w0c & lane);
	e->written_once |= m->once & lane;
	return value;
}

static void write_element(struct vmoon_regmap *map, struct regmap_element *e,
			  uint64_t bits, uint64_t lane)
{
	struct regmap_reg *reg = &map->body->regs[e->reg];
	struct regmap_fifo *fifo = &reg->fifo;
	const uint64_t old = e->value;

	if (fifo->depth > 0) {
		if (!ring_put(fifo->in, fifo->depth, fifo->in_head,
			      &fifo->in_len, bits & reg->masks.writable))
			vmoon_guest_fault(&map->env.faults,
					  VMOON_GUEST_FAULT_VALUE, e->at);
	} else {
		e->value = store(e, &reg->masks, bits, lane);
	}
	if (reg->is_in_irq)
		vmoon_regmap_update(map);
	if (!reg->has_on_write) {
		map->fast++;
		return;
	}
	map->hooked++;
	map->hooks.write(
		map->hooks.ctx, e->reg, e->index,
		(fifo->depth > 0 ? bits & reg->masks.writable : e->value) |
			(bits & reg->masks.pulse & lane),
		old);
}

static void regmap_write(struct vmoon_device *dev, uint64_t off, unsigned size,
			 uint64_t val)
{
	struct vmoon_regmap *map = vmoon_regmap_of(dev);
	struct regmap_element *e;

	if (map->has_failed)
		return;
	e = find(map, off, size);
	if (map->watch != NULL)
		tell(map, e,
		     (struct vmoon_reg_access_note){.off = off,
						    .value = val &
							     size_mask(size),
						    .width = size,
						    .is_write = true});
	if (e != NULL) {
		const unsigned shift = 8 * (unsigned)(off - e->at);

		write_element(map, e, (val & size_mask(size)) << shift,
			      size_mask(size) << shift);
	}
}

/* ---- a device's life ---- */

static void regmap_reset(struct vmoon_device *dev)
{
	struct vmoon_regmap *map = vmoon_regmap_of(dev);
	struct regmap_body *body = map->body;

	for (size_t i = 0; i < body->element_count; i++) {
		body->elements[i].value =
			body->regs[body->elements[i].reg].reset;
		body->elements[i].written_once = 0;
	}
	for (size_t i = 0; i < body->reg_count; i++) {
		struct regmap_fifo *fifo = &body->regs[i].fifo;

		fifo->in_head = fifo->in_len = 0;
		fifo->out_head = fifo->out_len = 0;
	}
	map->is_manual = false;
	if (map->is_until_reset)
		map->has_failed = false;
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
	return vmoon_regmap_load(vmoon_regmap_of(dev), r, err);
}

static void regmap_destroy(struct vmoon_device *dev)
{
	struct vmoon_regmap *map = vmoon_regmap_of(dev);

	map->hooks.destroy(map->hooks.ctx);
	vmoon_mem_free(map->env.mem, map->body, map->body->bytes);
	vmoon_mem_free(map->env.mem, map, sizeof(*map));
}

static const struct vmoon_device_ops regmap_ops = {
	.type = "regmap",
	.read = regmap_read,
	.write = regmap_write,
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
	st = vmoon_regmap_build(env->mem, spec, &map->body, err);
	if (st != VMOON_OK) {
		vmoon_mem_free(env->mem, map, sizeof(*map));
		return st;
	}
	memcpy(map->type, type, strlen(type));
	map->dev.ops = &regmap_ops;
	map->env = *env;
	map->hooks = *hooks;
	vmoon_regmap_update(map);
	*out_map = map;
	return VMOON_OK;
}

struct vmoon_device *vmoon_regmap_device(struct vmoon_regmap *map)
{
	return &map->dev;
}
