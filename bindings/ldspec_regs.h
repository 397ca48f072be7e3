/* SPDX-License-Identifier: MIT */
/* ldspec_regs.h - registers of a device file while they are checked. */
#ifndef VMOON_BINDINGS_LDSPEC_REGS_H
#define VMOON_BINDINGS_LDSPEC_REGS_H

#include "ldcheck.h"

/* One of them. What has a problem is still there for others to name. */
struct vmoon_ldreg {
	struct vmoon_reg reg;
	struct vmoon_ldspec_reg hook;
	const char *irq_when; /* or NULL */
	bool has_place;       /* at, width and array are good */
	bool is_bad;          /* fields may be missing here */
	bool has_overlap;     /* and it was said */
};

uint64_t vmoon_ldreg_mask(unsigned first, unsigned bits);
/* Bits that a write of the driver's can change or is seen in. */
bool vmoon_ldreg_takes_writes(enum vmoon_reg_access access);
bool vmoon_ldreg_gives_reads(enum vmoon_reg_access access);
/* Bits that are kept, so that an interrupt can depend on them. */
bool vmoon_ldreg_keeps(enum vmoon_reg_access access);
/* "w1-pulse" */
const char *vmoon_ldreg_access_name(enum vmoon_reg_access access, char out[16]);

/* ldspec_fields.c: the field tables of one register; its reset. */
void vmoon_ldspec_check_fields(struct vmoon_ldcheck *c, int idx,
			       struct vmoon_ldreg *r);

/* ldspec_place.c: inside of the window, and in nobody else's place. */
void vmoon_ldspec_check_places(struct vmoon_ldcheck *c,
			       struct vmoon_ldreg *regs, size_t count);

/* ldspec_irq.c: expressions of registers, or'ed into one program. */
struct vmoon_ldirq {
	struct vmoon_ldcheck *c;
	const struct vmoon_ldreg *regs;
	size_t reg_count;
	struct vmoon_reg_irq_op ops[VMOON_REGMAP_IRQ_OPS_MAX];
	size_t count;
};
/* Problems are said at the current path, with the column in the text. */
void vmoon_ldirq_add(struct vmoon_ldirq *irq, const char *text);

#endif
