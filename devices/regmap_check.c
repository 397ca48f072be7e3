/* SPDX-License-Identifier: MIT */
/* regmap_check.c - whether a register map can be, before anything is made. */
#include "regmap_parts.h"

#include <inttypes.h>
#include <string.h>

static uint64_t bits_mask(unsigned bits)
{
	return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

static bool is_width(unsigned width)
{
	return width == 1 || width == 2 || width == 4 || width == 8;
}

static bool is_name(const char *name)
{
	return name != NULL && name[0] != '\0' &&
	       strlen(name) <= VMOON_REGMAP_NAME_MAX;
}

static enum vmoon_status check_fields(const struct vmoon_reg *reg,
				      struct vmoon_error *err)
{
	const unsigned width_bits = 8 * reg->width;
	uint64_t taken = 0;

	if (reg->field_count > VMOON_REGMAP_FIELDS_MAX ||
	    (reg->field_count > 0 && reg->fields == NULL))
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s: a register has at most %d fields",
				  reg->name, VMOON_REGMAP_FIELDS_MAX);
	for (size_t i = 0; i < reg->field_count; i++) {
		const struct vmoon_reg_field *f = &reg->fields[i];
		uint64_t mask;

		if (!is_name(f->name) || f->bits == 0 || f->bits > width_bits ||
		    f->first > width_bits - f->bits ||
		    (unsigned)f->access > VMOON_REG_RESERVED)
			return vmoon_fail(err, VMOON_E_CONFIG, 0,
					  "%s: field %zu has no name, no known "
					  "access or no place in the register",
					  reg->name, i + 1);
		mask = bits_mask(f->bits) << f->first;
		if ((taken & mask) != 0)
			return vmoon_fail(err, VMOON_E_CONFIG, 0,
					  "%s: field %s overlaps another",
					  reg->name, f->name);
		taken |= mask;
	}
	return VMOON_OK;
}

/* Where its elements lie. */
static enum vmoon_status check_place(const struct vmoon_reg *reg,
				     uint64_t window, struct vmoon_error *err)
{
	uint64_t last;

	if (reg->count == 0 || reg->count > VMOON_REGMAP_ELEMENTS_MAX ||
	    (reg->count > 1 && reg->stride < reg->width))
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s: it has 1 to %d elements, each at least "
				  "its width from the next",
				  reg->name, VMOON_REGMAP_ELEMENTS_MAX);
	last = (uint64_t)(reg->count - 1) * reg->stride; /* below 2^44 */
	if (reg->at > window || last > window - reg->at ||
	    reg->width > window - reg->at - last)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s: it ends outside of the window of "
				  "%#" PRIx64 " bytes",
				  reg->name, window);
	return VMOON_OK;
}

/* A queue has no bits to clear. */
static bool is_for_fifo(enum vmoon_reg_access access)
{
	return access == VMOON_REG_RW || access == VMOON_REG_RO ||
	       access == VMOON_REG_WO;
}

static enum vmoon_status check_fifo(const struct vmoon_reg *reg,
				    struct vmoon_error *err)
{
	bool is_kind = reg->field_count > 0 || is_for_fifo(reg->access);

	if (reg->fifo_depth == 0)
		return VMOON_OK;
	if (reg->fifo_depth > VMOON_REGMAP_FIFO_MAX || reg->count != 1)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s: a FIFO has at most %d values and is no "
				  "array",
				  reg->name, VMOON_REGMAP_FIFO_MAX);
	for (size_t i = 0; i < reg->field_count; i++)
		is_kind = is_kind && is_for_fifo(reg->fields[i].access);
	if (!is_kind)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s: a FIFO, and each field of it, is read, "
				  "written or both",
				  reg->name);
	return VMOON_OK;
}

static enum vmoon_status check_reg(const struct vmoon_regmap_spec *spec,
				   size_t i, struct vmoon_error *err)
{
	const struct vmoon_reg *reg = &spec->regs[i];
	enum vmoon_status st;

	if (!is_name(reg->name))
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "register %zu: its name has 1 to %d bytes",
				  i + 1, VMOON_REGMAP_NAME_MAX);
	if (!is_width(reg->width))
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s: its width is 1, 2, 4 or 8 bytes",
				  reg->name);
	if ((unsigned)reg->access > VMOON_REG_RESERVED)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s: an access of no known kind", reg->name);
	if ((reg->reset & ~bits_mask(8 * reg->width)) != 0)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "%s: its reset value has more than %u bytes",
				  reg->name, reg->width);
	st = check_place(reg, spec->window, err);
	if (st == VMOON_OK)
		st = check_fields(reg, err);
	return st != VMOON_OK ? st : check_fifo(reg, err);
}

/* What registers are to each other; overlaps are found when they are sorted. */
static enum vmoon_status check_sums(const struct vmoon_regmap_spec *spec,
				    struct vmoon_error *err)
{
	uint64_t elements = 0, values = 0;

	for (size_t i = 0; i < spec->reg_count; i++) {
		for (size_t k = 0; k < i; k++)
			if (strcmp(spec->regs[k].name, spec->regs[i].name) == 0)
				return vmoon_fail(err, VMOON_E_CONFIG, 0,
						  "%s: two registers have that "
						  "name",
						  spec->regs[i].name);
		elements += spec->regs[i].count; /* below 2^21 */
		values += spec->regs[i].fifo_depth;
		if (values > VMOON_REGMAP_FIFOS_MAX)
			return vmoon_fail(err, VMOON_E_CONFIG, 0,
					  "%s: FIFOs have at most %d values "
					  "together",
					  spec->regs[i].name,
					  VMOON_REGMAP_FIFOS_MAX);
		if (elements > VMOON_REGMAP_ELEMENTS_MAX)
			return vmoon_fail(err, VMOON_E_CONFIG, 0,
					  "%s: registers have at most %d "
					  "elements together",
					  spec->regs[i].name,
					  VMOON_REGMAP_ELEMENTS_MAX);
	}
	return VMOON_OK;
}

/* An operation's registers, and what it does to the depth of the stack. */
static bool op_fits(const struct vmoon_regmap_spec *spec,
		    const struct vmoon_reg_irq_op *op, unsigned *depth)
{
	const bool is_reg = op->reg < spec->reg_count;

	switch (op->kind) {
	case VMOON_REG_IRQ_BITS:
		if (!is_reg || op->element >= spec->regs[op->reg].count)
			return false;
		break;
	case VMOON_REG_IRQ_BOTH:
		if (!is_reg || op->reg2 >= spec->reg_count)
			return false;
		break;
	case VMOON_REG_IRQ_FIFO_IN:
	case VMOON_REG_IRQ_FIFO_OUT:
		if (!is_reg || spec->regs[op->reg].fifo_depth == 0)
			return false;
		break;
	case VMOON_REG_IRQ_NOT: return *depth >= 1;
	case VMOON_REG_IRQ_AND:
	case VMOON_REG_IRQ_OR:
		if (*depth < 2)
			return false;
		--*depth;
		return true;
	default: return false;
	}
	return ++*depth <= VMOON_REGMAP_IRQ_STACK;
}

static enum vmoon_status check_irq(const struct vmoon_regmap_spec *spec,
				   struct vmoon_error *err)
{
	unsigned depth = 0;

	if (spec->irq_count > VMOON_REGMAP_IRQ_OPS_MAX ||
	    (spec->irq_count > 0 && spec->irq == NULL))
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "interrupt: at most %d operations",
				  VMOON_REGMAP_IRQ_OPS_MAX);
	for (size_t i = 0; i < spec->irq_count; i++)
		if (!op_fits(spec, &spec->irq[i], &depth))
			return vmoon_fail(err, VMOON_E_CONFIG, 0,
					  "interrupt: operation %zu has no "
					  "register, or no values, to work on",
					  i + 1);
	if (spec->irq_count > 0 && depth != 1)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "interrupt: %u values are left, not one",
				  depth);
	return VMOON_OK;
}

enum vmoon_status vmoon_regmap_check(const struct vmoon_regmap_spec *spec,
				     struct vmoon_error *err)
{
	enum vmoon_status st;

	if (spec->size < sizeof(*spec))
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "register map: size is not set");
	if (spec->window == 0 || spec->window > VMOON_REGMAP_WINDOW_MAX)
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "register map: its window has 1 to %#" PRIx64
				  " bytes",
				  VMOON_REGMAP_WINDOW_MAX);
	if (spec->reg_count > VMOON_REGMAP_REGS_MAX ||
	    (spec->reg_count > 0 && spec->regs == NULL))
		return vmoon_fail(err, VMOON_E_CONFIG, 0,
				  "register map: at most %d registers",
				  VMOON_REGMAP_REGS_MAX);
	for (size_t i = 0; i < spec->reg_count; i++) {
		st = check_reg(spec, i, err);
		if (st != VMOON_OK)
			return st;
	}
	st = check_sums(spec, err);
	return st != VMOON_OK ? st : check_irq(spec, err);
}
