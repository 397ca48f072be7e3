/* SPDX-License-Identifier: MIT */
/* test_aml.c - the AML writer: encodings, bounds, misuse. */
#include "boot/aml.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/fixture.h"

/* Compares what w has written with the listed bytes, and that it is whole. */
#define assert_bytes(w, ...)                                         \
	do {                                                         \
		const unsigned char want_[] = {__VA_ARGS__};         \
		struct vmoon_error err_;                             \
		size_t len_ = 0;                                     \
		assert_ok(vmoon_aml_finish(w, &len_, &err_), &err_); \
		assert_int_equal(len_, sizeof(want_));               \
		assert_memory_equal((w)->buf, want_, sizeof(want_)); \
	} while (0)

static void test_aml__integers_take_the_shortest_form(void **state)
{
	unsigned char buf[64];
	struct vmoon_aml w;

	(void)state;
	vmoon_aml_init(&w, buf, sizeof(buf));
	vmoon_aml_integer(&w, 0);
	vmoon_aml_integer(&w, 1);
	vmoon_aml_integer(&w, 2);
	vmoon_aml_integer(&w, 0xff);
	vmoon_aml_integer(&w, 0x100);
	vmoon_aml_integer(&w, 0xffff);
	vmoon_aml_integer(&w, 0x10000);
	vmoon_aml_integer(&w, 0x123456789abcdef0);
	assert_bytes(&w, 0x00, 0x01, 0x0a, 0x02, 0x0a, 0xff, 0x0b, 0x00, 0x01,
		     0x0b, 0xff, 0xff, 0x0c, 0x00, 0x00, 0x01, 0x00, 0x0e, 0xf0,
		     0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12);
}

static void test_aml__paths_are_padded_and_prefixed(void **state)
{
	unsigned char buf[64];
	struct vmoon_aml w;

	(void)state;
	vmoon_aml_init(&w, buf, sizeof(buf));
	vmoon_aml_path(&w, "A");
	vmoon_aml_path(&w, "\\_S5");
	vmoon_aml_path(&w, "^^B1");
	vmoon_aml_path(&w, "\\_SB.PWRB");
	vmoon_aml_path(&w, "A.B.C");
	assert_bytes(&w, 'A', '_', '_', '_', '\\', '_', 'S', '5', '_', '^', '^',
		     'B', '1', '_', '_', '\\', 0x2e, '_', 'S', 'B', '_', 'P',
		     'W', 'R', 'B', 0x2f, 3, 'A', '_', '_', '_', 'B', '_', '_',
		     '_', 'C', '_', '_', '_');
}

static void test_aml__what_is_no_path_is_misuse(void **state)
{
	static const char *const bad[] = {"",
					  "\\",
					  "^",
					  ".A",
					  "A.",
					  "A..B",
					  "abcd",
					  "1ABC",
					  "ABCDE",
					  "A B",
					  "\\^A",
					  "A^",
					  "A.B.C.D.E.F.G.H.I.J.K.L.M.N.O.P.Q"};
	unsigned char buf[128];
	struct vmoon_error err;
	struct vmoon_aml w;
	size_t len = 77;

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		vmoon_aml_init(&w, buf, sizeof(buf));
		vmoon_aml_path(&w, bad[i]);
		if (vmoon_aml_finish(&w, &len, &err) != VMOON_E_INVAL)
			fail_msg("'%s' was taken as a path", bad[i]);
		assert_int_equal(len, 77);
	}
}

static void test_aml__eisa_ids_are_packed_big_endian(void **state)
{
	unsigned char buf[16];
	struct vmoon_aml w;

	(void)state;
	vmoon_aml_init(&w, buf, sizeof(buf));
	vmoon_aml_eisa_id(&w, "PNP0501");
	vmoon_aml_eisa_id(&w, "PNP0C0C");
	assert_bytes(&w, 0x0c, 0x41, 0xd0, 0x05, 0x01, 0x0c, 0x41, 0xd0, 0x0c,
		     0x0c);
}

static void test_aml__what_is_no_eisa_id_is_misuse(void **state)
{
	static const char *const bad[] = {"PNP050",  "PNP05011", "pnp0501",
					  "PNP05g1", "1NP0501",  ""};
	unsigned char buf[16];
	struct vmoon_error err;
	struct vmoon_aml w;
	size_t len;

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(bad); i++) {
		vmoon_aml_init(&w, buf, sizeof(buf));
		vmoon_aml_eisa_id(&w, bad[i]);
		if (vmoon_aml_finish(&w, &len, &err) != VMOON_E_INVAL)
			fail_msg("'%s' was taken as an id", bad[i]);
	}
}

static void test_aml__strings_end_in_zero_and_are_ascii(void **state)
{
	unsigned char buf[16];
	struct vmoon_error err;
	struct vmoon_aml w;
	size_t len;

	(void)state;
	vmoon_aml_init(&w, buf, sizeof(buf));
	vmoon_aml_string(&w, "Hi");
	assert_bytes(&w, 0x0d, 'H', 'i', 0);
	vmoon_aml_string(&w, "\x80");
	assert_int_equal(vmoon_aml_finish(&w, &len, &err), VMOON_E_INVAL);
}

static void test_aml__methods_and_conditions_nest(void **state)
{
	unsigned char buf[64];
	struct vmoon_aml w;

	(void)state;
	vmoon_aml_init(&w, buf, sizeof(buf));
	vmoon_aml_open_method(&w, "M", 1, true);
	vmoon_aml_open(&w, VMOON_AML_IF, NULL);
	vmoon_aml_op(&w, VMOON_AML_ARG0);
	vmoon_aml_op(&w, VMOON_AML_RETURN);
	vmoon_aml_integer(&w, 7);
	vmoon_aml_close(&w);
	vmoon_aml_close(&w);
	assert_bytes(&w, 0x14, 0x0c, 'M', '_', '_', '_', 0x09, 0xa0, 0x05, 0x68,
		     0xa4, 0x0a, 0x07);
}

static void test_aml__regions_and_fields_are_extended_ops(void **state)
{
	unsigned char buf[64];
	struct vmoon_aml w;

	(void)state;
	vmoon_aml_init(&w, buf, sizeof(buf));
	vmoon_aml_region(&w, "REGN", VMOON_AML_SYSTEM_IO, 0x505, 1);
	vmoon_aml_open_field(&w, "REGN", VMOON_AML_FIELD_BYTE);
	vmoon_aml_field_unit(&w, "BITS", 8);
	vmoon_aml_field_unit(&w, "WIDE", 0x345);
	vmoon_aml_close(&w);
	assert_bytes(&w, 0x5b, 0x80, 'R', 'E', 'G', 'N', 0x01, 0x0b, 0x05, 0x05,
		     0x01, 0x5b, 0x81, 0x11, 'R', 'E', 'G', 'N', 0x01, 'B', 'I',
		     'T', 'S', 0x08, 'W', 'I', 'D', 'E', 0x45, 0x34);
}

static void test_aml__templates_know_their_size_and_end(void **state)
{
	unsigned char buf[64];
	struct vmoon_aml w;

	(void)state;
	vmoon_aml_init(&w, buf, sizeof(buf));
	vmoon_aml_open_template(&w);
	vmoon_aml_io(&w, 0x3f8, 8);
	vmoon_aml_isa_irq(&w, 4);
	vmoon_aml_interrupt(&w, 17, VMOON_AML_IRQ_CONSUMER);
	vmoon_aml_close(&w);
	assert_bytes(&w, 0x11, 0x19, 0x0a, 0x16, 0x47, 0x01, 0xf8, 0x03, 0xf8,
		     0x03, 0x01, 0x08, 0x22, 0x10, 0x00, 0x89, 0x06, 0x00, 0x01,
		     0x01, 0x11, 0x00, 0x00, 0x00, 0x79, 0x00);
}

/* Reads a package length back: ACPI 6.5, 20.2.4. */
static size_t read_length(const unsigned char *p, size_t *out_bytes)
{
	size_t more = p[0] >> 6;
	size_t value = more == 0 ? (size_t)(p[0] & 0x3f) : p[0] & 0xf;

	for (size_t i = 0; i < more; i++)
		value |= (size_t)p[1 + i] << (4 + 8 * i);
	*out_bytes = 1 + more;
	return value;
}

static void test_aml__lengths_grow_with_their_content(void **state)
{
	/* The last bodies that fit one, two and three bytes, and the next. */
	static const struct {
		size_t body, bytes;
	} cases[] = {{0, 1},     {0x3e, 1},    {0x3f, 2},   {0xffd, 2},
		     {0xffe, 3}, {0xffffc, 3}, {0xffffd, 4}};
	const size_t cap = 0x100010;
	unsigned char *buf = malloc(cap);
	struct vmoon_error err;
	struct vmoon_aml w;

	(void)state;
	assert_non_null(buf);
	for (size_t i = 0; i < VMOON_COUNTOF(cases); i++) {
		size_t bytes, len;

		vmoon_aml_init(&w, buf, cap);
		vmoon_aml_open(&w, VMOON_AML_IF, NULL);
		vmoon_aml_zeros(&w, cases[i].body);
		if (cases[i].body != 0)
			buf[w.len - 1] = 0xee;
		vmoon_aml_close(&w);
		assert_ok(vmoon_aml_finish(&w, &len, &err), &err);
		assert_int_equal(read_length(buf + 1, &bytes), len - 1);
		assert_int_equal(bytes, cases[i].bytes);
		assert_int_equal(len, 1 + bytes + cases[i].body);
		if (cases[i].body != 0)
			assert_int_equal(buf[len - 1], 0xee);
	}
	free(buf);
}

/* Uses every kind of call; its length tells which capacities are too small. */
static void write_sample(struct vmoon_aml *w)
{
	vmoon_aml_open(w, VMOON_AML_DEVICE, "DEV0");
	vmoon_aml_name(w, "_HID");
	vmoon_aml_eisa_id(w, "PNP0501");
	vmoon_aml_name(w, "_DDN");
	vmoon_aml_string(w,
			 "a string that makes the device a long one, of more "
			 "than sixty-three bytes");
	vmoon_aml_name(w, "_CRS");
	vmoon_aml_open_template(w);
	vmoon_aml_io(w, 1, 1);
	vmoon_aml_close(w);
	vmoon_aml_region(w, "REGN", VMOON_AML_SYSTEM_IO, 0x505, 1);
	vmoon_aml_open_field(w, "REGN", VMOON_AML_FIELD_BYTE);
	vmoon_aml_field_unit(w, "BITS", 8);
	vmoon_aml_close(w);
	vmoon_aml_open_package(w, 1);
	vmoon_aml_integer(w, 5);
	vmoon_aml_close(w);
	vmoon_aml_close(w);
}

static void test_aml__every_too_small_buffer_is_refused_in_bounds(void **state)
{
	unsigned char whole[256];
	struct vmoon_error err;
	struct vmoon_aml w;
	size_t len, other = 77;

	(void)state;
	vmoon_aml_init(&w, whole, sizeof(whole));
	write_sample(&w);
	assert_ok(vmoon_aml_finish(&w, &len, &err), &err);
	for (size_t cap = 0; cap < len; cap++) {
		unsigned char *buf = malloc(cap + 1);

		assert_non_null(buf);
		buf[cap] = 0xa5;
		vmoon_aml_init(&w, buf, cap);
		write_sample(&w);
		assert_int_equal(vmoon_aml_finish(&w, &other, &err),
				 VMOON_E_NOMEM);
		assert_true(w.overflow && w.len <= cap);
		assert_int_equal(buf[cap], 0xa5);
		free(buf);
	}
	assert_int_equal(other, 77);
	vmoon_aml_init(&w, whole, len);
	write_sample(&w);
	assert_ok(vmoon_aml_finish(&w, &other, &err), &err);
}

static void test_aml__an_unbalanced_writer_does_not_finish(void **state)
{
	unsigned char buf[64];
	struct vmoon_error err;
	struct vmoon_aml w;
	size_t len;

	(void)state;
	vmoon_aml_init(&w, buf, sizeof(buf));
	vmoon_aml_open(&w, VMOON_AML_IF, NULL);
	assert_int_equal(vmoon_aml_finish(&w, &len, &err), VMOON_E_INVAL);
	vmoon_aml_close(&w);
	assert_ok(vmoon_aml_finish(&w, &len, &err), &err);
	vmoon_aml_close(&w);
	assert_int_equal(vmoon_aml_finish(&w, &len, &err), VMOON_E_INVAL);
}

static void test_aml__nesting_has_a_limit(void **state)
{
	unsigned char buf[64];
	struct vmoon_aml w;

	(void)state;
	vmoon_aml_init(&w, buf, sizeof(buf));
	for (int i = 0; i < VMOON_AML_DEPTH_MAX; i++)
		vmoon_aml_open(&w, VMOON_AML_IF, NULL);
	assert_true(vmoon_aml_is_good(&w));
	vmoon_aml_open(&w, VMOON_AML_IF, NULL);
	assert_true(w.misuse);
	assert_int_equal(w.depth, VMOON_AML_DEPTH_MAX);
}

static void test_aml__values_out_of_range_are_misuse(void **state)
{
	unsigned char buf[1024];
	struct vmoon_aml w;

	(void)state;
	vmoon_aml_init(&w, buf, sizeof(buf));
	vmoon_aml_le(&w, 0, 9);
	assert_true(w.misuse);
	vmoon_aml_init(&w, buf, sizeof(buf));
	vmoon_aml_isa_irq(&w, 16);
	assert_true(w.misuse);
	vmoon_aml_init(&w, buf, sizeof(buf));
	vmoon_aml_open_method(&w, "M", 8, false);
	assert_true(w.misuse);
	vmoon_aml_init(&w, buf, sizeof(buf));
	vmoon_aml_open_package(&w, 256);
	assert_true(w.misuse);
	vmoon_aml_init(&w, buf, sizeof(buf));
	vmoon_aml_field_unit(&w, "A.B", 8);
	assert_true(w.misuse);
	vmoon_aml_init(&w, buf, sizeof(buf));
	vmoon_aml_field_unit(&w, "A", 0x10000000);
	assert_true(w.misuse);
	vmoon_aml_init(&w, buf, sizeof(buf));
	vmoon_aml_open_template(&w);
	vmoon_aml_zeros(&w, 254); /* with the end tag one too many */
	vmoon_aml_close(&w);
	assert_true(w.misuse);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_aml__integers_take_the_shortest_form),
	cmocka_unit_test(test_aml__paths_are_padded_and_prefixed),
	cmocka_unit_test(test_aml__what_is_no_path_is_misuse),
	cmocka_unit_test(test_aml__eisa_ids_are_packed_big_endian),
	cmocka_unit_test(test_aml__what_is_no_eisa_id_is_misuse),
	cmocka_unit_test(test_aml__strings_end_in_zero_and_are_ascii),
	cmocka_unit_test(test_aml__methods_and_conditions_nest),
	cmocka_unit_test(test_aml__regions_and_fields_are_extended_ops),
	cmocka_unit_test(test_aml__templates_know_their_size_and_end),
	cmocka_unit_test(test_aml__lengths_grow_with_their_content),
	cmocka_unit_test(test_aml__every_too_small_buffer_is_refused_in_bounds),
	cmocka_unit_test(test_aml__an_unbalanced_writer_does_not_finish),
	cmocka_unit_test(test_aml__nesting_has_a_limit),
	cmocka_unit_test(test_aml__values_out_of_range_are_misuse),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
