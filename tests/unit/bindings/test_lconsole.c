/* SPDX-License-Identifier: MIT */
/* test_lconsole.c - the escape key of the console. */
#include "bindings/lconsole.h"

#include <string.h>

#include "tests/support/fixture.h"

/* Filters the keys in pieces of `piece` bytes; what passed is in out. */
static bool filter(const char *keys, size_t piece, char *out)
{
	bool has_escape = false, wants_out = false;
	size_t len = strlen(keys), used = 0;

	for (size_t at = 0; at < len && !wants_out; at += piece) {
		unsigned char bytes[16];
		size_t n = len - at < piece ? len - at : piece, kept;

		memcpy(bytes, keys + at, n);
		wants_out = vmoon_lconsole_filter(&has_escape, bytes, n, &kept);
		memcpy(out + used, bytes, kept);
		used += kept;
	}
	out[used] = '\0';
	return wants_out;
}

static void check(const char *keys, const char *passed, bool wants_out)
{
	char out[32];

	for (size_t piece = 1; piece <= 16; piece++) {
		assert_int_equal(filter(keys, piece, out), wants_out);
		assert_string_equal(out, passed);
	}
}

static void test_lconsole__keys_pass_unchanged(void **state)
{
	(void)state;
	check("ls -l x\r\003\004", "ls -l x\r\003\004", false);
}

static void test_lconsole__ctrl_a_x_leaves(void **state)
{
	(void)state;
	check("ab\001x", "ab", true);
	check("ab\001X", "ab", true);
	check("\001xabc", "", true);
}

static void test_lconsole__ctrl_a_twice_is_one_for_the_guest(void **state)
{
	(void)state;
	check("a\001\001b", "a\001b", false);
	check("a\001ab", "a\001b", false);
	check("\001\001x", "\001x", false);
}

static void test_lconsole__other_keys_after_ctrl_a_are_dropped(void **state)
{
	(void)state;
	check("a\001qb", "ab", false);
	check("a\001", "a", false);
}

static void test_lconsole__every_end_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(vmoon_lconsole_end_name(VMOON_LCONSOLE_LEFT),
			    "left");
	assert_string_equal(vmoon_lconsole_end_name(VMOON_LCONSOLE_ENDED),
			    "ended");
	assert_string_equal(vmoon_lconsole_end_name(VMOON_LCONSOLE_CLOSED),
			    "closed");
	assert_string_equal(vmoon_lconsole_end_name(VMOON_LCONSOLE_SIGNAL),
			    "signal");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_lconsole__keys_pass_unchanged),
	cmocka_unit_test(test_lconsole__ctrl_a_x_leaves),
	cmocka_unit_test(test_lconsole__ctrl_a_twice_is_one_for_the_guest),
	cmocka_unit_test(test_lconsole__other_keys_after_ctrl_a_are_dropped),
	cmocka_unit_test(test_lconsole__every_end_has_a_name),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
