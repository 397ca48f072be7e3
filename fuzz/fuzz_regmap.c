/* SPDX-License-Identifier: MIT */
/*
 * fuzz_regmap.c - a register map and its life, all hostile, beside a model.
 *
 * Input: a map and operations, as tests/support/regmap_ops.h has them; its
 * claims are looked at after each operation.
 */
#include "fuzz.h"
#include "tests/support/regmap_ops.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	FUZZ_REQUIRE(regmap_ops_run(data, len) == NULL);
	return 0;
}
