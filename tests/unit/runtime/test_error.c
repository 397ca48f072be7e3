/* SPDX-License-Identifier: MIT */
/* test_error.c - mirrors runtime/error.c. */
#include "tests/support/fixture.h"

#include <string.h>

static void test_error__context_reads_outside_in(void **state)
{
	struct vmoon_error e;

	(void)state;
	assert_int_equal(vmoon_fail(&e, VMOON_E_SYS, 2, "open '%s'", "/x"),
			 VMOON_E_SYS);
	vmoon_error_prefix(&e, "disk '%s'", "root");
	assert_string_equal(
		e.msg, "disk 'root': open '/x': No such file or directory");
	assert_int_equal(e.status, VMOON_E_SYS);
	assert_int_equal(e.sys, 2);
}

static void test_error__null_record_is_allowed(void **state)
{
	(void)state;
	assert_int_equal(vmoon_fail(NULL, VMOON_E_NOMEM, 0, "x"),
			 VMOON_E_NOMEM);
	vmoon_error_prefix(NULL, "y");
}

static void test_error__long_message_is_cut_not_overrun(void **state)
{
	struct vmoon_error e;
	char text[2 * sizeof(e.msg)];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(vmoon_fail(&e, VMOON_E_SYS, 2, "%s", text),
			 VMOON_E_SYS);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	vmoon_error_prefix(&e, "%s", text);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
}

static void test_error__a_failure_forgets_the_place_of_the_last(void **state)
{
	struct vmoon_error e;

	(void)state;
	assert_int_equal(vmoon_fail(&e, VMOON_E_CONFIG, 0, "x"),
			 VMOON_E_CONFIG);
	vmoon_error_set_where(&e, "disks.%d.path", 2);
	vmoon_error_add_detail(&e, "one\n");
	vmoon_error_add_detail(&e, "%s\n", "two");
	vmoon_error_prefix(&e, "outside");
	assert_string_equal(e.where, "disks.2.path");
	assert_string_equal(e.detail, "one\ntwo\n");
	assert_int_equal(vmoon_fail(&e, VMOON_E_NOMEM, 0, "y"), VMOON_E_NOMEM);
	assert_string_equal(e.where, "");
	assert_string_equal(e.detail, "");
	vmoon_error_set_where(NULL, "z");
	vmoon_error_add_detail(NULL, "z");
}

static void test_error__long_details_are_cut_not_overrun(void **state)
{
	struct vmoon_error e;
	char text[1000];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(vmoon_fail(&e, VMOON_E_CONFIG, 0, "x"),
			 VMOON_E_CONFIG);
	for (int i = 0; i < 3; i++)
		vmoon_error_add_detail(&e, "%s", text);
	vmoon_error_set_where(&e, "%s", text);
	assert_int_equal(strlen(e.detail), sizeof(e.detail) - 1);
	assert_int_equal(strlen(e.where), sizeof(e.where) - 1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_error__a_failure_forgets_the_place_of_the_last),
	cmocka_unit_test(test_error__long_details_are_cut_not_overrun),
	cmocka_unit_test(test_error__context_reads_outside_in),
	cmocka_unit_test(test_error__null_record_is_allowed),
	cmocka_unit_test(test_error__long_message_is_cut_not_overrun),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
