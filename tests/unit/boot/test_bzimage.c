/* SPDX-License-Identifier: MIT */
/* test_bzimage.c - mirrors runtime/boot/bzimage.c. */
#include "runtime/boot/bzimage.h"
#include "tests/unit/boot/images.h"

static enum vmoon_status parse(const struct blob *b, struct vmoon_bzimage *bz,
			       struct vmoon_error *err)
{
	const struct vmoon_image img = vmoon_image_of_bytes(b->bytes, b->size);

	return vmoon_bzimage_parse(&img, bz, err);
}

static void test_bzimage__header_fields_are_found(void **state)
{
	struct blob b = bz_wrap((const unsigned char *)"payload!", 8);
	struct vmoon_error err = {0};
	struct vmoon_bzimage bz;

	(void)state;
	assert_ok(parse(&b, &bz, &err), &err);
	assert_int_equal(bz.kernel.offset, BZ_SETUP);
	assert_int_equal(bz.kernel.size, b.size - BZ_SETUP);
	assert_memory_equal(b.bytes + bz.payload.offset, "payload!", 8);
	assert_int_equal(bz.payload.size, 8);
	assert_int_equal(bz.start, ELF_BASE);
	assert_int_equal(bz.end, ELF_BASE + BZ_INIT_SIZE);
	assert_int_equal(bz.cmdline_max, 2047);
	assert_int_equal(bz.initrd_max, 0x7fffffff);
	assert_int_equal(bz.header_len, 0x26c - VMOON_SETUP_HEADER);
	assert_memory_equal(bz.header, b.bytes + VMOON_SETUP_HEADER,
			    bz.header_len);
	free(b.bytes);
}

static void test_bzimage__no_setup_sectors_means_four(void **state)
{
	struct blob b = bz_wrap(NULL, 8192);
	struct vmoon_error err = {0};
	struct vmoon_bzimage bz;

	(void)state;
	b.bytes[0x1f1] = 0;
	vmoon_le32_store(b.bytes + 0x24c, 16);
	assert_ok(parse(&b, &bz, &err), &err);
	assert_int_equal(bz.kernel.offset, 5 * 512);
	free(b.bytes);
}

static void test_bzimage__the_kernel_is_loaded_whole(void **state)
{
	struct blob b = bz_wrap(NULL, 100);
	const struct vmoon_image img = vmoon_image_of_bytes(b.bytes, b.size);
	struct vmoon_error err = {0};
	struct vmoon_bzimage bz;
	struct vmoon_gmem gm;

	(void)state;
	memory_open(&gm, 32 * VMOON_MIB);
	assert_ok(vmoon_bzimage_parse(&img, &bz, &err), &err);
	assert_ok(vmoon_bzimage_load(&bz, &img, &gm, &err), &err);
	assert_memory_equal(memory_at(&gm, ELF_BASE, b.size - BZ_SETUP),
			    b.bytes + BZ_SETUP, b.size - BZ_SETUP);
	vmoon_gmem_fini(&gm);
	/* Room for unpacking is missing: nothing is written. */
	memory_open(&gm, ELF_BASE + BZ_INIT_SIZE - 4096);
	assert_int_equal(vmoon_bzimage_load(&bz, &img, &gm, &err),
			 VMOON_E_CONFIG);
	assert_string_equal(err.msg,
			    "needs RAM from 0x1000000 to 0x1010000 to unpack "
			    "itself; give the VM at least 17 MiB of memory");
	assert_true(memory_is_zero(&gm, ELF_BASE, BZ_INIT_SIZE - 4096));
	vmoon_gmem_fini(&gm);
	free(b.bytes);
}

static void test_bzimage__the_place_is_aligned_as_the_kernel_does(void **state)
{
	struct blob b = bz_wrap(NULL, 0);
	struct vmoon_error err = {0};
	struct vmoon_bzimage bz;

	(void)state;
	vmoon_le64_store(b.bytes + 0x258, ELF_BASE + 1);
	assert_ok(parse(&b, &bz, &err), &err);
	assert_int_equal(bz.start, ELF_BASE + 0x200000);
	b.bytes[0x234] = 0; /* not relocatable */
	assert_ok(parse(&b, &bz, &err), &err);
	assert_int_equal(bz.start, ELF_BASE + 1);
	free(b.bytes);
}

static void test_bzimage__a_place_that_wraps_around_is_refused(void **state)
{
	struct blob b = bz_wrap(NULL, 0);
	struct vmoon_error err = {0};
	struct vmoon_bzimage bz;

	(void)state;
	b.bytes[0x234] = 0; /* not relocatable: taken as it is */
	vmoon_le64_store(b.bytes + 0x258, UINT64_MAX - BZ_INIT_SIZE + 0x1000);
	assert_int_equal(parse(&b, &bz, &err), VMOON_E_IMAGE);
	assert_non_null(strstr(err.msg, "outside of 1 MiB to 3 GiB"));
	free(b.bytes);
}

static const struct {
	size_t at;
	unsigned size;
	uint64_t value;
	const char *part;
} broken[] = {
	{0x202, 4, 0, "not a bzImage"},
	{0x202, 1, 'h', "not a bzImage"},
	{0x206, 2, 0x1ff, "older than 2.00"},
	{0x206, 2, 0, "older than 2.00"},
	{0x206, 2, 0x200, "without a 64-bit entry"},
	{0x206, 2, 0x20b, "protocol 2.11 without a 64-bit entry"},
	{0x211, 1, 0, "zImage"},
	{0x211, 1, 0xfe, "zImage"},
	{0x236, 2, 0, "32-bit kernel"},
	{0x236, 2, 0xfffe, "32-bit kernel"},
	{0x201, 1, 0, "too short"},
	{0x201, 1, 0x61, "too short"},
	{0x1f1, 1, 0xff, "truncated"},
	{0x1f1, 1, 2, "truncated"},
	{0x248, 4, UINT32_MAX, "payload"},
	{0x248, 4, 0x80000000, "payload"},
	{0x248, 4, BZ_PAYLOAD + BZ_TAIL + 1, "payload"},
	{0x24c, 4, UINT32_MAX, "payload"},
	{0x24c, 4, 16 + BZ_TAIL + 1, "payload"},
	{0x230, 4, 0, "kernel_alignment"},
	{0x230, 4, 0x200001, "kernel_alignment"},
	{0x230, 4, UINT32_MAX, "kernel_alignment"},
	{0x258, 8, 0, "outside of 1 MiB to 3 GiB"},
	{0x258, 8, UINT64_MAX, "outside of 1 MiB to 3 GiB"},
	{0x258, 8, UINT64_C(1) << 63, "outside of 1 MiB to 3 GiB"},
	{0x258, 8, 0xc0000000 - 0x8000, "outside of 1 MiB to 3 GiB"},
	{0x260, 4, UINT32_MAX, "outside of 1 MiB to 3 GiB"},
};

static void test_boot_04__wrong_headers_are_refused_with_a_message(void **state)
{
	struct blob good = bz_wrap(NULL, 16);

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(broken); i++) {
		struct blob b = {malloc(good.size), good.size};
		struct vmoon_error err = {0};
		struct vmoon_bzimage bz;
		unsigned char le[8];

		memcpy(b.bytes, good.bytes, good.size);
		vmoon_le64_store(le, broken[i].value);
		memcpy(b.bytes + broken[i].at, le, broken[i].size);
		if (parse(&b, &bz, &err) != VMOON_E_IMAGE)
			fail_msg("case %zu is accepted", i);
		if (strstr(err.msg, broken[i].part) == NULL)
			fail_msg("case %zu: '%s' lacks '%s'", i, err.msg,
				 broken[i].part);
		free(b.bytes);
	}
	free(good.bytes);
}

static void test_l01__every_truncation_is_refused_or_harmless(void **state)
{
	struct blob good = bz_wrap(NULL, 16);
	struct vmoon_bzimage bz;

	(void)state;
	for (size_t size = 0; size < good.size; size++) {
		/* A copy of this very size: ASan sees one byte too many. */
		struct blob b = {malloc(size != 0 ? size : 1), size};
		enum vmoon_status st;

		memcpy(b.bytes, good.bytes, size);
		st = parse(&b, &bz, NULL);
		/* What is behind the payload is not needed. */
		assert_int_equal(st, size < good.size - BZ_TAIL ? VMOON_E_IMAGE
								: VMOON_OK);
		free(b.bytes);
	}
	free(good.bytes);
}

static void test_l03__each_header_byte_flipped_each_way_is_harmless(
	void **state)
{
	struct blob b = bz_wrap(NULL, 16);
	const struct vmoon_image img = vmoon_image_of_bytes(b.bytes, b.size);
	struct vmoon_bzimage bz;
	struct vmoon_gmem gm;

	(void)state;
	memory_open(&gm, 64 * VMOON_MIB);
	for (size_t at = 0; at < BZ_SETUP; at++) {
		for (unsigned flip = 1; flip < 256; flip++) {
			b.bytes[at] ^= (unsigned char)flip;
			if (vmoon_bzimage_parse(&img, &bz, NULL) == VMOON_OK) {
				assert_true(vmoon_range_ok(bz.payload.offset,
							   bz.payload.size,
							   b.size));
				assert_true(bz.start >= VMOON_MIB);
				assert_true(bz.end - bz.start >=
					    bz.kernel.size);
				VMOON_IGNORE(vmoon_bzimage_load(&bz, &img, &gm,
								NULL));
			}
			b.bytes[at] ^= (unsigned char)flip;
		}
	}
	assert_true(memory_is_zero(&gm, 0, VMOON_MIB));
	vmoon_gmem_fini(&gm);
	free(b.bytes);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bzimage__header_fields_are_found),
		cmocka_unit_test(test_bzimage__no_setup_sectors_means_four),
		cmocka_unit_test(test_bzimage__the_kernel_is_loaded_whole),
		cmocka_unit_test(
			test_bzimage__the_place_is_aligned_as_the_kernel_does),
		cmocka_unit_test(
			test_bzimage__a_place_that_wraps_around_is_refused),
		cmocka_unit_test(
			test_boot_04__wrong_headers_are_refused_with_a_message),
		cmocka_unit_test(
			test_l01__every_truncation_is_refused_or_harmless),
		cmocka_unit_test(
			test_l03__each_header_byte_flipped_each_way_is_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
