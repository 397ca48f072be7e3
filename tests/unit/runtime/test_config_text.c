/* SPDX-License-Identifier: MIT */
/* test_config_text.c - text that never outgrows its buffer, and sizes. */
#include "config.h"

#include "tests/support/fixture.h"

#include <string.h>

static void test_config_text__every_piece_respects_the_end(void **state)
{
	char buf[32];

	(void)state;
	for (size_t cap = 1; cap < sizeof(buf); cap++) {
		struct vmoon_text t;

		memset(buf, '#', sizeof(buf));
		vmoon_text_init(&t, buf, cap);
		vmoon_text_put(&t, "%s", "abc");
		vmoon_text_put_quoted(&t, "d\n", 2);
		vmoon_text_put_json(&t, "\xff", 1);
		vmoon_text_put_size(&t, VMOON_MIB);
		vmoon_text_put_plain(&t, "xyz", 3);
		assert_int_equal(t.len, 23);
		assert_int_equal(buf[cap], '#');
		assert_int_equal(strlen(buf), cap - 1 < 23 ? cap - 1 : 23);
		assert_memory_equal(buf, "abc\"d\\x0a\"\"\\ufffd\"1Mxyz",
				    strlen(buf));
	}
}

static void test_config_text__a_long_value_is_cut_between_characters(
	void **state)
{
	char value[400], buf[512];
	struct vmoon_text t;

	(void)state;
	/* 159 bytes, then two-byte characters: the cut would split one. */
	memset(value, 'x', 159);
	for (size_t i = 159; i + 1 < sizeof(value); i += 2)
		memcpy(value + i, "\xc3\xa4", 2);
	vmoon_text_init(&t, buf, sizeof(buf));
	vmoon_text_put_quoted(&t, value, 399);
	assert_int_equal(t.len, 159 + 2 + 3);
	assert_string_equal(buf + 158, "xx\"...");
}

static void test_config_text__only_real_utf8_passes(void **state)
{
	static const struct {
		const char *bytes, *json;
	} cases[] = {
		{"\xc3\xa4", "\"\xc3\xa4\""},
		{"\xe2\x82\xac", "\"\xe2\x82\xac\""},
		{"\xf0\x9f\x8c\x99", "\"\xf0\x9f\x8c\x99\""},
		{"\xc3", "\"\\ufffd\""},                       /* cut */
		{"\xc0\x80", "\"\\ufffd\\ufffd\""},            /* overlong */
		{"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""}, /* surrogate */
		{"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
		{"\xf8", "\"\\ufffd\""},
		{"\x80", "\"\\ufffd\""},
		{"\xe2\x82z", "\"\\ufffd\\ufffdz\""},
	};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(cases); i++) {
		char buf[64];
		struct vmoon_text t;

		vmoon_text_init(&t, buf, sizeof(buf));
		vmoon_text_put_json(&t, cases[i].bytes, strlen(cases[i].bytes));
		assert_string_equal(buf, cases[i].json);
	}
}

static void test_config_text__sizes_read_back_as_written(void **state)
{
	static const uint64_t sizes[] = {VMOON_KIB,
					 3 * VMOON_KIB,
					 VMOON_MIB,
					 VMOON_GIB,
					 1536 * VMOON_MIB,
					 1024 * VMOON_GIB,
					 5 * 1024 * VMOON_GIB,
					 UINT64_MAX - 1023};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(sizes); i++) {
		char buf[32];
		struct vmoon_text t;
		uint64_t bytes = 0;

		vmoon_text_init(&t, buf, sizeof(buf));
		vmoon_text_put_size(&t, sizes[i]);
		assert_int_equal(vmoon_size_parse(buf, strlen(buf), &bytes),
				 VMOON_SIZE_OK);
		assert_true(bytes == sizes[i]);
	}
}

static void test_config_text__a_size_that_overflows_saturates(void **state)
{
	uint64_t bytes = 0;

	(void)state;
	assert_int_equal(vmoon_size_parse("16777215T", 9, &bytes),
			 VMOON_SIZE_OK);
	assert_true(bytes == UINT64_C(16777215) << 40);
	assert_int_equal(vmoon_size_parse("16777216T", 9, &bytes),
			 VMOON_SIZE_OK);
	assert_true(bytes == UINT64_MAX);
	/* 2^64 + 1: the digits alone wrap to 1. */
	assert_int_equal(vmoon_size_parse("18446744073709551617K", 21, &bytes),
			 VMOON_SIZE_OK);
	assert_true(bytes == UINT64_MAX);
	/* 2^64 + 4: the tenfold of the first digits wraps. */
	assert_int_equal(vmoon_size_parse("18446744073709551620K", 21, &bytes),
			 VMOON_SIZE_OK);
	assert_true(bytes == UINT64_MAX);
	assert_int_equal(vmoon_size_parse("", 0, &bytes), VMOON_SIZE_MALFORMED);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_config_text__every_piece_respects_the_end),
	cmocka_unit_test(
		test_config_text__a_long_value_is_cut_between_characters),
	cmocka_unit_test(test_config_text__only_real_utf8_passes),
	cmocka_unit_test(test_config_text__sizes_read_back_as_written),
	cmocka_unit_test(test_config_text__a_size_that_overflows_saturates),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
