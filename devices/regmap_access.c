/* SPDX-License-Identifier: MIT */
/* regmap_access.c - what an access to a declared register does. */
#include "regmap_parts.h"

#include <assert.h>

#define LIKELY(claim) __builtin_expect((claim), 1)

/* ---- the interrupt ---- */

/* The stack is a number: the newest value is bit 0. */
static bool evaluate(const struct regmap_body *body)
{
	const struct regmap_element *e = body->elements;
	uint32_t stack = 0; /* vmoon_regmap_check has counted */

	static_assert(VMOON_REGMAP_IRQ_STACK <= 32, "the stack has a bit each");
	for (size_t i = 0; i < body->irq_count; i++) {
		const struct regmap_irq_op *op = &body->irq[i];
		const uint32_t top = stack & 1;
		bool is_set = false;

		switch (op->kind) {
		case VMOON_REG_IRQ_BITS:
			is_set = (e[op->a].value & op->mask) != 0;
			break;
		case VMOON_REG_IRQ_BOTH:
			is_set = (e[op->a].value & e[op->b].value) != 0;
			break;
		case VMOON_REG_IRQ_FIFO_IN:
			is_set = body->regs[op->a].fifo.in.len > 0;
			break;
		case VMOON_REG_IRQ_FIFO_OUT:
			is_set = body->regs[op->a].fifo.out.len > 0;
			break;
		case VMOON_REG_IRQ_NOT: stack ^= 1; continue;
		case VMOON_REG_IRQ_AND:
			stack = stack >> 1 & (~1u | top);
			continue;
		case VMOON_REG_IRQ_OR: stack = stack >> 1 | top; continue;
		}
		stack = stack << 1 | is_set;
	}
	return (stack & 1) != 0;
}

/* Nobody could silence the line of a device that no longer answers. */
void vmoon_regmap_update(struct vmoon_regmap *map)
{
	const bool level =
		!map->has_failed && (map->is_manual || evaluate(map->body));

	if (level == map->is_up)
		return;
	map->is_up = level;
	if (map->env.irq.set != NULL && (level || !map->body->is_edge))
		map->env.irq.set(map->env.irq.ctx, level);
}

/* ---- where it goes ---- */

void vmoon_regmap_choose(struct vmoon_regmap *map)
{
	const bool is_short = !map->has_failed && map->watch == NULL;

	map->fast_len = is_short ? map->body->table_len : 0;
}

void vmoon_regmap_use(struct vmoon_regmap *map, struct regmap_body *body)
{
	map->body = body;
	map->elements = body->elements;
	map->table = body->table;
	vmoon_regmap_choose(map);
}

/* The last element that begins at off or before; NULL: none. */
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

/* The element that has the byte; NULL: none. */
static struct regmap_element *find(const struct regmap_body *body, uint64_t off)
{
	struct regmap_element *e;

	if (body->table_len == 0) {
		e = search(body, off);
		return e != NULL && off - e->at < e->width ? e : NULL;
	}
	if (off >= body->table_len || body->table[off] == REGMAP_NONE)
		return NULL;
	return &body->elements[body->table[off]];
}

static bool fits(const struct regmap_element *e, uint64_t off, unsigned size)
{
	return size <= e->width - (off - e->at);
}

/* e has the first byte of the access, if anybody has. */
static bool is_taken(const struct vmoon_regmap *map,
		     const struct regmap_element *e, uint64_t off,
		     unsigned size)
{
	if (e != NULL && fits(e, off, size))
		return true;
	vmoon_guest_fault(&map->env.faults,
			  e == NULL ? VMOON_GUEST_FAULT_REGISTER
				    : VMOON_GUEST_FAULT_WIDTH,
			  off);
	return false;
}

static uint64_t size_mask(unsigned size)
{
	return UINT64_MAX >> (64 - 8 * size); /* 1, 2, 4 or 8: device.h */
}

static unsigned shift_of(const struct regmap_element *e, uint64_t off)
{
	return 8 * (unsigned)(off - e->at); /* below 64 */
}

/* Out of the way of accesses that nobody watches. */
static __attribute__((noinline)) void tell(const struct vmoon_regmap *map,
					   const struct regmap_element *e,
					   struct vmoon_reg_access_note *note)
{
	if (e != NULL) {
		note->name = map->body->regs[e->reg].name;
		note->element = e->index;
	}
	map->watch(map->watch_ctx, note);
}

/* ---- reading ---- */

/* What the driver sees of it. */
static uint64_t look_at(const struct vmoon_regmap *map,
			const struct regmap_element *e)
{
	const struct regmap_fifo *fifo = &map->body->regs[e->reg].fifo;
	uint64_t value = e->value;

	if (fifo->depth > 0)
		value = fifo->out.len > 0 ? fifo->out.values[fifo->out.head]
					  : 0;
	return value & e->readable;
}

/* What its looking does. */
static void end_look(struct vmoon_regmap *map, struct regmap_element *e,
		     uint64_t cleared)
{
	struct regmap_fifo *fifo = &map->body->regs[e->reg].fifo;
	uint64_t gone;

	if (fifo->depth > 0 && e->readable != 0 &&
	    regmap_ring_get(&fifo->out, fifo->depth, &gone) && fifo->is_in_irq)
		vmoon_regmap_update(map);
	e->value &= ~cleared;
	if ((cleared & e->irq_bits) != 0)
		vmoon_regmap_update(map);
}

/*
 * A hook finds the register as it was before the look, and what it raises
 * stays. One that gives no value has not looked: the access may come again.
 */
static uint64_t read_element(struct vmoon_regmap *map, struct regmap_element *e,
			     uint64_t lane)
{
	const struct regmap_reg *reg = &map->body->regs[e->reg];
	const uint64_t cleared = e->value & reg->masks.rc & lane;
	uint64_t value = look_at(map, e);

	if (reg->has_on_read) {
		map->hooked++;
		if (!map->hooks.read(map->hooks.ctx, e->reg, e->index, &value))
			return UINT64_MAX;
		value &= reg->width_mask;
	} else {
		map->fast++;
	}
	end_look(map, e, cleared);
	return value;
}

static __attribute__((noinline)) uint64_t read_long(struct vmoon_regmap *map,
						    uint64_t off, unsigned size)
{
	struct regmap_element *e = find(map->body, off);
	uint64_t value = 0;

	if (map->has_failed) {
		value = size_mask(size);
	} else if (is_taken(map, e, off, size)) {
		const unsigned shift = shift_of(e, off);

		value = read_element(map, e, size_mask(size) << shift);
		value = value >> shift & size_mask(size);
	}
	if (map->watch != NULL)
		tell(map, e,
		     &(struct vmoon_reg_access_note){
			     .off = off, .value = value, .width = size});
	return value;
}

/* Most registers are no more than bits: one look into the table for them. */
uint64_t vmoon_regmap_read(struct vmoon_device *dev, uint64_t off,
			   unsigned size)
{
	struct vmoon_regmap *map = regmap_of(dev);
	const struct regmap_element *e;

	if (!LIKELY(off < map->fast_len && map->table[off] != REGMAP_NONE))
		return read_long(map, off, size);
	e = &map->elements[map->table[off]];
	if (!LIKELY(e->is_read_plain && fits(e, off, size)))
		return read_long(map, off, size);
	map->fast++;
	return (e->value & e->readable) >> shift_of(e, off) & size_mask(size);
}

/* ---- writing ---- */

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

static void put_fifo(struct vmoon_regmap *map, const struct regmap_element *e,
		     uint64_t bits)
{
	struct regmap_fifo *fifo = &map->body->regs[e->reg].fifo;

	if (e->writable == 0)
		return;
	if (!regmap_ring_put(&fifo->in, fifo->depth, bits & e->writable))
		vmoon_guest_fault(&map->env.faults, VMOON_GUEST_FAULT_VALUE,
				  e->at);
	else if (fifo->is_in_irq)
		vmoon_regmap_update(map);
}

static void write_element(struct vmoon_regmap *map, struct regmap_element *e,
			  uint64_t bits, uint64_t lane)
{
	const struct regmap_reg *reg = &map->body->regs[e->reg];
	const uint64_t old = e->value;
	uint64_t now = bits & e->writable;

	if (reg->fifo.depth > 0) {
		put_fifo(map, e, bits);
	} else {
		now = e->value = store(e, &reg->masks, bits, lane);
		if (((old ^ now) & e->irq_bits) != 0)
			vmoon_regmap_update(map);
	}
	if (!reg->has_on_write) {
		map->fast++;
		return;
	}
	map->hooked++;
	now |= bits & reg->masks.pulse & lane;
	map->hooks.write(map->hooks.ctx, e->reg, e->index, now, old);
}

static __attribute__((noinline)) void write_long(struct vmoon_regmap *map,
						 uint64_t off, unsigned size,
						 uint64_t val)
{
	struct regmap_element *e = find(map->body, off);

	val &= size_mask(size);
	if (!map->has_failed && is_taken(map, e, off, size)) {
		const unsigned shift = shift_of(e, off);

		write_element(map, e, val << shift, size_mask(size) << shift);
	}
	if (map->watch != NULL)
		tell(map, e,
		     &(struct vmoon_reg_access_note){.off = off,
						     .value = val,
						     .width = size,
						     .is_write = true});
}

void vmoon_regmap_write(struct vmoon_device *dev, uint64_t off, unsigned size,
			uint64_t val)
{
	struct vmoon_regmap *map = regmap_of(dev);
	struct regmap_element *e;
	uint64_t lane, changed;

	if (!LIKELY(off < map->fast_len && map->table[off] != REGMAP_NONE)) {
		write_long(map, off, size, val);
		return;
	}
	e = &map->elements[map->table[off]];
	if (!LIKELY(e->is_write_plain && fits(e, off, size))) {
		write_long(map, off, size, val);
		return;
	}
	map->fast++;
	lane = size_mask(size) << shift_of(e, off) & e->writable;
	changed = (e->value ^ val << shift_of(e, off)) & lane;
	e->value ^= changed;
	if (!LIKELY((changed & e->irq_bits) == 0))
		vmoon_regmap_update(map);
}
