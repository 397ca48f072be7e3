/* SPDX-License-Identifier: MIT */
/* test_regmap_check.c - register maps that cannot be, and what is said. */
#include "tests/support/regmap_rig.h"

static void refuse(const struct vmoon_regmap_spec *spec, const char *why)
{
	struct vmoon_error err = {.status = VMOON_OK};
	struct regmap_rig r = {.sets = 0};

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_regmap__a_register_that_cannot_be_is_named),
		cmocka_unit_test(
			test_regmap__an_interrupt_that_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
