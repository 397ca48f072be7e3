/* SPDX-License-Identifier: MIT */
/* test_regmap.c - declared registers: what an access does, by its kind. */
#include "tests/support/regmap_rig.h"

#include <stdio.h>

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
	struct regmap_rig *r = *state;

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
	struct regmap_rig *r = *state;

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
	struct regmap_rig *r = *state;

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
	struct regmap_rig *r = *state;

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
	struct regmap_rig *r = *state;

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
	struct regmap_rig *r = *state;
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
	struct regmap_rig *r = *state;
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
	struct regmap_rig *r = *state;

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
	struct regmap_rig r = {.sets = 0};

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
	struct regmap_rig *r = *state;

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
	struct regmap_rig *r = *state;

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
	struct regmap_rig r = {.sets = 0};

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
	struct regmap_rig *r = *state;
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

/* A map of one register with a FIFO of two, of that kind. */
static void make_fifo(struct regmap_rig *r, enum vmoon_reg_access access)
{
	const struct vmoon_reg one = {.name = "DATA",
				      .width = 4,
				      .access = access,
				      .count = 1,
				      .fifo_depth = 2};
	struct vmoon_regmap_spec spec = {.size = sizeof(spec)};

	spec.window = 4;
	spec.regs = &one;
	spec.reg_count = 1;
	*r = (struct regmap_rig){.sets = 0};
	assert_int_equal(make(r, NULL, &spec, NULL), VMOON_OK);
	r->dev = vmoon_regmap_device(r->map);
}

static void test_regmap__a_fifo_of_one_way_leaves_the_other_alone(void **state)
{
	struct regmap_rig r;

	(void)state;
	make_fifo(&r, VMOON_REG_RO);
	wr(&r, 0, 4, 1);
	assert_int_equal(vmoon_regmap_fifo_len(r.map, 0, true), 0);
	assert_true(vmoon_regmap_fifo_put(r.map, 0, 0x11223344));
	assert_true(vmoon_regmap_fifo_put(r.map, 0, 0x55667788));
	assert_int_equal(rd(&r, 2, 1), 0x22); /* a byte of it: all is gone */
	assert_int_equal(rd(&r, 0, 4), 0x55667788);
	r.dev->ops->destroy(r.dev);
	make_fifo(&r, VMOON_REG_WO);
	assert_true(vmoon_regmap_fifo_put(r.map, 0, 7));
	assert_int_equal(rd(&r, 0, 4), 0);
	assert_int_equal(vmoon_regmap_fifo_len(r.map, 0, false), 1);
	wr(&r, 0, 4, 8);
	assert_int_equal(vmoon_regmap_fifo_len(r.map, 0, true), 1);
	assert_int_equal(r.faults, 0);
	r.dev->ops->destroy(r.dev);
}

/* Nobody could silence it: the guest would be in its handler for ever. */
static void test_regmap__one_that_fails_lets_go_of_its_line(void **state)
{
	struct regmap_rig *r = *state;

	vmoon_regmap_irq(r->map, true);
	assert_true(r->level);
	vmoon_regmap_fail(r->map, true);
	assert_false(r->level);
	vmoon_regmap_set(r->map, W1C, 0, 0x100);
	vmoon_regmap_irq(r->map, true);
	assert_false(r->level);
	r->dev->ops->reset(r->dev);
	assert_false(r->level);
	vmoon_regmap_irq(r->map, true);
	assert_true(r->level);
}

static void test_regmap__a_change_that_the_line_does_not_follow_is_none(
	void **state)
{
	struct regmap_rig *r = *state;

	vmoon_regmap_irq(r->map, true);
	assert_int_equal(r->sets, 1);
	for (unsigned i = 0; i < 16; i++)
		wr(r, 0x00, 4, i);
	wr(r, 0x28, 4, 1);
	wr(r, 0x28, 4, 0);
	assert_int_equal(r->sets, 1); /* by hand it is up all the time */
}

/* Every width at every byte: taken by one element, or refused whole. */
static void test_regmap__any_width_anywhere_is_taken_or_refused(void **state)
{
	struct regmap_rig *r = *state;

	for (uint64_t off = 0; off < 0x100; off++)
		for (unsigned size = 1; size <= 8 && off + size <= 0x100;
		     size *= 2) {
			const unsigned faults = r->faults;
			uint64_t fast, hooked, fast_now, hooked_now;

			vmoon_regmap_counts(r->map, &fast, &hooked);
			if (size < 8)
				assert_true(rd(r, off, size) >> (8 * size) ==
					    0);
			else
				(void)rd(r, off, size);
			vmoon_regmap_counts(r->map, &fast_now, &hooked_now);
			assert_int_equal(fast_now + hooked_now - fast - hooked +
						 r->faults - faults,
					 1);
		}
}

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
		T(test_regmap__accesses_are_told_with_names),
		cmocka_unit_test(
			test_regmap__a_fifo_of_one_way_leaves_the_other_alone),
		T(test_regmap__one_that_fails_lets_go_of_its_line),
		T(test_regmap__a_change_that_the_line_does_not_follow_is_none),
		T(test_regmap__any_width_anywhere_is_taken_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
