/* SPDX-License-Identifier: MIT */
/* test_state.c - mirrors runtime/state.c. */
#include "tests/support/fixture.h"
#include "vmoon/state.h"

#include <string.h>

static struct vmoon_state_reader reader_of(const struct vmoon_state_writer *w)
{
	return (struct vmoon_state_reader){.buf = w->buf, .size = w->len};
}

static void test_state__values_and_bytes_come_back_in_order(void **state)
{
	unsigned char buf[64], bytes[3];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};
	struct vmoon_state_reader r;

	(void)state;
	vmoon_state_begin(&w, "thing", 7);
	vmoon_state_put(&w, 0xfe, 1);
	vmoon_state_put(&w, 0x1234, 2);
	vmoon_state_put(&w, 0xdeadbeef, 4);
	vmoon_state_put(&w, UINT64_MAX - 1, 8);
	vmoon_state_put_bytes(&w, "abc", 3);
	assert_false(w.is_overflow);
	r = reader_of(&w);
	assert_true(vmoon_state_expect(&r, "thing", 7));
	assert_int_equal(vmoon_state_get(&r, 1), 0xfe);
	assert_int_equal(vmoon_state_get(&r, 2), 0x1234);
	assert_int_equal(vmoon_state_get(&r, 4), 0xdeadbeef);
	assert_true(vmoon_state_get(&r, 8) == UINT64_MAX - 1);
	vmoon_state_get_bytes(&r, bytes, sizeof(bytes));
	assert_memory_equal(bytes, "abc", 3);
	assert_false(r.is_bad);
	assert_int_equal(r.off, w.len);
}

static void test_state__values_are_little_endian(void **state)
{
	unsigned char buf[16];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};

	(void)state;
	vmoon_state_begin(&w, "t", 0x01020304);
	vmoon_state_put(&w, 0x0a0b, 2);
	assert_int_equal(w.len, 8);
	assert_memory_equal(buf, "\x01t\x04\x03\x02\x01\x0b\x0a", 8);
}

static void test_state__a_full_writer_counts_on_and_stores_nothing(void **state)
{
	unsigned char buf[10];
	struct vmoon_state_writer w = {.buf = buf, .size = 8};

	(void)state;
	memset(buf, 0xcc, sizeof(buf));
	vmoon_state_put(&w, 1, 8);
	assert_false(w.is_overflow);
	vmoon_state_put(&w, 2, 4);
	assert_true(w.is_overflow);
	vmoon_state_put(&w, 3, 1);
	assert_int_equal(w.len, 13);
	assert_int_equal(buf[8], 0xcc);
	assert_int_equal(buf[9], 0xcc);
}

static void test_state__a_piece_that_does_not_fit_is_not_cut(void **state)
{
	unsigned char buf[4];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};

	(void)state;
	memset(buf, 0xcc, sizeof(buf));
	vmoon_state_put(&w, 0, 2);
	vmoon_state_put(&w, 0, 4);
	assert_true(w.is_overflow);
	assert_int_equal(buf[2], 0xcc);
}

static void test_state__a_writer_without_storage_tells_the_size(void **state)
{
	struct vmoon_state_writer w = {0};

	(void)state;
	vmoon_state_begin(&w, "ab", 1);
	vmoon_state_put(&w, 9, 8);
	assert_true(w.is_overflow);
	assert_int_equal(w.len, 1 + 2 + 4 + 8);
}

static void test_state__a_length_that_wraps_is_an_overflow(void **state)
{
	unsigned char buf[8] = {0};
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};
	volatile size_t huge = SIZE_MAX;

	(void)state;
	vmoon_state_put(&w, 1, 1);
	vmoon_state_put_bytes(&w, buf, huge);
	assert_true(w.is_overflow);
	assert_true(w.len == SIZE_MAX);
	vmoon_state_put(&w, 1, 1);
	assert_true(w.len == SIZE_MAX);
}

static void test_state__reading_past_the_end_gives_zeroes_for_good(void **state)
{
	const unsigned char buf[] = {1, 2, 3};
	struct vmoon_state_reader r = {.buf = buf, .size = sizeof(buf)};
	unsigned char out[2] = {9, 9};

	(void)state;
	assert_int_equal(vmoon_state_get(&r, 2), 0x0201);
	assert_int_equal(vmoon_state_get(&r, 2), 0);
	assert_true(r.is_bad);
	assert_int_equal(vmoon_state_get(&r, 1), 0); /* though one is left */
	vmoon_state_get_bytes(&r, out, sizeof(out));
	assert_int_equal(out[0], 0);
	assert_int_equal(out[1], 0);
}

static void test_state__an_offset_past_the_end_is_bad(void **state)
{
	const unsigned char buf[] = {1, 2, 3};
	struct vmoon_state_reader r = {.buf = buf, .size = 3, .off = SIZE_MAX};

	(void)state;
	assert_int_equal(vmoon_state_get(&r, 8), 0);
	assert_true(r.is_bad);
}

static void test_state__tag_and_version_must_match(void **state)
{
	static const struct {
		const char *tag;
		uint32_t version;
		bool is_good;
	} row[] = {
		{"uart", 2, true},  {"uart", 3, false},  {"uart", 0x102, false},
		{"uarx", 2, false}, {"uart1", 2, false}, {"uar", 2, false},
	};
	unsigned char buf[32];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};

	(void)state;
	vmoon_state_begin(&w, "uart", 2);
	for (size_t i = 0; i < VMOON_COUNTOF(row); i++) {
		struct vmoon_state_reader r = reader_of(&w);

		assert_int_equal(
			vmoon_state_expect(&r, row[i].tag, row[i].version),
			row[i].is_good);
		assert_int_equal(r.is_bad, !row[i].is_good);
	}
}

static void test_state__all_four_bytes_of_a_version_count(void **state)
{
	static const uint32_t versions[] = {0x102, 0x10002, 0x1000002};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(versions); i++) {
		unsigned char buf[16];
		struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};
		struct vmoon_state_reader r;

		vmoon_state_begin(&w, "t", versions[i]);
		r = reader_of(&w);
		assert_false(vmoon_state_expect(&r, "t", 2));
		r = reader_of(&w);
		assert_true(vmoon_state_expect(&r, "t", versions[i]));
	}
}

static void test_state__every_cut_of_a_section_is_bad(void **state)
{
	unsigned char buf[32];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};

	(void)state;
	vmoon_state_begin(&w, "dev", 1);
	vmoon_state_put(&w, 0x55, 1);
	for (size_t len = 0; len < w.len; len++) {
		struct vmoon_state_reader r = {.buf = buf, .size = len};

		VMOON_IGNORE(vmoon_state_expect(&r, "dev", 1));
		assert_int_equal(vmoon_state_get(&r, 1), 0);
		assert_true(r.is_bad);
	}
}

static void test_state__the_longest_tag_fits(void **state)
{
	char tag[256];
	unsigned char buf[300];
	struct vmoon_state_writer w = {.buf = buf, .size = sizeof(buf)};
	struct vmoon_state_reader r;

	(void)state;
	memset(tag, 'x', 255);
	tag[255] = '\0';
	vmoon_state_begin(&w, tag, 1);
	r = reader_of(&w);
	assert_true(vmoon_state_expect(&r, tag, 1));
}

static void test_state__zero_bytes_need_no_storage(void **state)
{
	struct vmoon_state_writer w = {0};
	struct vmoon_state_reader r = {0};
	char none[1] = {0};

	(void)state;
	vmoon_state_put_bytes(&w, none, 0);
	assert_false(w.is_overflow);
	vmoon_state_get_bytes(&r, none, 0);
	assert_false(r.is_bad);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_state__values_and_bytes_come_back_in_order),
	cmocka_unit_test(test_state__values_are_little_endian),
	cmocka_unit_test(
		test_state__a_full_writer_counts_on_and_stores_nothing),
	cmocka_unit_test(test_state__a_piece_that_does_not_fit_is_not_cut),
	cmocka_unit_test(test_state__a_writer_without_storage_tells_the_size),
	cmocka_unit_test(test_state__a_length_that_wraps_is_an_overflow),
	cmocka_unit_test(
		test_state__reading_past_the_end_gives_zeroes_for_good),
	cmocka_unit_test(test_state__an_offset_past_the_end_is_bad),
	cmocka_unit_test(test_state__tag_and_version_must_match),
	cmocka_unit_test(test_state__all_four_bytes_of_a_version_count),
	cmocka_unit_test(test_state__every_cut_of_a_section_is_bad),
	cmocka_unit_test(test_state__the_longest_tag_fits),
	cmocka_unit_test(test_state__zero_bytes_need_no_storage),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
