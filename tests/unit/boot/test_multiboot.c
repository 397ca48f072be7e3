/* SPDX-License-Identifier: MIT */
/* test_multiboot.c - mirrors runtime/boot/multiboot.c. */
#include "runtime/boot/multiboot.h"
#include "tests/unit/boot/images.h"

static enum vmoon_status parse(const void *bytes, size_t size,
			       struct vmoon_elf *out, struct vmoon_error *err)
{
	const struct vmoon_image img = vmoon_image_of_bytes(bytes, size);

	return vmoon_multiboot_parse(&img, out, err);
}

/* Refused with a message that has want in it, and out is left alone. */
static void assert_refused(const void *bytes, size_t size, const char *want)
{
	struct vmoon_error err = {0};
	struct vmoon_elf out = {.entry = 0x77};

	assert_int_equal(parse(bytes, size, &out, &err), VMOON_E_IMAGE);
	if (strstr(err.msg, want) == NULL)
		fail_msg("'%s' is not in '%s'", want, err.msg);
	assert_int_equal(out.entry, 0x77);
}

static void test_multiboot__address_fields_say_what_goes_where(void **state)
{
	struct mb_image m = mb_make();
	struct vmoon_error err = {0};
	struct vmoon_elf out;

	(void)state;
	assert_ok(parse(&m, sizeof(m), &out, &err), &err);
	assert_int_equal(out.count, 1);
	assert_int_equal(out.segments[0].file.offset, 0);
	assert_int_equal(out.segments[0].file.size, MB_SIZE);
	assert_int_equal(out.segments[0].paddr, MB_BASE);
	assert_int_equal(out.start, MB_BASE);
	assert_int_equal(out.end, MB_END);
	assert_int_equal(out.entry, MB_ENTRY);
	/* The header is where it says it is: the file begins before the load.
	 */
	vmoon_le32_store(m.bytes + MB_LOAD_ADDR, MB_BASE + 0x10);
	vmoon_le32_store(m.bytes + MB_LOAD_END, MB_BASE + 0x110);
	vmoon_le32_store(m.bytes + MB_BSS_END, 0);
	assert_ok(parse(&m, sizeof(m), &out, &err), &err);
	assert_int_equal(out.segments[0].file.offset, 0x10);
	assert_int_equal(out.segments[0].file.size, 0x100);
	assert_int_equal(out.segments[0].memsz, 0x100);
	assert_int_equal(out.start, MB_BASE + 0x10);
}

static void test_multiboot__a_32_bit_elf_file_is_loaded_by_its_headers(
	void **state)
{
	const struct mb_elf_image m = mb_make_elf();
	struct vmoon_error err = {0};
	struct vmoon_elf out;

	(void)state;
	assert_ok(parse(&m, sizeof(m), &out, &err), &err);
	assert_int_equal(out.count, 1);
	assert_int_equal(out.segments[0].file.offset, MB_ELF_TEXT);
	assert_int_equal(out.segments[0].file.size, 0x200);
	assert_int_equal(out.segments[0].paddr, MB_BASE);
	assert_int_equal(out.segments[0].memsz, 0x400);
	assert_int_equal(out.entry, MB_ENTRY);
}

static void test_multiboot__a_64_bit_elf_file_is_taken_as_well(void **state)
{
	struct elf_image e = elf_make();
	struct vmoon_error err = {0};
	struct vmoon_elf out;

	(void)state;
	mb_set_flags(e.bytes + 0x1000, 0);
	assert_ok(parse(&e, sizeof(e), &out, &err), &err);
	assert_int_equal(out.count, 3);
	assert_int_equal(out.entry, ELF_BASE);
}

static void test_multiboot__header_ends_within_8192_bytes_and_is_aligned(
	void **state)
{
	unsigned char *b = calloc(1, 16384);
	struct vmoon_image img = vmoon_image_of_bytes(b, 16384);

	(void)state;
	mb_set_flags(b + 8192 - 12, 0);
	assert_true(vmoon_multiboot_is(&img));
	img.size = 8192;
	assert_true(vmoon_multiboot_is(&img));
	img.size = 8191;
	assert_false(vmoon_multiboot_is(&img));
	img.size = 16384;
	memset(b, 0, 16384);
	mb_set_flags(b + 8192 - 8, 0);
	assert_false(vmoon_multiboot_is(&img));
	assert_refused(b, 16384, "has no Multiboot header in its first 8192");
	for (size_t off = 1; off < 4; off++) {
		memset(b, 0, 16384);
		mb_set_flags(b + 64 + off, 0);
		assert_false(vmoon_multiboot_is(&img));
	}
	/* Address fields belong to the header: cut off, they are missing. */
	memset(b, 0, 16384);
	mb_set_flags(b + 8192 - 28, 0x10000);
	assert_true(vmoon_multiboot_is(&img));
	assert_refused(b, 16384, "at offset 8164 that is cut off");
	free(b);
}

static void test_multiboot__a_wrong_checksum_is_no_header(void **state)
{
	struct mb_image m = mb_make();
	struct vmoon_image img = vmoon_image_of_bytes(&m, sizeof(m));

	(void)state;
	for (unsigned bit = 0; bit < 96; bit++) {
		m.bytes[MB_AT + bit / 8] ^= (unsigned char)(1u << bit % 8);
		assert_false(vmoon_multiboot_is(&img));
		assert_refused(&m, sizeof(m), "has no Multiboot header");
		m.bytes[MB_AT + bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	assert_true(vmoon_multiboot_is(&img));
}

static void test_multiboot__what_cannot_be_had_is_refused(void **state)
{
	struct mb_image m = mb_make();
	struct vmoon_elf out;

	(void)state;
	for (unsigned bit = 0; bit < 32; bit++) {
		mb_set_flags(m.bytes + MB_AT, 0x10000 | UINT32_C(1) << bit);
		if (bit < 2 || bit >= 16)
			assert_int_equal(parse(&m, sizeof(m), &out, NULL),
					 VMOON_OK);
		else
			assert_refused(&m, sizeof(m),
				       bit == 2 ? "a video mode"
						: "Multiboot "
						  "flags 0x");
	}
	mb_set_flags(m.bytes + MB_AT, 3);
	assert_refused(&m, sizeof(m),
		       "without address fields and is not an ELF file");
}

struct lie {
	size_t at;
	uint32_t value;
	const char *want;
};

/* CVE-2017-14167 and its kind: numbers that would steer the copy. */
static const struct lie lies[] = {
	{MB_HEADER_ADDR, MB_BASE - 4, "load_addr is above its header_addr"},
	{MB_HEADER_ADDR, 0, "load_addr is above its header_addr"},
	{MB_HEADER_ADDR, MB_BASE + MB_AT + 4, "before the file's start"},
	{MB_HEADER_ADDR, UINT32_MAX, "before the file's start"},
	{MB_LOAD_ADDR, MB_BASE - 4, "before the file's start"},
	{MB_LOAD_ADDR, 0, "before the file's start"},
	{MB_LOAD_ADDR, UINT32_MAX, "load_addr is above its header_addr"},
	{MB_LOAD_END, 1, "load_end_addr is not above load_addr"},
	{MB_LOAD_END, MB_BASE, "load_end_addr is not above load_addr"},
	{MB_LOAD_END, MB_BASE + MB_SIZE + 1, "is truncated"},
	{MB_LOAD_END, UINT32_MAX, "is truncated"},
	{MB_BSS_END, 1, "bss_end_addr is inside of what is loaded"},
	{MB_BSS_END, MB_BASE + MB_SIZE - 1, "bss_end_addr is inside"},
	{MB_BSS_END, UINT32_MAX, "outside of 1 MiB to 3 GiB"},
	{MB_BSS_END, 0xc0000001, "outside of 1 MiB to 3 GiB"},
	{MB_ENTRY_ADDR, 0, "has an entry at 0x0, outside"},
	{MB_ENTRY_ADDR, MB_BASE - 1, "has an entry at 0x1fffff, outside"},
	{MB_ENTRY_ADDR, MB_BASE + MB_SIZE, "has an entry at 0x200400, outside"},
	{MB_ENTRY_ADDR, UINT32_MAX, "has an entry at 0xffffffff, outside"},
};

static void test_l03__lying_multiboot_addresses_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(lies); i++) {
		struct mb_image m = mb_make();

		vmoon_le32_store(m.bytes + lies[i].at, lies[i].value);
		assert_refused(&m, sizeof(m), lies[i].want);
	}
}

static void test_l03__multiboot_stays_above_the_first_mib(void **state)
{
	struct mb_image m = mb_make();
	struct vmoon_elf out;

	(void)state;
	vmoon_le32_store(m.bytes + MB_HEADER_ADDR, 0xffffc + MB_AT);
	vmoon_le32_store(m.bytes + MB_LOAD_ADDR, 0xffffc);
	vmoon_le32_store(m.bytes + MB_ENTRY_ADDR, 0x100000);
	vmoon_le32_store(m.bytes + MB_BSS_END, 0);
	assert_refused(&m, sizeof(m), "at 0xffffc, outside of 1 MiB to 3 GiB");
	vmoon_le32_store(m.bytes + MB_HEADER_ADDR, 0x100000 + MB_AT);
	vmoon_le32_store(m.bytes + MB_LOAD_ADDR, 0x100000);
	assert_int_equal(parse(&m, sizeof(m), &out, NULL), VMOON_OK);
	vmoon_le32_store(m.bytes + MB_BSS_END, 0xc0000000);
	assert_int_equal(parse(&m, sizeof(m), &out, NULL), VMOON_OK);
	assert_int_equal(out.end, 0xc0000000);
}

/* Whatever is accepted lies in the file, above 1 MiB and below the hole. */
static void assert_harmless(const void *bytes, size_t size)
{
	struct vmoon_elf out;

	if (parse(bytes, size, &out, NULL) != VMOON_OK)
		return;
	assert_true(out.start >= VMOON_ADDR_HIGH_RAM);
	assert_true(out.end <= VMOON_ADDR_HOLE);
	assert_true(vmoon_elf_holds(&out, out.entry));
	for (size_t i = 0; i < out.count; i++)
		assert_true(vmoon_range_ok(out.segments[i].file.offset,
					   out.segments[i].file.size, size));
}

static void test_l03__each_multiboot_byte_flipped_each_way_is_harmless(
	void **state)
{
	struct mb_image m = mb_make();
	struct mb_elf_image e = mb_make_elf();

	(void)state;
	for (size_t at = 0; at < sizeof(m); at++) {
		for (unsigned flip = 1; flip < 256; flip++) {
			m.bytes[at] ^= (unsigned char)flip;
			assert_harmless(&m, sizeof(m));
			m.bytes[at] ^= (unsigned char)flip;
		}
	}
	for (size_t at = 0; at < sizeof(e); at++) {
		for (unsigned flip = 1; flip < 256; flip++) {
			e.bytes[at] ^= (unsigned char)flip;
			assert_harmless(&e, sizeof(e));
			e.bytes[at] ^= (unsigned char)flip;
		}
	}
}

/* Every field of every size, wherever it may begin. */
static void assert_extremes_harmless(const unsigned char *good, size_t size,
				     size_t headers)
{
	static const uint32_t values[] = {0, 1, 0x7fffffff, 0x80000000,
					  UINT32_MAX};
	unsigned char *b = malloc(size);

	for (size_t at = 0; at < headers; at++) {
		for (size_t v = 0; v < VMOON_COUNTOF(values) * 3; v++) {
			unsigned char le[4];

			vmoon_le32_store(le, values[v / 3]);
			memcpy(b, good, size);
			memcpy(b + at, le, (size_t)1 << v % 3);
			assert_harmless(b, size);
		}
	}
	free(b);
}

static void test_l02__extreme_multiboot_and_elf32_fields_never_harm(
	void **state)
{
	const struct mb_image m = mb_make();
	const struct mb_elf_image e = mb_make_elf();

	(void)state;
	assert_extremes_harmless(m.bytes, sizeof(m), MB_ENTRY_ADDR + 4);
	assert_extremes_harmless(e.bytes, sizeof(e), ELF32_PHOFF + 32);
}

static void test_l01__every_truncation_of_a_multiboot_kernel(void **state)
{
	const struct mb_image m = mb_make();
	const struct mb_elf_image e = mb_make_elf();

	(void)state;
	for (size_t size = 0; size < sizeof(m); size++)
		assert_harmless(&m, size);
	for (size_t size = 0; size < sizeof(e); size++)
		assert_harmless(&e, size);
	for (size_t size = 0; size < MB_AT + 12; size++)
		assert_refused(&m, size, "has no Multiboot header");
	for (size_t size = MB_AT + 12; size < MB_AT + 32; size++)
		assert_refused(&m, size, "that is cut off");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_multiboot__address_fields_say_what_goes_where),
		cmocka_unit_test(
			test_multiboot__a_32_bit_elf_file_is_loaded_by_its_headers),
		cmocka_unit_test(
			test_multiboot__a_64_bit_elf_file_is_taken_as_well),
		cmocka_unit_test(
			test_multiboot__header_ends_within_8192_bytes_and_is_aligned),
		cmocka_unit_test(test_multiboot__a_wrong_checksum_is_no_header),
		cmocka_unit_test(test_multiboot__what_cannot_be_had_is_refused),
		cmocka_unit_test(
			test_l03__lying_multiboot_addresses_are_refused),
		cmocka_unit_test(test_l03__multiboot_stays_above_the_first_mib),
		cmocka_unit_test(
			test_l03__each_multiboot_byte_flipped_each_way_is_harmless),
		cmocka_unit_test(
			test_l02__extreme_multiboot_and_elf32_fields_never_harm),
		cmocka_unit_test(
			test_l01__every_truncation_of_a_multiboot_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
