/* SPDX-License-Identifier: MIT */
/* regmap_parts.h - what the files of a register map share. */
#ifndef VMOON_DEVICES_REGMAP_PARTS_H
#define VMOON_DEVICES_REGMAP_PARTS_H

#include "vmoon/regmap.h"

enum {
	REGMAP_NONE = 0xffff, /* no element at this offset */
	REGMAP_TABLE_MAX =
		65536, /* bytes of a map that are looked up at once */
	REGMAP_TYPE_MAX = 32
};

/* What happens to which bits: one bit has one kind, others are reserved. */
struct regmap_masks {
	uint64_t readable, writable; /* stored as written, once ones too */
	uint64_t once, w1c, w1s, w0c, pulse, rc;
};

/* Two rings of depth values; `in` is what the driver wrote. */
struct regmap_fifo {
	uint64_t *in, *out; /* in the map's block */
	uint32_t depth;
	uint32_t in_head, in_len, out_head, out_len;
};

struct regmap_reg {
	char name[VMOON_REGMAP_NAME_MAX + 1];
	uint64_t at, reset, width_mask;
	struct regmap_masks masks;
	unsigned width;
	uint32_t count, stride, first; /* element */
	bool has_on_read, has_on_write, is_in_irq, is_plain;
	struct regmap_fifo fifo;
};

/* What one access looks at, beside each other. */
struct regmap_element {
	uint64_t value;
	uint64_t written_once; /* bits of once that are spent */
	uint32_t at, index;
	uint16_t reg;
	unsigned char width;
};

/* What a spec makes, apart from the device itself: one block of memory. */
struct regmap_body {
	size_t bytes; /* of the block */
	uint64_t window;
	struct regmap_reg *regs;
	struct regmap_element *elements; /* by address */
	uint32_t *by_reg; /* element of a register: by_reg[first + index] */
	uint16_t *table;  /* offset -> element; table_len of them */
	struct vmoon_reg_irq_op *irq;
	uint64_t *fifo_values;
	size_t reg_count, element_count, table_len, irq_count;
	bool is_edge;
};

struct vmoon_regmap {
	struct vmoon_device dev;
	struct regmap_body *body; /* owned */
	struct vmoon_regmap_env env;
	struct vmoon_regmap_hooks hooks; /* ctx is owned */
	void (*watch)(void *ctx, const struct vmoon_reg_access_note *note);
	void *watch_ctx;
	uint64_t fast, hooked;
	bool is_manual, is_up; /* the line: driven by hand, and as it is */
	bool has_failed, is_until_reset;
	char type[REGMAP_TYPE_MAX + 1];
};

/* E_CONFIG, with the register's name, for a spec that cannot be. */
VMOON_STATUS vmoon_regmap_check(const struct vmoon_regmap_spec *spec,
				struct vmoon_error *err) VMOON_NONNULL(1);
/* Of a checked spec, at reset values; E_NOMEM, E_CONFIG (overlaps). */
VMOON_STATUS vmoon_regmap_build(struct vmoon_mem *mem,
				const struct vmoon_regmap_spec *spec,
				struct regmap_body **out_body,
				struct vmoon_error *err) VMOON_NONNULL(2, 3);

/* The line follows the registers again. */
void vmoon_regmap_update(struct vmoon_regmap *map) VMOON_NONNULL(1);
void vmoon_regmap_save(const struct vmoon_regmap *map,
		       struct vmoon_state_writer *w) VMOON_NONNULL(1, 2);
VMOON_STATUS vmoon_regmap_load(struct vmoon_regmap *map,
			       struct vmoon_state_reader *r,
			       struct vmoon_error *err) VMOON_NONNULL(1, 2);

#endif
