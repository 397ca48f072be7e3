/* SPDX-License-Identifier: MIT */
/* regmap.h - device kit: a device that is declared, register by register. */
#ifndef VMOON_REGMAP_H
#define VMOON_REGMAP_H

#include "vmoon/base.h"
#include "vmoon/device.h"
#include "vmoon/error.h"
#include "vmoon/mem.h"
#include "vmoon/state.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * An access of 1, 2, 4 or 8 bytes lies in one element, whatever its width is:
 * bytes that it does not touch stay and have no side effects. One that crosses
 * an element's end, or is where there is none, reads 0, changes nothing, and
 * counts as a guest's fault (WIDTH, REGISTER).
 *
 * A register map is data. Storing, masking, side effects of an access kind,
 * FIFOs and the interrupt are done here; hooks are called for what is left.
 * All calls come under the device's lock (device.h).
 */
struct vmoon_regmap;

enum {
	VMOON_REGMAP_REGS_MAX = 512,
	VMOON_REGMAP_FIELDS_MAX = 64,     /* of a register */
	VMOON_REGMAP_ELEMENTS_MAX = 4096, /* of all registers together */
	VMOON_REGMAP_FIFO_MAX = 65536,    /* values, of one register */
	VMOON_REGMAP_FIFOS_MAX = 262144,  /* depths of all of them together */
	VMOON_REGMAP_IRQ_OPS_MAX = 64,
	VMOON_REGMAP_IRQ_STACK = 16,
	VMOON_REGMAP_NAME_MAX = 64 /* bytes */
};
#define VMOON_REGMAP_WINDOW_MAX (UINT64_C(1) << 24) /* bytes */

/* What an access does to a register, or to one field of it. */
enum vmoon_reg_access {
	VMOON_REG_RW = 0,
	VMOON_REG_RO = 1,
	VMOON_REG_WO = 2,       /* reads 0 */
	VMOON_REG_W1C = 3,      /* a 1 clears the bit */
	VMOON_REG_W1S = 4,      /* a 1 sets the bit */
	VMOON_REG_RC = 5,       /* reading clears it; writes are ignored */
	VMOON_REG_W0C = 6,      /* a 0 clears the bit */
	VMOON_REG_W1_PULSE = 7, /* a 1 is seen by on_write, never stored */
	VMOON_REG_RW_ONCE = 8,  /* the first write after a reset counts */
	VMOON_REG_RESERVED = 9  /* reads 0, writes are ignored */
};

/* bits from first on; fields of a register do not overlap. */
struct vmoon_reg_field {
	const char *name;
	unsigned char first, bits;
	enum vmoon_reg_access access;
};

/*
 * count elements of width bytes each, stride bytes apart, the first at offset
 * at. Bits of no field have the register's own access; with fields those that
 * no field names are reserved. A register with a FIFO takes writes into one
 * queue and reads from another, each of depth values: the device's side is
 * vmoon_regmap_fifo_*. An access moves one value, whatever its width; one that
 * finds no room is lost and counts as a guest's fault (VALUE), one that finds
 * nothing reads 0. Such a register is RW, RO or WO, and so are its fields.
 */
struct vmoon_reg {
	const char *name; /* of no other register */
	uint64_t at;
	unsigned width; /* 1, 2, 4 or 8 */
	enum vmoon_reg_access access;
	uint64_t reset;
	uint32_t count, stride;
	uint32_t fifo_depth; /* 0: none; else count is 1 */
	bool has_on_read, has_on_write;
	const struct vmoon_reg_field *fields; /* borrowed for create */
	size_t field_count;
};

/* The interrupt as an expression in postfix order. */
enum vmoon_reg_irq_kind {
	VMOON_REG_IRQ_BITS = 0, /* push: any of mask in element of reg is set */
	VMOON_REG_IRQ_NOT = 1,
	VMOON_REG_IRQ_AND = 2,
	VMOON_REG_IRQ_OR = 3,
	VMOON_REG_IRQ_FIFO_IN = 4,  /* push: the driver's queue is not empty */
	VMOON_REG_IRQ_FIFO_OUT = 5, /* push: the device's queue is not empty */
	/* push: any bit of (value of reg & value of reg2), element 0 */
	VMOON_REG_IRQ_BOTH = 6
};
struct vmoon_reg_irq_op {
	enum vmoon_reg_irq_kind kind;
	uint16_t reg, reg2;
	uint32_t element;
	uint64_t mask;
};

struct vmoon_regmap_spec {
	size_t size;
	uint64_t window; /* bytes; registers lie inside and do not overlap */
	const struct vmoon_reg *regs;
	size_t reg_count;
	const struct vmoon_reg_irq_op *irq; /* irq_count of them; or none */
	size_t irq_count;
	bool is_edge; /* the interrupt: one set(true) each time it rises */
};

/*
 * What C does not know. read: *value is what is stored and can be replaced; its
 * bits above the register are cut off. What the look clears or takes out of a
 * FIFO is still there then, and stays when read gives false: such an access
 * reads all-ones.
 * write: now is what is stored after the access, with the pulses of it; of a
 * FIFO it is the value written, had it room or not. load gives a whole state or
 * changes nothing. All but read, write and destroy may be NULL; destroy frees
 * ctx.
 */
struct vmoon_regmap_hooks {
	bool (*read)(void *ctx, unsigned reg, uint32_t element,
		     uint64_t *value);
	void (*write)(void *ctx, unsigned reg, uint32_t element, uint64_t now,
		      uint64_t old);
	void (*reset)(void *ctx); /* the registers have been reset already */
	void (*save)(const void *ctx, struct vmoon_state_writer *w);
	enum vmoon_status (*load)(void *ctx, struct vmoon_state_reader *r,
				  struct vmoon_error *err);
	void (*destroy)(void *ctx);
	void *ctx; /* owned from a successful create on */
};

/* One access, for a log; name of the register at its offset, or NULL. */
struct vmoon_reg_access_note {
	uint64_t off, value;
	unsigned width;
	const char *name;
	uint32_t element;
	bool is_write;
};

struct vmoon_regmap_env {
	struct vmoon_mem *mem;
	struct vmoon_irq irq; /* set NULL: none */
	struct vmoon_guest_faults faults;
};

/*
 * spec is copied. E_CONFIG with what is wrong for a map that cannot be: the
 * caller checks for whom it reads, this is the last line. type is what a
 * snapshot is of, 1 to 32 bytes, copied.
 */
VMOON_API VMOON_STATUS vmoon_regmap_create(
	const char *type, const struct vmoon_regmap_spec *spec,
	const struct vmoon_regmap_env *env,
	const struct vmoon_regmap_hooks *hooks, struct vmoon_regmap **out_map,
	struct vmoon_error *err) VMOON_NONNULL(1, 2, 3, 4, 5);
/* The device, whose destroy frees the map. Borrowed. */
VMOON_API struct vmoon_device *vmoon_regmap_device(struct vmoon_regmap *map)
	VMOON_NONNULL(1);
VMOON_API struct vmoon_regmap *vmoon_regmap_of(struct vmoon_device *dev)
	VMOON_NONNULL(1);

/* ---- the device's side, under its lock ---- */

/* What is stored, hooks or not; 0 outside. Reading has no side effect. */
VMOON_API uint64_t vmoon_regmap_get(const struct vmoon_regmap *map,
				    unsigned reg, uint32_t element)
	VMOON_NONNULL(1);
/* Any bits, whatever the driver may do; the interrupt follows. */
VMOON_API void vmoon_regmap_set(struct vmoon_regmap *map, unsigned reg,
				uint32_t element, uint64_t value)
	VMOON_NONNULL(1);
/* A level besides that of irq_when (or'ed); for devices that drive it. */
VMOON_API void vmoon_regmap_irq(struct vmoon_regmap *map, bool level)
	VMOON_NONNULL(1);
/* False: full. The driver reads it. */
VMOON_API bool vmoon_regmap_fifo_put(struct vmoon_regmap *map, unsigned reg,
				     uint64_t value) VMOON_NONNULL(1);
/* False: empty. The driver has written it. */
VMOON_API bool vmoon_regmap_fifo_get(struct vmoon_regmap *map, unsigned reg,
				     uint64_t *out_value) VMOON_NONNULL(1, 3);
/* Values for the driver, and from it. */
VMOON_API uint32_t vmoon_regmap_fifo_len(const struct vmoon_regmap *map,
					 unsigned reg, bool is_from_driver)
	VMOON_NONNULL(1);
/*
 * From now on reads are all-ones, writes are ignored and the interrupt is low;
 * until reset if told.
 */
VMOON_API void vmoon_regmap_fail(struct vmoon_regmap *map, bool is_until_reset)
	VMOON_NONNULL(1);
VMOON_API bool vmoon_regmap_has_failed(const struct vmoon_regmap *map)
	VMOON_NONNULL(1);
/* Accesses that C answered alone and those that called a hook; refused: none.
 */
VMOON_API void vmoon_regmap_counts(const struct vmoon_regmap *map,
				   uint64_t *out_fast, uint64_t *out_hooked)
	VMOON_NONNULL(1, 2, 3);
/* fn is called after each access, refused ones too; NULL ends it. */
VMOON_API void vmoon_regmap_watch(
	struct vmoon_regmap *map,
	void (*fn)(void *ctx, const struct vmoon_reg_access_note *), void *ctx)
	VMOON_NONNULL(1);
/*
 * The same map for another spec, of the same window and is_edge (else E_CONFIG,
 * as for a map that cannot be): registers of the same name, width and count
 * keep their values, and what their FIFOs hold if it fits; others begin at
 * reset. Never from inside a hook. On failure nothing has changed.
 */
VMOON_API VMOON_STATUS vmoon_regmap_reload(struct vmoon_regmap *map,
					   const struct vmoon_regmap_spec *spec,
					   struct vmoon_error *err)
	VMOON_NONNULL(1, 2);

#ifdef __cplusplus
}
#endif

#endif
