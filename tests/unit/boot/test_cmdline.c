/* SPDX-License-Identifier: MIT */
/* test_cmdline.c - mirrors runtime/boot/cmdline.c. */
#include "runtime/boot/cmdline.h"
#include "tests/unit/boot/images.h"

static void test_boot_03__charset_and_length_errors_are_distinct(void **state)
{
	struct vmoon_error err = {0};

	(void)state;
	assert_ok(vmoon_cmdline_check("a=b c=\"~ d\"", 11, &err), &err);
	assert_ok(vmoon_cmdline_check("", 0, &err), &err);
	assert_int_equal(vmoon_cmdline_check("quiet", 4, &err), VMOON_E_CONFIG);
	assert_string_equal(err.msg, "cmdline: 5 bytes, but the kernel takes "
				     "4; shorten it");
	assert_int_equal(vmoon_cmdline_check("a\nb", 9, &err), VMOON_E_CONFIG);
	assert_string_equal(err.msg, "cmdline: byte 2 is 0x0a; use printable "
				     "ASCII only");
	assert_int_equal(vmoon_cmdline_check("\x1f", 9, &err), VMOON_E_CONFIG);
	assert_int_equal(vmoon_cmdline_check("\x7f", 9, &err), VMOON_E_CONFIG);
	assert_int_equal(vmoon_cmdline_check("\xc3\xa4", 9, &err),
			 VMOON_E_CONFIG);
}

static void test_l06__a_long_command_line_is_refused_not_cut(void **state)
{
	const size_t limit = 2047, large = VMOON_MIB;
	char *text = malloc(large + 1);
	const size_t lengths[] = {limit - 1, limit, limit + 1, large};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(lengths); i++) {
		memset(text, 'x', lengths[i]);
		text[lengths[i]] = '\0';
		assert_int_equal(vmoon_cmdline_check(text, limit, NULL),
				 lengths[i] <= limit ? VMOON_OK
						     : VMOON_E_CONFIG);
	}
	free(text);
}

static void test_boot_08__the_last_possible_address_works_one_more_fails(
	void **state)
{
	struct vmoon_error err = {0};
	struct vmoon_gmem gm;
	const uint64_t end = 2 * VMOON_MIB;

	(void)state;
	memory_open(&gm, end);
	assert_ok(vmoon_cmdline_write(&gm, end - 5, "abcd", &err), &err);
	assert_memory_equal(memory_at(&gm, end - 5, 5), "abcd", 5);
	assert_int_equal(vmoon_cmdline_write(&gm, end - 4, "wxyz", &err),
			 VMOON_E_CONFIG);
	assert_memory_equal(memory_at(&gm, end - 5, 5), "abcd", 5);
	assert_int_equal(vmoon_cmdline_write(&gm, UINT64_MAX, "", &err),
			 VMOON_E_CONFIG);
	vmoon_gmem_fini(&gm);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_boot_03__charset_and_length_errors_are_distinct),
		cmocka_unit_test(
			test_l06__a_long_command_line_is_refused_not_cut),
		cmocka_unit_test(
			test_boot_08__the_last_possible_address_works_one_more_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
