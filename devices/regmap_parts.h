/* SPDX-License-Identifier: MIT */
/* regmap_parts.h - what the files of a register map share. */
#ifndef VMOON_DEVICES_REGMAP_PARTS_H
#define VMOON_DEVICES_REGMAP_PARTS_H

#include "vmoon/regmap.h"

enum {
	REGMAP_NONE = 0xffff,     /* no element at this offset */
	REGMAP_TABLE_MAX = 65536, /* bytes that are looked up at once */
	REGMAP_TYPE_MAX = 32
};

/* What happens to which bits: one bit has one kind, others are reserved. */
struct regmap_masks {
	uint64_t readable, writable; /* stored as written, once ones too */
	uint64_t once, w1c, w1s, w0c, pulse, rc;
};

/* Values behind each other, the oldest at head. */
struct regmap_ring {
	uint64_t *values; /* in the body's block; the FIFO's depth of them */
	uint32_t head, len;
};

struct regmap_fifo {
	struct regmap_ring in, out; /* in: what the driver wrote */
	uint32_t depth;             /* 0: there is none */
	bool is_in_irq;
};

struct regmap_reg {
	char name[VMOON_REGMAP_NAME_MAX + 1];
	uint64_t at, reset, width_mask;
	struct regmap_masks masks;
	unsigned width;
	uint32_t count, stride, first; /* element */
	bool has_on_read, has_on_write;
	struct regmap_fifo fifo;
};

/*
 * What one access looks at, beside each other. Plain is a register to read, or
 * to write, when no more happens than that bits of it are; a write may change
 * irq_bits all the same.
 */
struct regmap_element {
	uint64_t value;
	uint64_t readable, writable; /* of masks */
	uint64_t irq_bits;           /* on which the interrupt depends */
	uint64_t written_once;       /* bits of once that are spent */
	uint32_t at, index;
	uint16_t reg;
	unsigned char width;
	bool is_read_plain, is_write_plain;
};

/* An operation whose elements, or whose FIFO's register, have been found. */
struct regmap_irq_op {
	enum vmoon_reg_irq_kind kind;
	uint32_t a, b;
	uint64_t mask;
};

/* What a spec makes, apart from the device itself: one block of memory. */
struct regmap_body {
	size_t bytes; /* of the block */
	uint64_t window;
	uint64_t shape; /* a hash of what a snapshot depends on */
	struct regmap_reg *regs;
	struct regmap_element *elements; /* by address */
	uint32_t *by_reg; /* element of a register: by_reg[first + index] */
	uint16_t *table;  /* offset -> element; table_len of them, or none */
	struct regmap_irq_op *irq;
	uint64_t *fifo_values;
	size_t reg_count, element_count, table_len, irq_count;
	bool is_edge;
};

struct vmoon_regmap {
	struct vmoon_device dev;
	/* The body's, for an access; fast_len: 0 when none may be short. */
	struct regmap_element *elements;
	const uint16_t *table;
	size_t fast_len;
	uint64_t fast, hooked;
	struct regmap_body *body; /* owned */
	struct vmoon_regmap_env env;
	struct vmoon_regmap_hooks hooks; /* ctx is owned */
	void (*watch)(void *ctx, const struct vmoon_reg_access_note *note);
	void *watch_ctx;
	bool is_manual, is_up; /* the line: driven by hand, and as it is */
	bool has_failed, is_until_reset;
	char type[REGMAP_TYPE_MAX + 1];
};

/* The one way back from the device. */
static inline struct vmoon_regmap *regmap_of(struct vmoon_device *dev)
{
	return VMOON_CONTAINER_OF(dev, struct vmoon_regmap, dev);
}

/* False: it is full. */
static inline bool regmap_ring_put(struct regmap_ring *ring, uint32_t depth,
				   uint64_t value)
{
	if (ring->len >= depth)
		return false;
	ring->values[(ring->head + ring->len) % depth] = value;
	ring->len++;
	return true;
}

/* False: it is empty. */
static inline bool regmap_ring_get(struct regmap_ring *ring, uint32_t depth,
				   uint64_t *out_value)
{
	if (ring->len == 0)
		return false;
	*out_value = ring->values[ring->head];
	ring->head = (ring->head + 1) % depth;
	ring->len--;
	return true;
}

/* E_CONFIG, with the register's name, for a spec that cannot be. */
VMOON_STATUS vmoon_regmap_check(const struct vmoon_regmap_spec *spec,
				struct vmoon_error *err) VMOON_NONNULL(1);
/* Of a checked spec, at reset values; E_NOMEM, E_CONFIG (overlaps). */
VMOON_STATUS vmoon_regmap_build(struct vmoon_mem *mem,
				const struct vmoon_regmap_spec *spec,
				struct regmap_body **out_body,
				struct vmoon_error *err) VMOON_NONNULL(2, 3);

/* body is the map's from now on. */
void vmoon_regmap_use(struct vmoon_regmap *map, struct regmap_body *body)
	VMOON_NONNULL(1, 2);
/* After has_failed or watch has changed. */
void vmoon_regmap_choose(struct vmoon_regmap *map) VMOON_NONNULL(1);
/* The line follows the registers again. */
void vmoon_regmap_update(struct vmoon_regmap *map) VMOON_NONNULL(1);
uint64_t vmoon_regmap_read(struct vmoon_device *dev, uint64_t off,
			   unsigned size) VMOON_NONNULL(1);
void vmoon_regmap_write(struct vmoon_device *dev, uint64_t off, unsigned size,
			uint64_t val) VMOON_NONNULL(1);
void vmoon_regmap_save(const struct vmoon_regmap *map,
		       struct vmoon_state_writer *w) VMOON_NONNULL(1, 2);
VMOON_STATUS vmoon_regmap_load(struct vmoon_regmap *map,
			       struct vmoon_state_reader *r,
			       struct vmoon_error *err) VMOON_NONNULL(1, 2);

#endif
