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

/* ---- limits, each one past what can be ---- */

enum { MANY = VMOON_REGMAP_REGS_MAX + 1, LONG = VMOON_REGMAP_NAME_MAX + 1 };

struct crowd {
	struct vmoon_reg regs[MANY];
	char names[MANY][8];
	struct vmoon_regmap_spec spec;
};

/* count registers in a row, as wide as can be. */
static struct crowd *make_crowd(size_t count)
{
	struct crowd *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	c->spec.size = sizeof(c->spec);
	c->spec.window = VMOON_REGMAP_WINDOW_MAX;
	c->spec.regs = c->regs;
	c->spec.reg_count = count;
	for (size_t i = 0; i < count; i++) {
		c->names[i][0] = 'R';
		for (size_t k = 0, n = i; k < 3; k++, n /= 10)
			c->names[i][3 - k] = (char)('0' + n % 10);
		c->regs[i] = (struct vmoon_reg){.name = c->names[i],
						.at = i * 0x1000,
						.width = 8,
						.count = 1};
	}
	return c;
}

static void take_crowd(const struct crowd *c)
{
	struct regmap_rig r = {.sets = 0};

	assert_int_equal(make(&r, NULL, &c->spec, NULL), VMOON_OK);
	vmoon_regmap_device(r.map)->ops->destroy(vmoon_regmap_device(r.map));
}

static void test_regmap__the_number_of_registers_has_an_end(void **state)
{
	struct crowd *c = make_crowd(MANY);

	(void)state;
	refuse(&c->spec, "register map: at most 512 registers");
	c->spec.reg_count--;
	take_crowd(c);
	c->spec.regs = NULL;
	refuse(&c->spec, "register map: at most 512 registers");
	free(c);
}

static void test_regmap__the_sum_of_elements_has_an_end(void **state)
{
	struct crowd *c = make_crowd(9);

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		c->regs[i].count = 512;
		c->regs[i].stride = 8;
	}
	refuse(&c->spec, "R008: registers have at most 4096 elements together");
	c->spec.reg_count = 8;
	take_crowd(c);
	c->regs[3].count = VMOON_REGMAP_ELEMENTS_MAX + 1;
	refuse(&c->spec, "R003: it has 1 to 4096 elements, each at least its "
			 "width from the next");
	c->regs[3].count = 0;
	refuse(&c->spec, "R003: it has 1 to 4096 elements, each at least its "
			 "width from the next");
	free(c);
}

static void test_regmap__the_sum_of_fifos_has_an_end(void **state)
{
	struct crowd *c = make_crowd(5);

	(void)state;
	for (size_t i = 0; i < 4; i++)
		c->regs[i].fifo_depth = VMOON_REGMAP_FIFO_MAX;
	take_crowd(c);
	c->regs[4].fifo_depth = 1;
	refuse(&c->spec, "R004: FIFOs have at most 262144 values together");
	free(c);
}

static void test_regmap__a_fifo_is_a_queue_and_nothing_else(void **state)
{
	static const struct vmoon_reg_field flag[] = {
		{"F", 0, 1, VMOON_REG_W1C}};
	const char *const text =
		"R000: a FIFO, and each field of it, is read, written or both";
	struct crowd *c = make_crowd(1);

	(void)state;
	c->regs[0].fifo_depth = 4;
	for (int kind = VMOON_REG_W1C; kind <= VMOON_REG_RESERVED; kind++) {
		c->regs[0].access = (enum vmoon_reg_access)kind;
		refuse(&c->spec, text);
	}
	c->regs[0].access = VMOON_REG_RW;
	c->regs[0].fields = flag;
	c->regs[0].field_count = 1;
	refuse(&c->spec, text);
	c->regs[0].field_count = 0;
	c->regs[0].count = 2;
	c->regs[0].stride = 8;
	refuse(&c->spec,
	       "R000: a FIFO has at most 65536 values and is no array");
	free(c);
}

static void test_regmap__a_name_is_there_short_and_only_once(void **state)
{
	char name[LONG + 1] = {0};
	struct crowd *c = make_crowd(3);

	(void)state;
	memset(name, 'x', LONG);
	c->regs[1].name = name;
	refuse(&c->spec, "register 2: its name has 1 to 64 bytes");
	c->regs[1].name = NULL;
	refuse(&c->spec, "register 2: its name has 1 to 64 bytes");
	name[LONG - 1] = '\0';
	c->regs[1].name = name;
	take_crowd(c);
	c->regs[2].name = c->regs[0].name;
	refuse(&c->spec, "R000: two registers have that name");
	free(c);
}

static void test_regmap__fields_stay_in_their_register(void **state)
{
	static const struct vmoon_reg_field bad[] = {
		{NULL, 0, 1, VMOON_REG_RW},
		{"F", 0, 0, VMOON_REG_RW},
		{"F", 0, 65, VMOON_REG_RW},
		{"F", 64, 1, VMOON_REG_RW},
		{"F", 255, 255, VMOON_REG_RW},
		{"F", 0, 1, (enum vmoon_reg_access)10},
	};
	static const struct vmoon_reg_field whole[] = {
		{"F", 0, 64, VMOON_REG_RW}};
	struct crowd *c = make_crowd(1);

	(void)state;
	c->regs[0].field_count = 1;
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		c->regs[0].fields = &bad[i];
		refuse(&c->spec, "R000: field 1 has no name, no known access "
				 "or no place in the register");
	}
	c->regs[0].fields = whole;
	take_crowd(c);
	c->regs[0].fields = NULL;
	refuse(&c->spec, "R000: a register has at most 64 fields");
	c->regs[0].field_count = VMOON_REGMAP_FIELDS_MAX + 1;
	refuse(&c->spec, "R000: a register has at most 64 fields");
	free(c);
}

static void test_regmap__elements_of_arrays_may_lie_between_each_other(
	void **state)
{
	struct crowd *c = make_crowd(2);

	(void)state;
	c->regs[0].count = c->regs[1].count = 4;
	c->regs[0].stride = c->regs[1].stride = 16;
	c->regs[1].at = 8;
	take_crowd(c);
	c->regs[1].at = 7 + 16;
	refuse(&c->spec, "R001: it overlaps R000 at 0x17");
	free(c);
}

static void test_regmap__what_the_program_gets_wrong_is_not_a_map(void **state)
{
	struct vmoon_error err = {.status = VMOON_OK};
	struct vmoon_regmap_spec spec = whole_spec();
	const struct vmoon_regmap_env env = {.mem = NULL};
	struct regmap_rig r = {.sets = 0};
	struct vmoon_regmap_hooks hooks = {.read = hook_read,
					   .write = hook_write,
					   .destroy = hook_destroy,
					   .ctx = &r};
	const char *const text = "register map: its type has 1 to 32 bytes, "
				 "and there are hooks to read, write and "
				 "destroy";
	struct vmoon_regmap *map = NULL;

	(void)state;
	assert_int_equal(
		vmoon_regmap_create("", &spec, &env, &hooks, &map, &err),
		VMOON_E_INVAL);
	assert_string_equal(err.msg, text);
	assert_int_equal(vmoon_regmap_create("a name of more than 32 bytes, so",
					     &spec, &env, &hooks, &map, NULL),
			 VMOON_OK);
	vmoon_regmap_device(map)->ops->destroy(vmoon_regmap_device(map));
	map = NULL;
	assert_int_equal(
		vmoon_regmap_create("a name of more than 32 bytes, so!", &spec,
				    &env, &hooks, &map, &err),
		VMOON_E_INVAL);
	hooks.destroy = NULL;
	assert_int_equal(
		vmoon_regmap_create("test", &spec, &env, &hooks, &map, &err),
		VMOON_E_INVAL);
	assert_string_equal(err.msg, text);
	hooks.destroy = hook_destroy;
	spec.size = 0;
	assert_int_equal(
		vmoon_regmap_create("test", &spec, &env, &hooks, &map, &err),
		VMOON_E_INVAL);
	assert_string_equal(err.msg, "register map: size is not set");
	assert_null(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_regmap__a_register_that_cannot_be_is_named),
		cmocka_unit_test(
			test_regmap__an_interrupt_that_cannot_be_is_refused),
		cmocka_unit_test(
			test_regmap__the_number_of_registers_has_an_end),
		cmocka_unit_test(test_regmap__the_sum_of_elements_has_an_end),
		cmocka_unit_test(test_regmap__the_sum_of_fifos_has_an_end),
		cmocka_unit_test(
			test_regmap__a_fifo_is_a_queue_and_nothing_else),
		cmocka_unit_test(
			test_regmap__a_name_is_there_short_and_only_once),
		cmocka_unit_test(test_regmap__fields_stay_in_their_register),
		cmocka_unit_test(
			test_regmap__elements_of_arrays_may_lie_between_each_other),
		cmocka_unit_test(
			test_regmap__what_the_program_gets_wrong_is_not_a_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
