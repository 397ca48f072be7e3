/* SPDX-License-Identifier: MIT */
/* regmap_build.c - from a checked map to what an access looks at. */
#include "regmap_parts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vmoon/le.h"

/* ---- one block of memory, in parts ---- */

struct sizes {
	size_t regs, elements, by_reg, fifos, irq, table, all;
};

/* Parts begin at multiples of 8. */
static size_t place(size_t *end, size_t bytes)
{
	const size_t at = *end;

	*end = at + (bytes + 7) / 8 * 8;
	return at;
}

/* One past the last byte that a register has. */
static uint64_t end_of(const struct vmoon_regmap_spec *spec)
{
	uint64_t end = 0;

	for (size_t i = 0; i < spec->reg_count; i++) {
		const struct vmoon_reg *r = &spec->regs[i];
		const uint64_t last =
			r->at + (uint64_t)(r->count - 1) * r->stride + r->width;

		if (last > end)
			end = last;
	}
	return end;
}

/* All are bounded by vmoon_regmap_check: below 8 MiB together. */
static struct sizes measure(const struct vmoon_regmap_spec *spec,
			    struct regmap_body *body)
{
	const uint64_t end = end_of(spec);
	struct sizes s = {.all = sizeof(struct regmap_body)};
	size_t values = 0;

	body->window = spec->window;
	body->is_edge = spec->is_edge;
	body->reg_count = spec->reg_count;
	body->irq_count = spec->irq_count;
	body->table_len = end <= REGMAP_TABLE_MAX ? (size_t)end : 0;
	for (size_t i = 0; i < spec->reg_count; i++) {
		body->element_count += spec->regs[i].count;
		values += (size_t)2 * spec->regs[i].fifo_depth;
	}
	s.regs = place(&s.all, spec->reg_count * sizeof(*body->regs));
	s.elements =
		place(&s.all, body->element_count * sizeof(*body->elements));
	s.by_reg = place(&s.all, body->element_count * sizeof(*body->by_reg));
	s.fifos = place(&s.all, values * sizeof(*body->fifo_values));
	s.irq = place(&s.all, spec->irq_count * sizeof(*body->irq));
	s.table = place(&s.all, body->table_len * sizeof(*body->table));
	return s;
}

static struct regmap_body *allocate(struct vmoon_mem *mem,
				    const struct vmoon_regmap_spec *spec)
{
	struct regmap_body sized = {.bytes = 0}, *body;
	const struct sizes s = measure(spec, &sized);
	unsigned char *block = vmoon_mem_alloc(mem, s.all);

	if (block == NULL)
		return NULL;
	body = (void *)block;
	*body = sized;
	body->bytes = s.all;
	body->regs = (void *)(block + s.regs);
	body->elements = (void *)(block + s.elements);
	body->by_reg = (void *)(block + s.by_reg);
	body->fifo_values = (void *)(block + s.fifos);
	body->irq = (void *)(block + s.irq);
	body->table = (void *)(block + s.table);
	return body;
}

/* ---- registers ---- */

static void add_bits(struct regmap_masks *m, enum vmoon_reg_access access,
		     uint64_t bits)
{
	if (access != VMOON_REG_WO && access != VMOON_REG_W1_PULSE &&
	    access != VMOON_REG_RESERVED)
		m->readable |= bits;
	switch (access) {
	case VMOON_REG_RW:
	case VMOON_REG_WO: m->writable |= bits; break;
	case VMOON_REG_W1C: m->w1c |= bits; break;
	case VMOON_REG_W1S: m->w1s |= bits; break;
	case VMOON_REG_RC: m->rc |= bits; break;
	case VMOON_REG_W0C: m->w0c |= bits; break;
	case VMOON_REG_W1_PULSE: m->pulse |= bits; break;
	case VMOON_REG_RW_ONCE:
		m->writable |= bits;
		m->once |= bits;
		break;
	case VMOON_REG_RO:
	case VMOON_REG_RESERVED: break;
	}
}

static void make_reg(struct regmap_reg *to, const struct vmoon_reg *from)
{
	struct regmap_masks *m = &to->masks;

	memcpy(to->name, from->name, strlen(from->name)); /* checked */
	to->at = from->at;
	to->width = from->width;
	to->width_mask = UINT64_MAX >> (64 - 8 * from->width);
	to->reset = from->reset;
	to->count = from->count;
	to->stride = from->stride;
	to->has_on_read = from->has_on_read;
	to->has_on_write = from->has_on_write;
	to->fifo.depth = from->fifo_depth;
	if (from->field_count == 0)
		add_bits(m, from->access, to->width_mask);
	for (size_t i = 0; i < from->field_count; i++)
		add_bits(m, from->fields[i].access,
			 UINT64_MAX >> (64 - from->fields[i].bits)
					       << from->fields[i].first);
}

static struct regmap_element make_element(const struct regmap_reg *reg,
					  unsigned number, uint32_t index)
{
	const struct regmap_masks *m = &reg->masks;
	const bool is_fifo = reg->fifo.depth > 0;

	return (struct regmap_element){
		.value = reg->reset,
		.readable = m->readable,
		.writable = m->writable,
		/* in the window: below 2^24 */
		.at = (uint32_t)(reg->at + (uint64_t)index * reg->stride),
		.index = index,
		.reg = (uint16_t)number, /* below VMOON_REGMAP_REGS_MAX */
		.width = (unsigned char)reg->width,
		.is_read_plain = !reg->has_on_read && !is_fifo && m->rc == 0,
		.is_write_plain = !reg->has_on_write && !is_fifo &&
				  (m->once | m->w1c | m->w1s | m->w0c) == 0,
	};
}

static void make_regs(struct regmap_body *body,
		      const struct vmoon_regmap_spec *spec)
{
	uint32_t element = 0;
	uint64_t *values = body->fifo_values;

	for (size_t i = 0; i < spec->reg_count; i++) {
		struct regmap_reg *reg = &body->regs[i];

		make_reg(reg, &spec->regs[i]);
		reg->first = element;
		reg->fifo.in.values = values;
		reg->fifo.out.values = values + reg->fifo.depth;
		values += (size_t)2 * reg->fifo.depth;
		for (uint32_t k = 0; k < reg->count; k++)
			body->elements[element++] =
				make_element(reg, (unsigned)i, k);
	}
}

/* ---- by address ---- */

static int compare_places(const void *a, const void *b)
{
	const struct regmap_element *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

/* Sorts the elements, finds out who overlaps whom, fills the tables. */
static enum vmoon_status sort_elements(struct regmap_body *body,
				       struct vmoon_error *err)
{
	struct regmap_element *e = body->elements;

	qsort(e, body->element_count, sizeof(*e), compare_places);
	for (size_t i = 0; i < body->element_count; i++) {
		const struct regmap_reg *reg = &body->regs[e[i].reg];

		if (i > 0 && e[i].at < e[i - 1].at + e[i - 1].width)
			return vmoon_fail(
				err, VMOON_E_CONFIG, 0,
				"%s: it overlaps %s at %#" PRIx32, reg->name,
				body->regs[e[i - 1].reg].name, e[i].at);
		body->by_reg[reg->first + e[i].index] = (uint32_t)i;
	}
	for (size_t off = 0; off < body->table_len; off++)
		body->table[off] = REGMAP_NONE;
	for (size_t i = 0; body->table_len > 0 && i < body->element_count; i++)
		for (unsigned k = 0; k < e[i].width; k++)
			body->table[e[i].at + k] = (uint16_t)i;
	return VMOON_OK;
}

/* ---- the interrupt, by element ---- */

static uint32_t use_bits(struct regmap_body *body, unsigned reg,
			 uint32_t element, uint64_t mask)
{
	const uint32_t at = body->by_reg[body->regs[reg].first + element];

	body->elements[at].irq_bits |= mask;
	return at;
}

static void make_irq(struct regmap_body *body,
		     const struct vmoon_regmap_spec *spec)
{
	for (size_t i = 0; i < spec->irq_count; i++) {
		const struct vmoon_reg_irq_op *from = &spec->irq[i];
		struct regmap_irq_op *to = &body->irq[i];

		to->kind = from->kind;
		to->mask = from->mask;
		switch (from->kind) {
		case VMOON_REG_IRQ_BITS:
			to->a = use_bits(body, from->reg, from->element,
					 from->mask);
			break;
		case VMOON_REG_IRQ_BOTH:
			to->a = use_bits(body, from->reg, 0, UINT64_MAX);
			to->b = use_bits(body, from->reg2, 0, UINT64_MAX);
			break;
		case VMOON_REG_IRQ_FIFO_IN:
		case VMOON_REG_IRQ_FIFO_OUT:
			to->a = from->reg;
			body->regs[from->reg].fifo.is_in_irq = true;
			break;
		case VMOON_REG_IRQ_NOT:
		case VMOON_REG_IRQ_AND:
		case VMOON_REG_IRQ_OR: break;
		}
	}
}

/* ---- what a snapshot depends on ---- */

/* FNV-1a: no secret, two maps are told apart. */
static uint64_t add_bytes(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *from = bytes;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ from[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t add_number(uint64_t hash, uint64_t number)
{
	unsigned char bytes[8];

	vmoon_le64_store(bytes, number);
	return add_bytes(hash, bytes, sizeof(bytes));
}

static uint64_t shape_of(const struct regmap_body *body)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < body->reg_count; i++) {
		const struct regmap_reg *reg = &body->regs[i];

		hash = add_bytes(hash, reg->name, strlen(reg->name) + 1);
		hash = add_number(hash, reg->at);
		hash = add_number(hash, reg->width);
		hash = add_number(hash, reg->count);
		hash = add_number(hash, reg->stride);
		hash = add_number(hash, reg->fifo.depth);
	}
	return hash;
}

enum vmoon_status vmoon_regmap_build(struct vmoon_mem *mem,
				     const struct vmoon_regmap_spec *spec,
				     struct regmap_body **out_body,
				     struct vmoon_error *err)
{
	struct regmap_body *body = allocate(mem, spec);
	enum vmoon_status st;

	static_assert((int)VMOON_REGMAP_ELEMENTS_MAX < (int)REGMAP_NONE,
		      "an element's number fits the table");
	if (body == NULL)
		return vmoon_fail(err, VMOON_E_NOMEM, 0,
				  "register map: out of memory");
	make_regs(body, spec);
	st = sort_elements(body, err);
	if (st != VMOON_OK) {
		vmoon_mem_free(mem, body, body->bytes);
		return st;
	}
	make_irq(body, spec);
	body->shape = shape_of(body);
	*out_body = body;
	return VMOON_OK;
}
