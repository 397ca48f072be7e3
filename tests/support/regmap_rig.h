/* SPDX-License-Identifier: MIT */
/* regmap_rig.h - a map with a register of each kind among recorders. */
#ifndef VMOON_TESTS_REGMAP_RIG_H
#define VMOON_TESTS_REGMAP_RIG_H

#include "tests/support/fixture.h"

#include <stdlib.h>
#include <string.h>

#include "vmoon/regmap.h"

enum {
	RW,
	RO,
	WO,
	W1C,
	W1S,
	RC,
	W0C,
	PULSE,
	ONCE,
	RSVD,
	MIXED,
	ARRAY,
	FIFO,
	HOOKED,
	BYTE,
	WIDE,
	REGS
};

static const struct vmoon_reg_field mixed[] = {
	{"RUN", 0, 1, VMOON_REG_RW},
	{"DONE", 1, 1, VMOON_REG_W1C},
	{"GO", 2, 1, VMOON_REG_W1_PULSE},
	{"KIND", 8, 8, VMOON_REG_RO},
};

#define REG(i, n, off, kind, init) \
	[i] = {.name = (n),        \
	       .at = (off),        \
	       .width = 4,         \
	       .access = (kind),   \
	       .reset = (init),    \
	       .count = 1}

static const struct vmoon_reg regs[REGS] = {
	REG(RW, "RW", 0x00, VMOON_REG_RW, 0x11223344),
	REG(RO, "RO", 0x04, VMOON_REG_RO, 0x55667788),
	REG(WO, "WO", 0x08, VMOON_REG_WO, 7),
	REG(W1C, "W1C", 0x0c, VMOON_REG_W1C, 0xff),
	REG(W1S, "W1S", 0x10, VMOON_REG_W1S, 0x0f),
	REG(RC, "RC", 0x14, VMOON_REG_RC, 0xa5),
	REG(W0C, "W0C", 0x18, VMOON_REG_W0C, 0xff),
	REG(PULSE, "PULSE", 0x1c, VMOON_REG_W1_PULSE, 0),
	REG(ONCE, "ONCE", 0x20, VMOON_REG_RW_ONCE, 1),
	REG(RSVD, "RSVD", 0x24, VMOON_REG_RESERVED, 0),
	[MIXED] = {.name = "MIXED",
		   .at = 0x28,
		   .width = 4,
		   .reset = 0x4202,
		   .count = 1,
		   .has_on_write = true,
		   .fields = mixed,
		   .field_count = 4},
	[ARRAY] = {.name = "ARRAY",
		   .at = 0x40,
		   .width = 2,
		   .reset = 9,
		   .count = 4,
		   .stride = 8},
	[FIFO] = {.name = "FIFO",
		  .at = 0x60,
		  .width = 1,
		  .count = 1,
		  .fifo_depth = 3},
	[HOOKED] = {.name = "HOOKED",
		    .at = 0x64,
		    .width = 4,
		    .count = 1,
		    .has_on_read = true,
		    .has_on_write = true},
	[BYTE] = {.name = "BYTE", .at = 0x68, .width = 1, .count = 1},
	[WIDE] = {.name = "WIDE", .at = 0x70, .width = 8, .count = 1},
};
static const struct vmoon_reg_irq_op irq[] = {
	{VMOON_REG_IRQ_BITS, W1C, 0, 0, 0x100},
	{VMOON_REG_IRQ_BITS, MIXED, 0, 0, 1},
	{VMOON_REG_IRQ_AND, 0, 0, 0, 0},
	{VMOON_REG_IRQ_FIFO_IN, FIFO, 0, 0, 0},
	{VMOON_REG_IRQ_OR, 0, 0, 0, 0},
};

struct regmap_rig {
	struct vmoon_regmap *map;
	struct vmoon_device *dev;
	unsigned sets, faults, reads, writes, resets, destroyed;
	bool level, is_broken;
	enum vmoon_guest_fault_kind fault;
	uint64_t where, now, old, answer;
	unsigned reg;
	uint64_t extra; /* the device's own, in snapshots */
	bool refuses_load;
};

static inline void set_irq(void *ctx, bool level)
{
	struct regmap_rig *r = ctx;

	r->sets++;
	r->level = level;
}

static inline void note_fault(void *ctx, enum vmoon_guest_fault_kind fault,
			      uint64_t where)
{
	struct regmap_rig *r = ctx;

	r->faults++;
	r->fault = fault;
	r->where = where;
}

static inline bool hook_read(void *ctx, unsigned reg, uint32_t element,
			     uint64_t *value)
{
	struct regmap_rig *r = ctx;

	assert_int_equal(element, 0);
	r->reads++;
	r->reg = reg;
	*value = r->answer;
	return !r->is_broken;
}

static inline void hook_write(void *ctx, unsigned reg, uint32_t element,
			      uint64_t now, uint64_t old)
{
	struct regmap_rig *r = ctx;

	assert_int_equal(element, 0);
	r->writes++;
	r->reg = reg;
	r->now = now;
	r->old = old;
}

static inline void hook_reset(void *ctx)
{
	((struct regmap_rig *)ctx)->resets++;
}

static inline void hook_save(const void *ctx, struct vmoon_state_writer *w)
{
	vmoon_state_put(w, ((const struct regmap_rig *)ctx)->extra, 8);
}

static inline enum vmoon_status hook_load(void *ctx,
					  struct vmoon_state_reader *r,
					  struct vmoon_error *err)
{
	struct regmap_rig *rig = ctx;
	const uint64_t extra = vmoon_state_get(r, 8);

	if (r->is_bad || rig->refuses_load)
		return vmoon_fail(err, VMOON_E_IMAGE, 0, "not mine");
	rig->extra = extra;
	return VMOON_OK;
}

static inline void hook_destroy(void *ctx)
{
	((struct regmap_rig *)ctx)->destroyed++;
}

static inline struct vmoon_regmap_spec whole_spec(void)
{
	struct vmoon_regmap_spec spec = {.size = sizeof(spec)};

	spec.window = 0x100;
	spec.regs = regs;
	spec.reg_count = REGS;
	spec.irq = irq;
	spec.irq_count = VMOON_COUNTOF(irq);
	return spec;
}

static inline enum vmoon_status make(struct regmap_rig *r,
				     struct vmoon_mem *mem,
				     const struct vmoon_regmap_spec *spec,
				     struct vmoon_error *err)
{
	const struct vmoon_regmap_env env = {
		.mem = mem, .irq = {set_irq, r}, .faults = {note_fault, r}};
	const struct vmoon_regmap_hooks hooks = {
		hook_read, hook_write,   hook_reset, hook_save,
		hook_load, hook_destroy, r};

	return vmoon_regmap_create("test", spec, &env, &hooks, &r->map, err);
}

static inline int setup(void **state)
{
	struct regmap_rig *r = calloc(1, sizeof(*r));
	const struct vmoon_regmap_spec spec = whole_spec();

	assert_int_equal(make(r, NULL, &spec, NULL), VMOON_OK);
	r->dev = vmoon_regmap_device(r->map);
	*state = r;
	return 0;
}

static inline int teardown(void **state)
{
	struct regmap_rig *r = *state;

	r->dev->ops->destroy(r->dev);
	assert_int_equal(r->destroyed, 1);
	free(r);
	return 0;
}

static inline uint64_t rd(struct regmap_rig *r, uint64_t off, unsigned size)
{
	return r->dev->ops->read(r->dev, off, size);
}

static inline void wr(struct regmap_rig *r, uint64_t off, unsigned size,
		      uint64_t val)
{
	r->dev->ops->write(r->dev, off, size, val);
}

static inline size_t save(struct regmap_rig *r, unsigned char *buf, size_t size)
{
	struct vmoon_state_writer w = {.buf = buf, .size = size};

	r->dev->ops->save(r->dev, &w);
	assert_false(w.is_overflow);
	return w.len;
}

static inline enum vmoon_status load(struct regmap_rig *r,
				     const unsigned char *buf, size_t len)
{
	struct vmoon_state_reader in = {.buf = buf, .size = len};

	return r->dev->ops->load(r->dev, &in, NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
