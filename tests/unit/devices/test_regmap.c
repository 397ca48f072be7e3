/* SPDX-License-Identifier: MIT */
/* test_regmap.c - declared registers: what an access does, by its kind. */
#include "tests/support/fake_host.h"
#include "tests/support/fixture.h"
#include "vmoon/regmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

struct rig {
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

static void set_irq(void *ctx, bool level)
{
	struct rig *r = ctx;

	r->sets++;
	r->level = level;
}

static void note_fault(void *ctx, enum vmoon_guest_fault_kind fault,
		       uint64_t where)
{
	struct rig *r = ctx;

	r->faults++;
	r->fault = fault;
	r->where = where;
}

static bool hook_read(void *ctx, unsigned reg, uint32_t element,
		      uint64_t *value)
{
	struct rig *r = ctx;

	assert_int_equal(element, 0);
	r->reads++;
	r->reg = reg;
	*value = r->answer;
	return !r->is_broken;
}

static void hook_write(void *ctx, unsigned reg, uint32_t element, uint64_t now,
		       uint64_t old)
{
	struct rig *r = ctx;

	assert_int_equal(element, 0);
	r->writes++;
	r->reg = reg;
	r->now = now;
	r->old = old;
}

static void hook_reset(void *ctx)
{
	((struct rig *)ctx)->resets++;
}

static void hook_save(const void *ctx, struct vmoon_state_writer *w)
{
	vmoon_state_put(w, ((const struct rig *)ctx)->extra, 8);
}

static enum vmoon_status hook_load(void *ctx, struct vmoon_state_reader *r,
				   struct vmoon_error *err)
{
	struct rig *rig = ctx;
	const uint64_t extra = vmoon_state_get(r, 8);

	if (r->is_bad || rig->refuses_load)
		return vmoon_fail(err, VMOON_E_IMAGE, 0, "not mine");
	rig->extra = extra;
	return VMOON_OK;
}

static void hook_destroy(void *ctx)
{
	((struct rig *)ctx)->destroyed++;
}

static struct vmoon_regmap_spec whole_spec(void)
{
	struct vmoon_regmap_spec spec = {.size = sizeof(spec)};

	spec.window = 0x100;
	spec.regs = regs;
	spec.reg_count = REGS;
	spec.irq = irq;
	spec.irq_count = VMOON_COUNTOF(irq);
	return spec;
}

static enum vmoon_status make(struct rig *r, struct vmoon_mem *mem,
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

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	const struct vmoon_regmap_spec spec = whole_spec();

	assert_int_equal(make(r, NULL, &spec, NULL), VMOON_OK);
	r->dev = vmoon_regmap_device(r->map);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	r->dev->ops->destroy(r->dev);
	assert_int_equal(r->destroyed, 1);
	free(r);
	return 0;
}

static uint64_t rd(struct rig *r, uint64_t off, unsigned size)
{
	return r->dev->ops->read(r->dev, off, size);
}

static void wr(struct rig *r, uint64_t off, unsigned size, uint64_t val)
{
	r->dev->ops->write(r->dev, off, size, val);
}

static void test_regmap__each_kind_does_what_its_name_says(void **state)
{
	static const struct {
		uint64_t off, first, write, second;
	} rows[] = {
		{0x00, 0x11223344, 0xdeadbeef, 0xdeadbeef},
		{0x04, 0x55667788, 0xdeadbeef, 0x55667788},
		{0x08, 0, 0xdeadbeef, 0},
		{0x0c, 0xff, 0x0f, 0xf0},
		{0x10, 0x0f, 0xf0, 0xff},
		{0x14, 0xa5, 0xff, 0},
		{0x18, 0xff, 0xf0, 0xf0},
		{0x1c, 0, 0xff, 0},
		{0x20, 1, 0x55, 0x55},
		{0x24, 0, 0xff, 0},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(rows); i++) {
		assert_int_equal(rd(r, rows[i].off, 4), rows[i].first);
		wr(r, rows[i].off, 4, rows[i].write);
		assert_int_equal(rd(r, rows[i].off, 4), rows[i].second);
	}
	wr(r, 0x20, 4, 0x77); /* once */
	assert_int_equal(rd(r, 0x20, 4), 0x55);
	assert_int_equal(vmoon_regmap_get(r->map, WO, 0), 0xdeadbeef);
	assert_int_equal(r->faults, 0);
	assert_int_equal(r->reads + r->writes, 0);
}

static void test_regmap__bytes_that_are_not_touched_stay(void **state)
{
	struct rig *r = *state;

	wr(r, 0x01, 1, 0xab);
	assert_int_equal(rd(r, 0x00, 4), 0x1122ab44);
	assert_int_equal(rd(r, 0x02, 2), 0x1122);
	wr(r, 0x0d, 1, 0xff); /* w1c: another byte's bits */
	assert_int_equal(rd(r, 0x0c, 1), 0xff);
	wr(r, 0x19, 1, 0); /* w0c: the same */
	assert_int_equal(rd(r, 0x18, 4), 0xff);
	assert_int_equal(rd(r, 0x15, 1), 0); /* rc: not cleared by that */
	assert_int_equal(rd(r, 0x14, 4), 0xa5);
	wr(r, 0x70, 8, UINT64_C(0x1122334455667788));
	wr(r, 0x74, 4, 0xffffffff);
	assert_int_equal(rd(r, 0x70, 8), UINT64_C(0xffffffff55667788));
}

static void test_regmap__what_no_element_has_is_a_fault_and_reads_0(
	void **state)
{
	static const struct {
		uint64_t off;
		unsigned size;
		enum vmoon_guest_fault_kind fault;
	} rows[] = {
		{0x2c, 4, VMOON_GUEST_FAULT_REGISTER},
		{0x42, 2, VMOON_GUEST_FAULT_REGISTER},
		{0xfc, 4, VMOON_GUEST_FAULT_REGISTER},
		{0x00, 8, VMOON_GUEST_FAULT_WIDTH},
		{0x02, 4, VMOON_GUEST_FAULT_WIDTH},
		{0x68, 2, VMOON_GUEST_FAULT_WIDTH},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(rows); i++) {
		r->faults = 0;
		assert_int_equal(rd(r, rows[i].off, rows[i].size), 0);
		wr(r, rows[i].off, rows[i].size, UINT64_MAX);
		assert_int_equal(r->faults, 2);
		assert_int_equal(r->fault, rows[i].fault);
		assert_int_equal(r->where, rows[i].off);
	}
	assert_int_equal(rd(r, 0x00, 4), 0x11223344);
	assert_int_equal(rd(r, 0x68, 1), 0);
}

static void test_regmap__fields_have_kinds_of_their_own(void **state)
{
	struct rig *r = *state;

	assert_int_equal(rd(r, 0x28, 4), 0x4202);
	wr(r, 0x28, 4,
	   0xffffff05); /* RUN and GO, not DONE; KIND is read only */
	assert_int_equal(r->writes, 1);
	assert_int_equal(r->reg, MIXED);
	assert_int_equal(r->old, 0x4202);
	assert_int_equal(r->now, 0x4207); /* GO is a pulse */
	assert_int_equal(rd(r, 0x28, 4), 0x4203);
	wr(r, 0x28, 4, 2);
	assert_int_equal(rd(r, 0x28, 4), 0x4200);
}

static void test_regmap__array_elements_are_apart(void **state)
{
	struct rig *r = *state;

	wr(r, 0x50, 2, 0x1234);
	assert_int_equal(vmoon_regmap_get(r->map, ARRAY, 2), 0x1234);
	assert_int_equal(vmoon_regmap_get(r->map, ARRAY, 1), 9);
	assert_int_equal(vmoon_regmap_get(r->map, ARRAY, 4), 0);
	vmoon_regmap_set(r->map, ARRAY, 3, 0xabcdef);
	assert_int_equal(rd(r, 0x58, 2), 0xcdef);
	vmoon_regmap_set(r->map, ARRAY, 4, 1); /* there is none: nothing */
	vmoon_regmap_set(r->map, REGS, 0, 1);
}

static void test_regmap__a_fifo_goes_both_ways_and_is_bounded(void **state)
{
	struct rig *r = *state;
	uint64_t value = 0;

	assert_int_equal(rd(r, 0x60, 1), 0);
	for (unsigned i = 0; i < 5; i++)
		wr(r, 0x60, 1, 0x10 + i);
	assert_int_equal(r->faults, 2);
	assert_int_equal(r->fault, VMOON_GUEST_FAULT_VALUE);
	assert_true(r->level); /* the driver's queue is not empty */
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(vmoon_regmap_fifo_len(r->map, FIFO, true),
				 3 - i);
		assert_true(vmoon_regmap_fifo_get(r->map, FIFO, &value));
		assert_int_equal(value, 0x10 + i);
	}
	assert_false(vmoon_regmap_fifo_get(r->map, FIFO, &value));
	assert_false(r->level);
	for (unsigned i = 0; i < 3; i++)
		assert_true(vmoon_regmap_fifo_put(r->map, FIFO, 0x120 + i));
	assert_false(vmoon_regmap_fifo_put(r->map, FIFO, 0));
	assert_int_equal(vmoon_regmap_fifo_len(r->map, FIFO, false), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(rd(r, 0x60, 1), 0x20 + i);
	assert_int_equal(rd(r, 0x60, 1), 0);
	assert_false(vmoon_regmap_fifo_put(r->map, RW, 0)); /* it has none */
}

static void test_regmap__hooks_see_and_make_values(void **state)
{
	struct rig *r = *state;
	uint64_t fast, hooked;

	r->answer = UINT64_C(0x1ffffffff);
	assert_int_equal(rd(r, 0x64, 4), 0xffffffff);
	r->answer = 0x12345678;
	assert_int_equal(rd(r, 0x65, 1), 0x56);
	wr(r, 0x64, 2, 0xbeef);
	assert_int_equal(r->now, 0xbeef);
	wr(r, 0x66, 2, 0xdead);
	assert_int_equal(r->now, 0xdeadbeef);
	assert_int_equal(r->old, 0xbeef);
	r->is_broken = true;
	assert_int_equal(rd(r, 0x64, 4), 0xffffffff);
	assert_int_equal(rd(r, 0x64, 1), 0xff);
	assert_int_equal(rd(r, 0x00, 4), 0x11223344);
	vmoon_regmap_counts(r->map, &fast, &hooked);
	assert_int_equal(fast, 1);
	assert_int_equal(hooked, 6);
}

static void test_regmap__the_interrupt_follows_the_registers(void **state)
{
	struct rig *r = *state;

	wr(r, 0x28, 4, 1);
	assert_false(r->level);
	vmoon_regmap_set(r->map, W1C, 0, 0x100);
	assert_true(r->level);
	assert_int_equal(r->sets, 1); /* a change is told once */
	vmoon_regmap_set(r->map, W1C, 0, 0x101);
	assert_int_equal(r->sets, 1);
	vmoon_regmap_irq(r->map, true);
	wr(r, 0x0c, 4, 0x100);
	assert_true(r->level); /* by hand */
	vmoon_regmap_irq(r->map, false);
	assert_false(r->level);
	assert_int_equal(r->sets, 2);
}

static void test_regmap__an_edge_is_told_when_it_rises(void **state)
{
	struct vmoon_regmap_spec spec = whole_spec();
	struct rig r = {.sets = 0};

	(void)state;
	spec.is_edge = true;
	assert_int_equal(make(&r, NULL, &spec, NULL), VMOON_OK);
	r.dev = vmoon_regmap_device(r.map);
	for (unsigned i = 0; i < 3; i++) {
		vmoon_regmap_irq(r.map, true);
		vmoon_regmap_irq(r.map, true);
		vmoon_regmap_irq(r.map, false);
	}
	assert_int_equal(r.sets, 3);
	assert_true(r.level);
	r.dev->ops->destroy(r.dev);
}

static void test_regmap__a_reset_is_how_it_began(void **state)
{
	struct rig *r = *state;

	wr(r, 0x00, 4, 0);
	wr(r, 0x20, 4, 0x55);
	wr(r, 0x60, 1, 1);
	vmoon_regmap_irq(r->map, true);
	r->dev->ops->reset(r->dev);
	assert_int_equal(r->resets, 1);
	assert_false(r->level);
	assert_int_equal(rd(r, 0x00, 4), 0x11223344);
	wr(r, 0x20, 4, 0x66); /* once again */
	assert_int_equal(rd(r, 0x20, 4), 0x66);
	assert_int_equal(vmoon_regmap_fifo_len(r->map, FIFO, true), 0);
}

static void test_regmap__one_that_failed_reads_all_ones(void **state)
{
	struct rig *r = *state;

	vmoon_regmap_fail(r->map, false);
	assert_int_equal(rd(r, 0x00, 4), 0xffffffff);
	assert_int_equal(rd(r, 0x2c, 2), 0xffff);
	wr(r, 0x00, 4, 0);
	r->dev->ops->reset(r->dev);
	assert_true(vmoon_regmap_has_failed(r->map));
	vmoon_regmap_fail(r->map, true);
	r->dev->ops->reset(r->dev);
	assert_false(vmoon_regmap_has_failed(r->map));
	assert_int_equal(rd(r, 0x00, 4), 0x11223344);
	assert_int_equal(r->faults, 0);
}

static void test_regmap__a_big_window_is_searched(void **state)
{
	struct vmoon_reg many[256];
	char names[256][8];
	struct vmoon_regmap_spec spec = {.size = sizeof(spec)};
	struct rig r = {.sets = 0};

	(void)state;
	memset(many, 0, sizeof(many));
	for (unsigned i = 0; i < 256; i++) {
		snprintf(names[i], sizeof(names[i]), "R%u", i);
		many[i] = (struct vmoon_reg){.name = names[i],
					     .at = (255 - i) * 0x10000ull,
					     .width = 4,
					     .reset = i,
					     .count = 1};
	}
	spec.window = VMOON_REGMAP_WINDOW_MAX;
	spec.regs = many;
	spec.reg_count = 256;
	assert_int_equal(make(&r, NULL, &spec, NULL), VMOON_OK);
	r.dev = vmoon_regmap_device(r.map);
	for (unsigned i = 0; i < 256; i++) {
		assert_int_equal(rd(&r, (255 - i) * 0x10000ull, 4), i);
		assert_int_equal(rd(&r, (255 - i) * 0x10000ull + 4, 4), 0);
	}
	assert_int_equal(r.faults, 256);
	assert_int_equal(rd(&r, spec.window - 1, 1), 0);
	r.dev->ops->destroy(r.dev);
}

/* ---- what cannot be ---- */

static void refuse(const struct vmoon_regmap_spec *spec, const char *why)
{
	struct vmoon_error err = {.status = VMOON_OK};
	struct rig r = {.sets = 0};

	assert_int_equal(make(&r, NULL, spec, &err), VMOON_E_CONFIG);
	assert_string_equal(err.msg, why);
	assert_null(r.map);
	assert_int_equal(r.destroyed, 0); /* hooks stay the caller's */
}

static void test_regmap__a_register_that_cannot_be_is_named(void **state)
{
	static const struct vmoon_reg_field twice[] = {
		{"A", 0, 4, VMOON_REG_RW}, {"B", 3, 1, VMOON_REG_RW}};
	static const struct vmoon_reg_field far[] = {
		{"A", 31, 2, VMOON_REG_RW}};
	static const struct vmoon_reg good = {
		.name = "R", .at = 0, .width = 4, .count = 1};
	struct vmoon_reg two[2] = {good, good};
	struct vmoon_regmap_spec spec = {.size = sizeof(spec)};

	(void)state;
	spec.window = 0x10;
	spec.regs = two;
	spec.reg_count = 1;
	two[0].width = 3;
	refuse(&spec, "R: its width is 1, 2, 4 or 8 bytes");
	two[0] = good;
	two[0].name = "";
	refuse(&spec, "register 1: its name has 1 to 64 bytes");
	two[0] = good;
	two[0].at = 0xe;
	refuse(&spec, "R: it ends outside of the window of 0x10 bytes");
	two[0].at = UINT64_MAX;
	refuse(&spec, "R: it ends outside of the window of 0x10 bytes");
	two[0] = good;
	two[0].count = 5;
	two[0].stride = 4;
	refuse(&spec, "R: it ends outside of the window of 0x10 bytes");
	two[0].stride = 3;
	refuse(&spec, "R: it has 1 to 4096 elements, each at least its width "
		      "from the next");
	two[0] = good;
	two[0].reset = UINT64_C(1) << 32;
	refuse(&spec, "R: its reset value has more than 4 bytes");
	two[0] = good;
	two[0].access = (enum vmoon_reg_access)10;
	refuse(&spec, "R: an access of no known kind");
	two[0] = good;
	two[0].fifo_depth = VMOON_REGMAP_FIFO_MAX + 1;
	refuse(&spec, "R: a FIFO has at most 65536 values and is no array");
	two[0] = good;
	two[0].fields = twice;
	two[0].field_count = 2;
	refuse(&spec, "R: field B overlaps another");
	two[0].fields = far;
	two[0].field_count = 1;
	refuse(&spec, "R: field 1 has no name, no known access or no place in "
		      "the register");
	two[0] = good;
	two[1].name = "S";
	two[1].at = 2;
	spec.reg_count = 2;
	refuse(&spec, "S: it overlaps R at 0x2");
	spec.window = 0;
	refuse(&spec, "register map: its window has 1 to 0x1000000 bytes");
}

static void test_regmap__an_interrupt_that_cannot_be_is_refused(void **state)
{
	static const struct vmoon_reg_irq_op no_value = {VMOON_REG_IRQ_AND, 0,
							 0, 0, 0};
	static const struct vmoon_reg_irq_op no_reg = {VMOON_REG_IRQ_BITS, REGS,
						       0, 0, 1};
	static const struct vmoon_reg_irq_op no_fifo = {VMOON_REG_IRQ_FIFO_IN,
							RW, 0, 0, 1};
	static const struct vmoon_reg_irq_op no_element = {VMOON_REG_IRQ_BITS,
							   ARRAY, 0, 4, 1};
	struct vmoon_reg_irq_op many[VMOON_REGMAP_IRQ_OPS_MAX];
	struct vmoon_regmap_spec spec = whole_spec();
	const struct vmoon_reg_irq_op *const bad[] = {&no_value, &no_reg,
						      &no_fifo, &no_element};

	(void)state;
	spec.irq_count = 1;
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		spec.irq = bad[i];
		refuse(&spec, "interrupt: operation 1 has no register, or no "
			      "values, to work on");
	}
	for (size_t i = 0; i < VMOON_COUNTOF(many); i++)
		many[i] = irq[0];
	spec.irq = many;
	spec.irq_count = 2;
	refuse(&spec, "interrupt: 2 values are left, not one");
	spec.irq_count = VMOON_REGMAP_IRQ_STACK + 1; /* the stack's end */
	refuse(&spec, "interrupt: operation 17 has no register, or no values, "
		      "to work on");
	spec.irq_count = VMOON_REGMAP_IRQ_OPS_MAX + 1;
	refuse(&spec, "interrupt: at most 64 operations");
}

/* ---- snapshots ---- */

static size_t save(struct rig *r, unsigned char *buf, size_t size)
{
	struct vmoon_state_writer w = {.buf = buf, .size = size};

	r->dev->ops->save(r->dev, &w);
	assert_false(w.is_overflow);
	return w.len;
}

static enum vmoon_status load(struct rig *r, const unsigned char *buf,
			      size_t len)
{
	struct vmoon_state_reader in = {.buf = buf, .size = len};

	return r->dev->ops->load(r->dev, &in, NULL);
}

static void test_regmap__a_snapshot_has_all_of_it(void **state)
{
	struct rig *r = *state;
	unsigned char buf[1024], again[1024];
	size_t len;

	wr(r, 0x00, 4, 0x12345678);
	wr(r, 0x20, 4, 0x55);
	wr(r, 0x60, 1, 7);
	wr(r, 0x60, 1, 8);
	assert_true(vmoon_regmap_fifo_put(r->map, FIFO, 9));
	r->extra = 42;
	len = save(r, buf, sizeof(buf));
	r->dev->ops->reset(r->dev);
	r->extra = 0;
	assert_false(r->level);
	assert_int_equal(load(r, buf, len), VMOON_OK);
	assert_true(r->level); /* signalled again */
	assert_int_equal(r->extra, 42);
	assert_int_equal(save(r, again, sizeof(again)), len);
	assert_memory_equal(buf, again, len);
	wr(r, 0x20, 4, 0x66); /* spent before */
	assert_int_equal(rd(r, 0x20, 4), 0x55);
	assert_int_equal(rd(r, 0x60, 1), 9);
}

static void test_regmap__a_bad_snapshot_changes_nothing(void **state)
{
	struct rig *r = *state;
	unsigned char buf[1024], now[1024], same[1024];
	size_t len, len_now;

	wr(r, 0x00, 4, 1);
	wr(r, 0x60, 1, 7);
	len = save(r, buf, sizeof(buf));
	wr(r, 0x00, 4, 2);
	len_now = save(r, now, sizeof(now));
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(load(r, buf, cut), VMOON_E_IMAGE);
		assert_int_equal(save(r, same, sizeof(same)), len_now);
		assert_memory_equal(now, same, len_now);
	}
	r->refuses_load = true;
	assert_int_equal(load(r, buf, len), VMOON_E_IMAGE);
	assert_int_equal(rd(r, 0x00, 4), 2);
	r->refuses_load = false;
	assert_int_equal(load(r, buf, len), VMOON_OK);
	assert_int_equal(rd(r, 0x00, 4), 1);
}

/* Any bytes: refused or taken, never more than that. */
static void test_regmap__a_changed_snapshot_is_survived(void **state)
{
	struct rig *r = *state;
	unsigned char buf[1024];
	const size_t len = save(r, buf, sizeof(buf));

	for (size_t i = 0; i < len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			buf[i] ^= (unsigned char)(1u << bit);
			VMOON_IGNORE(load(r, buf, len));
			assert_true(vmoon_regmap_fifo_len(r->map, FIFO, true) <=
				    3);
			(void)rd(r, 0x60, 1);
			wr(r, 0x60, 1, 1);
			buf[i] ^= (unsigned char)(1u << bit);
		}
	}
	assert_int_equal(load(r, buf, len), VMOON_OK);
}

/* ---- another map, a log ---- */

static void test_regmap__a_reload_keeps_what_is_the_same(void **state)
{
	struct rig *r = *state;
	struct vmoon_reg changed[2] = {regs[RW], regs[W1C]};
	struct vmoon_regmap_spec spec = whole_spec();

	wr(r, 0x00, 4, 0xcafe);
	changed[0].at = 0x80;
	changed[1].width = 2;
	changed[1].reset = 3;
	spec.regs = changed;
	spec.reg_count = 2;
	spec.irq_count = 0;
	assert_int_equal(vmoon_regmap_reload(r->map, &spec, NULL), VMOON_OK);
	assert_int_equal(rd(r, 0x80, 4), 0xcafe);
	assert_int_equal(rd(r, 0x0c, 2), 3);
	assert_int_equal(rd(r, 0x00, 4), 0);
	changed[0].width = 5;
	assert_int_equal(vmoon_regmap_reload(r->map, &spec, NULL),
			 VMOON_E_CONFIG);
	changed[0].width = 4;
	spec.window *= 2;
	assert_int_equal(vmoon_regmap_reload(r->map, &spec, NULL),
			 VMOON_E_CONFIG);
	assert_int_equal(rd(r, 0x80, 4), 0xcafe);
}

struct notes {
	struct vmoon_reg_access_note last;
	unsigned count;
};

static void take_note(void *ctx, const struct vmoon_reg_access_note *note)
{
	struct notes *notes = ctx;

	notes->last = *note;
	notes->count++;
}

static void test_regmap__accesses_are_told_with_names(void **state)
{
	struct rig *r = *state;
	struct notes notes = {.count = 0};

	vmoon_regmap_watch(r->map, take_note, &notes);
	wr(r, 0x50, 2, 0x1ffff);
	assert_string_equal(notes.last.name, "ARRAY");
	assert_int_equal(notes.last.element, 2);
	assert_int_equal(notes.last.value, 0xffff);
	assert_true(notes.last.is_write);
	(void)rd(r, 0x2c, 4);
	assert_null(notes.last.name);
	assert_int_equal(notes.last.off, 0x2c);
	assert_int_equal(r->faults, 1); /* the log counts none of its own */
	vmoon_regmap_watch(r->map, NULL, NULL);
	(void)rd(r, 0x00, 4);
	assert_int_equal(notes.count, 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_regmap__each_kind_does_what_its_name_says),
		T(test_regmap__bytes_that_are_not_touched_stay),
		T(test_regmap__what_no_element_has_is_a_fault_and_reads_0),
		T(test_regmap__fields_have_kinds_of_their_own),
		T(test_regmap__array_elements_are_apart),
		T(test_regmap__a_fifo_goes_both_ways_and_is_bounded),
		T(test_regmap__hooks_see_and_make_values),
		T(test_regmap__the_interrupt_follows_the_registers),
		cmocka_unit_test(test_regmap__an_edge_is_told_when_it_rises),
		T(test_regmap__a_reset_is_how_it_began),
		T(test_regmap__one_that_failed_reads_all_ones),
		cmocka_unit_test(test_regmap__a_big_window_is_searched),
		cmocka_unit_test(
			test_regmap__a_register_that_cannot_be_is_named),
		cmocka_unit_test(
			test_regmap__an_interrupt_that_cannot_be_is_refused),
		T(test_regmap__a_snapshot_has_all_of_it),
		T(test_regmap__a_bad_snapshot_changes_nothing),
		T(test_regmap__a_changed_snapshot_is_survived),
		T(test_regmap__a_reload_keeps_what_is_the_same),
		T(test_regmap__accesses_are_told_with_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
