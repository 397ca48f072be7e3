/* SPDX-License-Identifier: MIT */
/* regmap_plan.c - bytes as the spec of a register map, right or wrong. */
#include "tests/support/regmap_plan.h"

#include <string.h>

uint64_t plan_get(struct plan_input *in, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && in->len > 0; i++) {
		value |= (uint64_t)*in->data++ << (8 * i);
		in->len--;
	}
	return value;
}

unsigned plan_u8(struct plan_input *in)
{
	return (unsigned)plan_get(in, 1);
}

/* ---- a map from bytes ---- */

static const char *const names[MODEL_REGS] = {"R0", "R1", "R2", "R3",
					      "R4", "R5", "R6", "R7"};

/* For a queue: RW, RO or WO. */
static enum vmoon_reg_access get_access(struct plan_input *in, bool is_fifo)
{
	const unsigned kinds =
		is_fifo ? VMOON_REG_WO + 1 : VMOON_REG_RESERVED + 1;

	return (enum vmoon_reg_access)(plan_u8(in) % kinds);
}

static void parse_fields(struct plan_input *in, struct vmoon_reg *reg,
			 struct vmoon_reg_field *fields, unsigned count)
{
	unsigned next = 0;

	for (unsigned i = 0; i < count; i++) {
		const unsigned first = next + plan_u8(in) % 4;
		const unsigned bits = 1 + plan_u8(in) % 24;
		const enum vmoon_reg_access access =
			get_access(in, reg->fifo_depth > 0);

		if (first + bits > 8 * reg->width)
			continue;
		fields[reg->field_count++] = (struct vmoon_reg_field){
			"F", (unsigned char)first, (unsigned char)bits, access};
		next = first + bits;
	}
	reg->fields = fields;
}

/* how:u8 name:u8 access:u8 reset:u64 count:u8 stride:u8 depth:u8 gap:u8
 * fields:u8, then first:u8 bits:u8 access:u8 for each field. */
static uint64_t parse_reg(struct plan_input *in, struct regmap_plan *plan,
			  unsigned i, uint64_t at)
{
	struct vmoon_reg *reg = &plan->regs[i];
	const unsigned how = plan_u8(in);
	const bool is_fifo = (how & 0x30) == 0x30;

	*reg = (struct vmoon_reg){.width = 1u << (how & 3),
				  .has_on_read = (how & 4) != 0,
				  .has_on_write = (how & 8) != 0};
	/* Names differ, and a map to come has some of them again. */
	reg->name = names[(i + 4 * (plan_u8(in) & 1)) % MODEL_REGS];
	reg->access = get_access(in, is_fifo);
	reg->reset = plan_get(in, 8) & UINT64_MAX >> (64 - 8 * reg->width);
	reg->count =
		1 + (is_fifo ? 0 * plan_u8(in) : plan_u8(in)) % MODEL_ELEMENTS;
	reg->stride = reg->width + plan_u8(in) % 8;
	reg->fifo_depth =
		is_fifo ? 1 + plan_u8(in) % MODEL_DEPTH : 0 * plan_u8(in);
	reg->at = at + plan_u8(in) % 4;
	parse_fields(in, reg, plan->fields[i],
		     plan_u8(in) % (MODEL_FIELDS + 1));
	return reg->at + (uint64_t)(reg->count - 1) * reg->stride + reg->width;
}

/* One that has what it works on; returns the depth behind it. */
static unsigned fix_op(const struct regmap_plan *plan,
		       struct vmoon_reg_irq_op *op, unsigned depth)
{
	const struct vmoon_reg *reg;

	op->reg = (uint16_t)(op->reg % plan->spec.reg_count);
	op->reg2 = (uint16_t)(op->reg2 % plan->spec.reg_count);
	reg = &plan->regs[op->reg];
	op->element %= reg->count;
	switch (op->kind) {
	case VMOON_REG_IRQ_NOT:
		if (depth >= 1)
			return depth;
		break;
	case VMOON_REG_IRQ_AND:
	case VMOON_REG_IRQ_OR:
		if (depth >= 2)
			return depth - 1;
		break;
	case VMOON_REG_IRQ_FIFO_IN:
	case VMOON_REG_IRQ_FIFO_OUT:
		if (reg->fifo_depth > 0)
			return depth + 1;
		break;
	case VMOON_REG_IRQ_BOTH:
	case VMOON_REG_IRQ_BITS: return depth + 1;
	}
	op->kind = VMOON_REG_IRQ_BITS;
	return depth + 1;
}

/* kind:u8 reg:u8 reg2:u8 element:u8 mask:u8, a bit of it eight apart. */
static struct vmoon_reg_irq_op parse_op(struct plan_input *in)
{
	struct vmoon_reg_irq_op op = {
		.kind = (enum vmoon_reg_irq_kind)(plan_u8(in) %
						  (VMOON_REG_IRQ_BOTH + 1))};

	op.reg = (uint16_t)plan_u8(in);
	op.reg2 = (uint16_t)plan_u8(in);
	op.element = plan_u8(in);
	op.mask = UINT64_C(0x0101010101010101) * plan_u8(in);
	return op;
}

static void parse_irq(struct plan_input *in, struct regmap_plan *plan)
{
	const unsigned count = plan_u8(in) % (VMOON_REGMAP_IRQ_STACK + 1);
	unsigned depth = 0, at = 0;

	for (; at < count; at++) {
		plan->irq[at] = parse_op(in);
		depth = fix_op(plan, &plan->irq[at], depth);
	}
	for (; depth > 1; depth--) /* fewer than there were operations */
		plan->irq[at++].kind = VMOON_REG_IRQ_OR;
	plan->spec.irq = plan->irq;
	plan->spec.irq_count = at;
}

void regmap_plan_parse(struct plan_input *in, struct regmap_plan *plan,
		       uint64_t base, bool is_edge)
{
	uint64_t at = base;

	memset(plan, 0, sizeof(*plan));
	plan->spec.size = sizeof(plan->spec);
	plan->spec.window = base + PLAN_SPAN;
	plan->spec.is_edge = is_edge;
	plan->spec.regs = plan->regs;
	plan->spec.reg_count = 1 + plan_u8(in) % (MODEL_REGS / 2);
	for (unsigned i = 0; i < plan->spec.reg_count; i++)
		at = parse_reg(in, plan, i, at);
	parse_irq(in, plan);
}

/* Which part of a register is spoilt, by what:u8. */
static void spoil_reg(struct plan_input *in, struct vmoon_reg *reg)
{
	const unsigned what = plan_u8(in) % 9;
	const bool is_wild = (plan_u8(in) & 7) == 7;
	const uint64_t value = plan_get(in, is_wild ? 8 : 1);

	switch (what) {
	case 0: reg->width = (unsigned)(value % 10); break;
	case 1: reg->access = (enum vmoon_reg_access)(value % 11); break;
	case 2: reg->reset = value; break;
	case 3: reg->count = (uint32_t)(value & UINT32_MAX); break;
	case 4: reg->stride = (uint32_t)(value & UINT32_MAX); break;
	case 5: reg->fifo_depth = (uint32_t)(value & 0xffff); break;
	case 6: reg->at += value - 4; break;
	case 7: reg->name = names[value % MODEL_REGS]; break;
	default: reg->at = value; break;
	}
}

static void spoil_field(struct plan_input *in, struct vmoon_reg_field *field)
{
	const unsigned what = plan_u8(in) % 3;
	const unsigned value = plan_u8(in);

	if (what == 0)
		field->first = (unsigned char)value;
	else if (what == 1)
		field->bits = (unsigned char)value;
	else
		field->access = (enum vmoon_reg_access)(value % 11);
}

static void spoil_op(struct plan_input *in, struct vmoon_reg_irq_op *op)
{
	const unsigned what = plan_u8(in) % 4;
	const unsigned value = plan_u8(in);

	if (what == 0)
		op->kind = (enum vmoon_reg_irq_kind)(value % 8);
	else if (what == 1)
		op->reg = (uint16_t)(value * 257);
	else if (what == 2)
		op->reg2 = (uint16_t)value;
	else
		op->element = value;
}

/* what:u8 which:u8, and one of the above. */
static void spoil(struct plan_input *in, struct regmap_plan *plan)
{
	const unsigned what = plan_u8(in) % 8, which = plan_u8(in);
	const size_t i = which % plan->spec.reg_count;

	if (what == 0)
		plan->spec.window = plan_get(in, 2) % 0x2000;
	else if (what <= 2 && plan->regs[i].field_count > 0)
		spoil_field(in, &plan->fields[i][(which >> 4) %
						 plan->regs[i].field_count]);
	else if (what <= 4 && plan->spec.irq_count > 0)
		spoil_op(in, &plan->irq[which % plan->spec.irq_count]);
	else
		spoil_reg(in, &plan->regs[i]);
}

void regmap_plan_parse_spoilt(struct plan_input *in, struct regmap_plan *plan)
{
	const unsigned faults = plan_u8(in) % 4;

	regmap_plan_parse(in, plan, 0, false);
	for (unsigned i = 0; i < faults; i++)
		spoil(in, plan);
}

/* ---- whether a map can be ---- */

static bool fields_are_valid(const struct vmoon_reg *reg)
{
	bool is_taken[64] = {false};

	for (size_t i = 0; i < reg->field_count; i++) {
		const struct vmoon_reg_field *f = &reg->fields[i];

		if (f->bits == 0 || (unsigned)f->access > VMOON_REG_RESERVED)
			return false;
		for (unsigned b = f->first; b < f->first + f->bits; b++) {
			if (b >= 8 * reg->width || is_taken[b])
				return false;
			is_taken[b] = true;
		}
		if (reg->fifo_depth > 0 && f->access > VMOON_REG_WO)
			return false;
	}
	return true;
}

static bool reg_is_valid(const struct vmoon_reg *reg)
{
	const unsigned w = reg->width;

	if ((w != 1 && w != 2 && w != 4 && w != 8) || reg->count == 0 ||
	    (reg->count > 1 && reg->stride < w) ||
	    (unsigned)reg->access > VMOON_REG_RESERVED ||
	    (w < 8 && reg->reset >> (8 * w) != 0))
		return false;
	if (reg->fifo_depth > 0 &&
	    (reg->count != 1 ||
	     (reg->field_count == 0 && reg->access > VMOON_REG_WO)))
		return false;
	return fields_are_valid(reg);
}

static bool irq_is_valid(const struct vmoon_regmap_spec *spec)
{
	unsigned depth = 0;

	for (size_t i = 0; i < spec->irq_count; i++) {
		const struct vmoon_reg_irq_op *op = &spec->irq[i];
		const struct vmoon_reg *reg =
			op->reg < spec->reg_count ? &spec->regs[op->reg] : NULL;

		if (op->kind == VMOON_REG_IRQ_NOT) {
			if (depth < 1)
				return false;
			continue;
		}
		if (op->kind == VMOON_REG_IRQ_AND ||
		    op->kind == VMOON_REG_IRQ_OR) {
			if (depth < 2)
				return false;
			depth--;
			continue;
		}
		depth++;
		if (reg == NULL || depth > VMOON_REGMAP_IRQ_STACK ||
		    (unsigned)op->kind > VMOON_REG_IRQ_BOTH ||
		    (op->kind == VMOON_REG_IRQ_BITS &&
		     op->element >= reg->count) ||
		    (op->kind == VMOON_REG_IRQ_BOTH &&
		     op->reg2 >= spec->reg_count) ||
		    ((op->kind == VMOON_REG_IRQ_FIFO_IN ||
		      op->kind == VMOON_REG_IRQ_FIFO_OUT) &&
		     reg->fifo_depth == 0))
			return false;
	}
	return spec->irq_count == 0 || depth == 1;
}

/* No byte of the window has two owners, none is outside. */
static bool places_are_valid(const struct vmoon_regmap_spec *spec)
{
	bool is_taken[0x2000] = {false};

	for (size_t i = 0; i < spec->reg_count; i++)
		for (uint32_t k = 0; k < spec->regs[i].count; k++)
			for (unsigned b = 0; b < spec->regs[i].width; b++) {
				const uint64_t at =
					spec->regs[i].at +
					(uint64_t)k * spec->regs[i].stride + b;

				if (at >= spec->window ||
				    at >= sizeof(is_taken) || is_taken[at])
					return false;
				is_taken[at] = true;
			}
	return true;
}

bool regmap_plan_is_valid(const struct regmap_plan *plan)
{
	const struct vmoon_regmap_spec *spec = &plan->spec;

	for (size_t i = 0; i < spec->reg_count; i++) {
		if (!reg_is_valid(&spec->regs[i]))
			return false;
		for (size_t k = 0; k < i; k++)
			if (strcmp(spec->regs[i].name, spec->regs[k].name) == 0)
				return false;
	}
	return spec->window > 0 && places_are_valid(spec) && irq_is_valid(spec);
}
