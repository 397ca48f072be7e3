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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_regmap__any_life_is_as_the_model_has_it),
		cmocka_unit_test(test_regmap__an_edge_is_as_the_model_has_it),
		cmocka_unit_test(
			test_regmap__a_map_that_is_searched_is_the_same),
		cmocka_unit_test(
			test_regmap__any_spec_is_made_or_refused_as_the_model_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
