/* SPDX-License-Identifier: MIT */
/*
 * test_regmap_model.c - random register maps and their lives, step by step
 * beside a model. With VMOON_SEEDS=folder each scene is stored there as a seed
 * of fuzz_regmap.
 */
#include "tests/support/fixture.h"
#include "tests/support/regmap_ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmoon/regmap.h"

enum { RUNS = 20000, BYTES_MAX = 600 };

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* flags: the first byte of a run, regmap_ops.h. */
static void run_random(uint64_t seed, unsigned flags)
{
	uint8_t bytes[BYTES_MAX];
	const char *broken;
	size_t len;

	for (unsigned i = 0; i < RUNS; i++) {
		const uint64_t first = seed;

		len = (size_t)(next_random(&seed) % BYTES_MAX) + 1;
		for (size_t k = 0; k < len; k++)
			bytes[k] = (uint8_t)(next_random(&seed) >> 24 & 0xff);
		bytes[0] = (uint8_t)flags;
		broken = regmap_ops_run(bytes, len);
		if (broken != NULL)
			fail_msg("run %u from seed %#llx: %s", i,
				 (unsigned long long)first, broken);
	}
}

static void test_regmap__any_life_is_as_the_model_has_it(void **state)
{
	(void)state;
	run_random(1, 0);
}

static void test_regmap__an_edge_is_as_the_model_has_it(void **state)
{
	(void)state;
	run_random(2, 1);
}

static void test_regmap__a_map_that_is_searched_is_the_same(void **state)
{
	(void)state;
	run_random(3, 2);
}

static void test_regmap__any_spec_is_made_or_refused_as_the_model_says(
	void **state)
{
	(void)state;
	run_random(4, 4);
}

/* ---- scenes, which are seeds as well ---- */

struct scene {
	uint8_t bytes[512];
	size_t len;
};

static void put(struct scene *s, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++) {
		assert_true(s->len < sizeof(s->bytes));
		s->bytes[s->len++] = (uint8_t)(value >> (8 * i) & 0xff);
	}
}

/* how: log2 of the width, 4 and 8 hooks, 0x30 a FIFO. */
static void put_reg(struct scene *s, unsigned how, enum vmoon_reg_access access,
		    uint64_t reset)
{
	put(s, how, 1);
	put(s, 0, 1); /* its own name */
	put(s, access, 1);
	put(s, reset, 8);
	put(s, 0, 2); /* one element */
	put(s, 3, 1); /* four values */
	put(s, 0, 1); /* no gap */
	put(s, 0, 1); /* no fields */
}

static void put_irq(struct scene *s, enum vmoon_reg_irq_kind kind, unsigned reg,
		    unsigned reg2, uint8_t mask)
{
	put(s, kind, 1);
	put(s, reg, 1);
	put(s, reg2, 1);
	put(s, 0, 1);
	put(s, mask, 1);
}

static void put_access(struct scene *s, enum regmap_op op, unsigned reg,
		       unsigned width_log2, uint64_t value)
{
	put(s, op, 1);
	put(s, reg, 1);
	put(s, 0, 2); /* its first byte */
	put(s, width_log2, 1);
	if (op == REGMAP_WRITE)
		put(s, value, 8);
}

static void run_scene(const struct scene *s, const char *name)
{
	const char *folder = getenv("VMOON_SEEDS");
	const char *broken = regmap_ops_run(s->bytes, s->len);
	char path[512];
	FILE *f;

	if (broken != NULL)
		fail_msg("%s: %s", name, broken);
	if (folder == NULL)
		return;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(s->bytes, 1, s->len, f), s->len);
	fclose(f);
}

/* CTRL, STATUS, COUNT and an interrupt: the usual device. */
static void begin_timer(struct scene *s, unsigned flags)
{
	*s = (struct scene){.len = 0};
	put(s, flags, 1);
	put(s, 2, 1); /* three registers */
	put_reg(s, 2 | 8, VMOON_REG_RW, 0);
	put_reg(s, 2, VMOON_REG_W1C, 0);
	put_reg(s, 2 | 4, VMOON_REG_RO, 7);
	put(s, 1, 1);
	put_irq(s, VMOON_REG_IRQ_BOTH, 0, 1, 0);
}

static void put_set(struct scene *s, unsigned reg, uint64_t value)
{
	put(s, REGMAP_SET, 1);
	put(s, reg, 1);
	put(s, 0, 1);
	put(s, value, 8);
}

static void test_regmap__a_timer_ticks_and_is_acknowledged(void **state)
{
	static const char *const names[] = {"timer", "timer-edge", "timer-far"};
	struct scene s;

	(void)state;
	for (unsigned flags = 0; flags < VMOON_COUNTOF(names); flags++) {
		begin_timer(&s, flags);
		put_access(&s, REGMAP_WRITE, 0, 2, 1);
		put_set(&s, 1, 1);
		put_access(&s, REGMAP_READ, 1, 2, 0);
		put_access(&s, REGMAP_WRITE, 1, 2, 1);
		put(&s, REGMAP_ANSWER, 1);
		put(&s, 1, 1);
		put(&s, 0x1122334455, 8);
		put_access(&s, REGMAP_READ, 2, 1, 0);
		put(&s, REGMAP_SAVE, 1);
		put_access(&s, REGMAP_WRITE, 0, 3, 1); /* too wide */
		run_scene(&s, names[flags]);
	}
}

static void test_regmap__a_port_moves_values_both_ways(void **state)
{
	struct scene s = {.len = 0};

	(void)state;
	put(&s, 0, 2); /* a level; one register */
	put_reg(&s, 0x30 | 8, VMOON_REG_RW, 0);
	put(&s, 3, 1);
	put_irq(&s, VMOON_REG_IRQ_FIFO_OUT, 0, 0, 0);
	put_irq(&s, VMOON_REG_IRQ_FIFO_IN, 0, 0, 0);
	put_irq(&s, VMOON_REG_IRQ_OR, 0, 0, 0);
	for (unsigned i = 0; i < 6; i++)
		put_access(&s, REGMAP_WRITE, 0, 0, 'a' + i); /* two too many */
	for (unsigned i = 0; i < 5; i++) {
		put(&s, REGMAP_GET, 1);
		put(&s, 0, 1);
		put(&s, REGMAP_PUT, 1);
		put(&s, 0, 1);
		put(&s, 'A' + i, 8);
	}
	put(&s, REGMAP_SAVE, 1);
	for (unsigned i = 0; i < 5; i++)
		put_access(&s, REGMAP_READ, 0, 0, 0);
	run_scene(&s, "fifo-both-ways");
}

static void test_regmap__each_kind_takes_each_width(void **state)
{
	static const char *const names[] = {"kinds-1", "kinds-2", "kinds-3"};
	struct scene s;

	(void)state;
	for (unsigned third = 0; third < VMOON_COUNTOF(names); third++) {
		s = (struct scene){.len = 0};
		put(&s, 0, 1);
		put(&s, 3, 1);
		for (unsigned i = 0; i < 4; i++)
			put_reg(&s, 3,
				(enum vmoon_reg_access)((3 * third + i) % 10),
				UINT64_C(0x123456789abcdef0));
		put(&s, 0, 1); /* no interrupt */
		put(&s, REGMAP_WATCH, 1);
		put(&s, 1, 1);
		for (unsigned i = 0; i < 4; i++)
			for (unsigned width = 0; width < 4; width++) {
				put_access(&s, REGMAP_WRITE, i, width,
					   UINT64_C(0xff00ff00ff00ff0f));
				put_access(&s, REGMAP_READ, i, width, 0);
			}
		put(&s, REGMAP_RESET, 1);
		run_scene(&s, names[third]);
	}
}

static void put_load(struct scene *s, unsigned cut, unsigned at, unsigned flip)
{
	put(s, REGMAP_LOAD, 1);
	put(s, cut, 1);
	put(s, 1, 1);
	put(s, at, 2);
	put(s, flip, 1);
}

static void test_regmap__a_failed_device_is_loaded_and_reloaded(void **state)
{
	struct scene s;

	(void)state;
	begin_timer(&s, 0);
	put_set(&s, 1, 3);
	for (unsigned at = 0; at < 12; at++)
		put_load(&s, at % 4, 5 * at, 1u << at % 8);
	put(&s, REGMAP_FAIL, 1);
	put(&s, 1, 1);
	put_access(&s, REGMAP_READ, 0, 1, 0);
	put(&s, REGMAP_SAVE, 1);
	put(&s, REGMAP_RESET, 1);
	put(&s, REGMAP_RELOAD, 1);
	put(&s, 1, 1); /* two registers, one of them as before */
	put_reg(&s, 2, VMOON_REG_RW_ONCE, 0);
	put_reg(&s, 1, VMOON_REG_RC, 9);
	put(&s, 1, 1);
	put_irq(&s, VMOON_REG_IRQ_BITS, 1, 0, 1);
	put_access(&s, REGMAP_WRITE, 0, 2, 5);
	put_access(&s, REGMAP_READ, 1, 1, 0);
	run_scene(&s, "hostile-load-fail-reload");
}

static void test_regmap__a_spoilt_map_is_refused_if_the_model_does(void **state)
{
	struct scene s;

	(void)state;
	begin_timer(&s, 4);
	memmove(s.bytes + 2, s.bytes + 1, s.len - 1);
	s.len++;
	s.bytes[1] = 1;    /* one fault: */
	put(&s, 7, 1);     /* in a register, */
	put(&s, 1, 1);     /* the second, */
	put(&s, 6, 2);     /* its place: */
	put(&s, 4 - 2, 1); /* two bytes before its own */
	run_scene(&s, "spoilt-overlap");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_regmap__any_life_is_as_the_model_has_it),
		cmocka_unit_test(test_regmap__an_edge_is_as_the_model_has_it),
		cmocka_unit_test(
			test_regmap__a_map_that_is_searched_is_the_same),
		cmocka_unit_test(
			test_regmap__any_spec_is_made_or_refused_as_the_model_says),
		cmocka_unit_test(
			test_regmap__a_timer_ticks_and_is_acknowledged),
		cmocka_unit_test(test_regmap__a_port_moves_values_both_ways),
		cmocka_unit_test(test_regmap__each_kind_takes_each_width),
		cmocka_unit_test(
			test_regmap__a_failed_device_is_loaded_and_reloaded),
		cmocka_unit_test(
			test_regmap__a_spoilt_map_is_refused_if_the_model_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
