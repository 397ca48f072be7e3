/* SPDX-License-Identifier: MIT */
/* test_config.c - a check reports every mistake, in one order, and no more. */
#include "vmoon/config.h"

#include "tests/support/config_fixture.h"

static void test_config__a_kernel_is_all_it_takes(void **state)
{
	cf_assert_good(*state);
}

static void test_config__a_missing_kernel_is_a_problem_of_the_whole(
	void **state)
{
	struct config_fixture *f = *state;
	struct vmoon_config *cfg;
	const struct vmoon_problem *p;

	assert_ok(vmoon_config_create(NULL, &cfg, &f->err), &f->err);
	assert_int_equal(vmoon_config_check(cfg, &f->err), VMOON_E_CONFIG);
	assert_int_equal(vmoon_config_problem_count(cfg), 1);
	p = vmoon_config_problem(cfg, 0);
	assert_string_equal(p->path, "");
	assert_string_equal(p->message, "missing required field \"kernel\"");
	assert_string_equal(p->hint, "for example: kernel = \"bzImage\"");
	assert_false(p->is_key);
	assert_int_equal(f->err.status, VMOON_E_CONFIG);
	assert_string_equal(f->err.msg,
			    "1 problem in VM configuration: missing required "
			    "field \"kernel\" (for example: kernel = "
			    "\"bzImage\")");
	assert_ok(vmoon_config_set_str(cfg, "kernel", f->kernel,
				       strlen(f->kernel), &f->err),
		  &f->err);
	assert_ok(vmoon_config_check(cfg, &f->err), &f->err);
	vmoon_config_destroy(cfg);
}

static void test_config__all_mistakes_come_at_once_and_in_order(void **state)
{
	struct config_fixture *f = *state;

	cf_set(f, "on_panic", "explode");
	cf_set_int(f, "memory", 128);
	cf_set_int(f, "vcpu_count", 2);
	cf_set(f, "memroy", "256M");
	cf_set_int(f, "cpus", 200);
	cf_set(f, "nets.1.tap", "tap0");
	assert_int_equal(vmoon_config_check(f->cfg, &f->err), VMOON_E_CONFIG);
	assert_int_equal(vmoon_config_problem_count(f->cfg), 6);
	cf_assert_problem(f, 0, "memroy", "unknown field \"memroy\"",
			  "did you mean \"memory\"?");
	cf_assert_problem(f, 1, "nets", "\"nets\" is not in this version",
			  "leave it out");
	cf_assert_problem(f, 2, "vcpu_count", "unknown field \"vcpu_count\"",
			  "Firecracker calls this \"vcpu_count\"; here it is "
			  "\"cpus\"");
	cf_assert_problem(f, 3, "cpus", "200 is out of range 1..64", NULL);
	cf_assert_problem(f, 4, "memory",
			  "a size needs a unit, got bare number 128",
			  "write \"128M\" for MiB, or 128 * vmoon.MiB (a size "
			  "value)");
	cf_assert_problem(f, 5, "on_panic",
			  "expected one of \"stop\", \"ignore\"; got string "
			  "\"explode\"",
			  NULL);
	assert_null(vmoon_config_problem(f->cfg, 6));
	assert_true(vmoon_config_problem(f->cfg, 0)->is_key);
	assert_true(vmoon_config_problem(f->cfg, 2)->is_key);
	assert_false(vmoon_config_problem(f->cfg, 3)->is_key);
}

static void test_config__the_error_holds_the_first_of_several(void **state)
{
	struct config_fixture *f = *state;

	cf_set_int(f, "cpus", 0);
	cf_set_int(f, "memory", 256);
	assert_int_equal(vmoon_config_check(f->cfg, &f->err), VMOON_E_CONFIG);
	assert_string_equal(f->err.msg,
			    "2 problems in VM configuration; first: cpus: 0 is "
			    "out of range 1..64");
	assert_int_equal(f->err.sys, 0);
}

static void test_config__unknown_keys_do_not_depend_on_their_order(void **state)
{
	static const char *const keys[] = {"zz9", "qqqqqq", "aa9", "Zulu99"};
	struct config_fixture *f = *state;

	for (size_t i = 0; i < VMOON_COUNTOF(keys); i++)
		cf_set_int(f, keys[i], 1);
	assert_int_equal(vmoon_config_check(f->cfg, NULL), VMOON_E_CONFIG);
	assert_int_equal(vmoon_config_problem_count(f->cfg), 4);
	cf_assert_problem(f, 0, "Zulu99", "unknown field \"Zulu99\"", NULL);
	cf_assert_problem(f, 1, "aa9", "unknown field \"aa9\"", NULL);
	cf_assert_problem(f, 2, "qqqqqq", "unknown field \"qqqqqq\"", NULL);
	cf_assert_problem(f, 3, "zz9", "unknown field \"zz9\"", NULL);
}

static void test_config__a_nested_unknown_key_is_named_at_its_top(void **state)
{
	struct config_fixture *f = *state;

	cf_set_int(f, "wobble.1.a", 1);
	cf_set_int(f, "wobble.2.b", 1);
	cf_assert_only(f, "wobble", "unknown field \"wobble\"", NULL);
}

static void test_config__an_empty_table_of_a_later_version_is_seen(void **state)
{
	static const char *const later[] = {"nets",   "vsock",   "fs",
					    "shares", "balloon", "snapshot"};
	struct config_fixture *f = *state;
	char message[64];

	for (size_t i = 0; i < VMOON_COUNTOF(later); i++) {
		struct vmoon_config *cfg;
		const struct vmoon_problem *p;

		assert_ok(vmoon_config_create(NULL, &cfg, &f->err), &f->err);
		assert_ok(vmoon_config_set_table(cfg, later[i], &f->err),
			  &f->err);
		assert_int_equal(vmoon_config_check(cfg, NULL), VMOON_E_CONFIG);
		p = vmoon_config_problem(cfg, 0);
		(void)snprintf(message, sizeof(message),
			       "\"%s\" is not in this version", later[i]);
		assert_string_equal(p->message, message);
		assert_string_equal(p->path, later[i]);
		assert_non_null(p->hint);
		assert_true(p->is_key);
		vmoon_config_destroy(cfg);
	}
}

static void test_config__a_change_forgets_what_the_check_found(void **state)
{
	struct config_fixture *f = *state;

	cf_set_int(f, "cpus", 65);
	cf_assert_only(f, "cpus", "65 is out of range 1..64", NULL);
	cf_set_int(f, "cpus", 64);
	assert_int_equal(vmoon_config_problem_count(f->cfg), 0);
	assert_null(vmoon_config_problem(f->cfg, 0));
	cf_assert_good(f);
}

static void test_config__a_check_can_be_repeated(void **state)
{
	struct config_fixture *f = *state;

	cf_set_int(f, "memroy", 1);
	for (int i = 0; i < 3; i++)
		cf_assert_only(f, "memroy", "unknown field \"memroy\"",
			       "did you mean \"memory\"?");
}

static void test_config__control_bytes_of_a_key_stay_out_of_messages(
	void **state)
{
	struct config_fixture *f = *state;

	cf_set_int(f, "a\x1b[2J\nb", 1);
	cf_assert_only(f, "a\x1b[2J\nb", "unknown field \"a\\x1b[2J\\x0ab\"",
		       NULL);
	assert_string_equal(f->err.msg,
			    "1 problem in VM configuration: a\\x1b[2J\\x0ab: "
			    "unknown field \"a\\x1b[2J\\x0ab\"");
}

static void test_config__null_is_refused_or_empty(void **state)
{
	struct config_fixture *f = *state;

	assert_int_equal(vmoon_config_check(NULL, &f->err), VMOON_E_INVAL);
	assert_string_equal(f->err.msg, "checking needs a config, got NULL");
	assert_int_equal(vmoon_config_problem_count(NULL), 0);
	assert_null(vmoon_config_problem(NULL, 0));
	vmoon_config_destroy(NULL);
}

static void test_config__four_thousand_mistakes_are_all_reported(void **state)
{
	struct config_fixture *f = *state;
	char key[16];

	for (int i = 1; i < VMOON_CONFIG_NODES_MAX; i++) {
		(void)snprintf(key, sizeof(key), "k%05d", i);
		cf_set_int(f, key, i);
	}
	assert_int_equal(vmoon_config_check(f->cfg, &f->err), VMOON_E_CONFIG);
	assert_int_equal(vmoon_config_problem_count(f->cfg),
			 VMOON_CONFIG_NODES_MAX - 1);
	cf_assert_problem(f, 4094, "k04095", "unknown field \"k04095\"", NULL);
}

static void test_config__the_error_says_where_and_lists_all(void **state)
{
	struct config_fixture *f = *state;

	cf_set(f, "memory", "12Q");
	cf_set_int(f, "memroy", 1);
	assert_int_equal(vmoon_config_check(f->cfg, &f->err), VMOON_E_CONFIG);
	assert_string_equal(f->err.where, "memroy");
	assert_non_null(strstr(f->err.detail,
			       "memroy: unknown field \"memroy\"\n"
			       "  hint: did you mean \"memory\"?\nmemory: "));
}

static const struct CMUnitTest tests[] = {
	cf_test(test_config__the_error_says_where_and_lists_all),
	cf_test(test_config__a_kernel_is_all_it_takes),
	cf_test(test_config__a_missing_kernel_is_a_problem_of_the_whole),
	cf_test(test_config__all_mistakes_come_at_once_and_in_order),
	cf_test(test_config__the_error_holds_the_first_of_several),
	cf_test(test_config__unknown_keys_do_not_depend_on_their_order),
	cf_test(test_config__a_nested_unknown_key_is_named_at_its_top),
	cf_test(test_config__an_empty_table_of_a_later_version_is_seen),
	cf_test(test_config__a_change_forgets_what_the_check_found),
	cf_test(test_config__a_check_can_be_repeated),
	cf_test(test_config__control_bytes_of_a_key_stay_out_of_messages),
	cf_test(test_config__null_is_refused_or_empty),
	cf_test(test_config__four_thousand_mistakes_are_all_reported),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
