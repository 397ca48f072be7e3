/* SPDX-License-Identifier: MIT */
/* regmap_plan.h - bytes as the spec of a register map, right or wrong. */
#ifndef VMOON_TESTS_REGMAP_PLAN_H
#define VMOON_TESTS_REGMAP_PLAN_H

#include "vmoon/regmap.h"

enum {
	MODEL_REGS = 8,
	MODEL_ELEMENTS = 4, /* of a register */
	MODEL_FIELDS = 4,
	MODEL_DEPTH = 4,
	MODEL_IRQ_OPS = 32,
	PLAN_SPAN = 0x400 /* of a map, beyond its first byte */
};

/* A spec and all that it points to; never copied. */
struct regmap_plan {
	struct vmoon_regmap_spec spec;
	struct vmoon_reg regs[MODEL_REGS];
	struct vmoon_reg_field fields[MODEL_REGS][MODEL_FIELDS];
	struct vmoon_reg_irq_op irq[MODEL_IRQ_OPS];
};

/* Borrowed bytes; past their end there are zeroes. */
struct plan_input {
	const uint8_t *data;
	size_t len;
};

uint64_t plan_get(struct plan_input *in, unsigned bytes);
unsigned plan_u8(struct plan_input *in);

/* A map that can be, from any bytes; base is where it begins. */
void regmap_plan_parse(struct plan_input *in, struct regmap_plan *plan,
		       uint64_t base, bool is_edge);
/* A map in which some things are spoilt, or none. */
void regmap_plan_parse_spoilt(struct plan_input *in, struct regmap_plan *plan);
/* Whether there can be a map of it, byte by byte of its window. */
bool regmap_plan_is_valid(const struct regmap_plan *plan);

#endif
