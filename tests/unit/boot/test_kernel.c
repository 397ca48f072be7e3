/* SPDX-License-Identifier: MIT */
/* test_kernel.c - mirrors runtime/boot/kernel.c. */
#include "runtime/boot/kernel.h"
#include "tests/unit/boot/images.h"

struct outcome {
	enum vmoon_status st;
	struct vmoon_error err;
	enum vmoon_boot_protocol protocol;
	enum vmoon_unpack unpack;
	uint64_t entry, start, end;
};

static struct outcome load(const void *bytes, size_t size,
			   const struct vmoon_boot_args *args,
			   const struct vmoon_gmem *gm)
{
	struct outcome o = {.st = VMOON_OK};
	struct vmoon_kernel k;

	o.st = vmoon_kernel_prepare(&k, vmoon_image_of_bytes(bytes, size), args,
				    gm, &o.err);
	if (o.st == VMOON_OK)
		o.st = vmoon_kernel_load(&k, gm, &o.err);
	o.protocol = k.protocol;
	o.unpack = k.unpack;
	o.entry = k.entry;
	o.start = k.start;
	o.end = k.end;
	vmoon_kernel_fini(&k);
	return o;
}

static int setup(void **state)
{
	static struct vmoon_gmem gm;

	memory_open(&gm, 32 * VMOON_MIB);
	*state = &gm;
	return 0;
}

static int teardown(void **state)
{
	vmoon_gmem_fini(*state);
	return 0;
}

static void test_boot_07__elf_takes_pvh_unless_told_otherwise(void **state)
{
	const struct elf_image e = elf_make();
	struct vmoon_boot_args args = {.protocol = VMOON_BOOT_AUTO};
	struct outcome o = load(&e, sizeof(e), &args, *state);

	assert_ok(o.st, &o.err);
	assert_int_equal(o.protocol, VMOON_BOOT_PVH);
	assert_int_equal(o.entry, ELF_PVH);
	args.protocol = VMOON_BOOT_PVH;
	o = load(&e, sizeof(e), &args, *state);
	assert_ok(o.st, &o.err);
	assert_int_equal(o.entry, ELF_PVH);
	args.protocol = VMOON_BOOT_LINUX64;
	o = load(&e, sizeof(e), &args, *state);
	assert_ok(o.st, &o.err);
	assert_int_equal(o.protocol, VMOON_BOOT_LINUX64);
	assert_int_equal(o.entry, ELF_BASE);
	assert_int_equal(o.start, ELF_BASE);
	assert_int_equal(o.end, ELF_BASE + 0x2400);
	elf_assert_loaded(*state, &e);
}

/* Puts a Multiboot header where the image has room for it. */
static struct outcome load_mb64(struct elf_image e,
				enum vmoon_boot_protocol protocol,
				const struct vmoon_gmem *gm)
{
	const struct vmoon_boot_args args = {.protocol = protocol};

	mb_set_flags(e.bytes + 0x1000, 0);
	return load(&e, sizeof(e), &args, gm);
}

static void test_kernel__multiboot_comes_after_the_other_kinds(void **state)
{
	const struct vmoon_boot_args args = {.protocol = VMOON_BOOT_AUTO};
	const struct mb_image flat = mb_make();
	const struct mb_elf_image elf = mb_make_elf();
	struct elf_image e = elf_make();
	struct blob bz = bz_wrap(NULL, 16);
	struct outcome o = load_mb64(e, VMOON_BOOT_AUTO, *state);

	assert_int_equal(o.protocol, VMOON_BOOT_PVH);
	vmoon_le32_store(e.bytes + elf_ph(3, PH_TYPE), 0); /* no notes */
	o = load_mb64(e, VMOON_BOOT_AUTO, *state);
	assert_int_equal(o.protocol, VMOON_BOOT_LINUX64);
	o = load_mb64(e, VMOON_BOOT_MULTIBOOT, *state);
	assert_ok(o.st, &o.err);
	assert_int_equal(o.protocol, VMOON_BOOT_MULTIBOOT);
	assert_int_equal(o.entry, ELF_BASE);
	o = load(&flat, sizeof(flat), &args, *state);
	assert_ok(o.st, &o.err);
	assert_int_equal(o.protocol, VMOON_BOOT_MULTIBOOT);
	assert_int_equal(o.end, MB_END);
	o = load(&elf, sizeof(elf), &args, *state);
	assert_ok(o.st, &o.err);
	assert_int_equal(o.protocol, VMOON_BOOT_MULTIBOOT);
	mb_set_flags(bz.bytes + 0x100, 0x10003);
	o = load(bz.bytes, bz.size, &args, *state);
	assert_ok(o.st, &o.err);
	assert_int_equal(o.protocol, VMOON_BOOT_LINUX64);
	free(bz.bytes);
}

static void test_kernel__what_is_asked_for_must_be_there(void **state)
{
	const struct elf_image e = elf_make();
	struct vmoon_boot_args args = {.protocol = VMOON_BOOT_MULTIBOOT};
	const struct mb_elf_image elf32 = mb_make_elf();
	const struct mb_image mb = mb_make();
	struct outcome o = load(&e, sizeof(e), &args, *state);

	assert_int_equal(o.st, VMOON_E_IMAGE);
	assert_non_null(strstr(o.err.msg, "has no Multiboot header"));
	args.protocol = VMOON_BOOT_PVH;
	o = load(&elf32, sizeof(elf32), &args, *state);
	assert_int_equal(o.st, VMOON_E_IMAGE);
	assert_non_null(strstr(o.err.msg, "is not a 64-bit ELF file"));
	args.protocol = VMOON_BOOT_LINUX64;
	o = load(&mb, sizeof(mb), &args, *state);
	assert_int_equal(o.st, VMOON_E_IMAGE);
	assert_non_null(strstr(o.err.msg, "is not a bzImage"));
}

static void test_kernel__elf_without_the_note_uses_the_linux_entry(void **state)
{
	struct elf_image e = elf_make();
	struct vmoon_boot_args args = {.protocol = VMOON_BOOT_AUTO};
	struct outcome o;

	vmoon_le16_store(e.bytes + 56, 3);
	o = load(&e, sizeof(e), &args, *state);
	assert_ok(o.st, &o.err);
	assert_int_equal(o.protocol, VMOON_BOOT_LINUX64);
	args.protocol = VMOON_BOOT_PVH;
	o = load(&e, sizeof(e), &args, *state);
	assert_int_equal(o.st, VMOON_E_IMAGE);
	assert_string_equal(o.err.msg,
			    "has no PVH entry; leave out boot = \"pvh\" or "
			    "give a kernel built with CONFIG_PVH");
}

static void test_kernel__an_entry_outside_of_the_segments_is_refused(
	void **state)
{
	static const uint64_t entries[] = {0,
					   0x100000,
					   ELF_BASE - 1,
					   ELF_BASE + 0x1400, /* BSS */
					   0xffffffff81000000,
					   UINT64_MAX};
	const struct vmoon_boot_args args = {.protocol = VMOON_BOOT_LINUX64};

	for (size_t i = 0; i < VMOON_COUNTOF(entries); i++) {
		struct elf_image e = elf_make();
		struct outcome o;

		vmoon_le64_store(e.bytes + 24, entries[i]);
		o = load(&e, sizeof(e), &args, *state);
		assert_int_equal(o.st, VMOON_E_IMAGE);
		assert_non_null(strstr(o.err.msg, "has an entry at"));
		assert_true(memory_is_zero(*state, 0, 32 * VMOON_MIB));
	}
}

static void test_kernel__bzimage_is_unpacked_by_the_host(void **state)
{
	static const enum vmoon_unpack_format formats[] = {
		VMOON_UNPACK_LZ4, VMOON_UNPACK_ZSTD, VMOON_UNPACK_GZIP,
		VMOON_UNPACK_XZ};
	const struct elf_image e = elf_make();

	for (size_t i = 0; i < VMOON_COUNTOF(formats); i++) {
		struct vmoon_boot_args args = {.unpack = VMOON_UNPACK_HOST};
		struct outcome o;
		struct blob b;

		if (!vmoon_unpack_is_built(formats[i]))
			continue;
		b = bz_make(formats[i], &e);
		o = load(b.bytes, b.size, &args, *state);
		assert_ok(o.st, &o.err);
		assert_int_equal(o.protocol, VMOON_BOOT_LINUX64);
		assert_int_equal(o.unpack, VMOON_UNPACK_HOST);
		assert_int_equal(o.entry, ELF_BASE);
		elf_assert_loaded(*state, &e);
		args.protocol = VMOON_BOOT_PVH;
		o = load(b.bytes, b.size, &args, *state);
		assert_ok(o.st, &o.err);
		assert_int_equal(o.entry, ELF_PVH);
		free(b.bytes);
	}
}

static void test_kernel__bzimage_is_left_to_the_guest_when_asked(void **state)
{
	struct vmoon_boot_args args = {.unpack = VMOON_UNPACK_GUEST};
	static const unsigned char payload[64] = {0x02, 0x21, 0x4c, 0x18};
	struct blob b = bz_wrap(payload, sizeof(payload));
	struct outcome o = load(b.bytes, b.size, &args, *state);

	assert_ok(o.st, &o.err);
	assert_int_equal(o.unpack, VMOON_UNPACK_GUEST);
	assert_int_equal(o.entry, ELF_BASE + 0x200);
	assert_int_equal(o.end - o.start, BZ_INIT_SIZE);
	assert_memory_equal(memory_at(*state, ELF_BASE, b.size - BZ_SETUP),
			    b.bytes + BZ_SETUP, b.size - BZ_SETUP);
	args.protocol = VMOON_BOOT_PVH;
	o = load(b.bytes, b.size, &args, *state);
	assert_int_equal(o.st, VMOON_E_UNSUPPORTED);
	assert_non_null(strstr(o.err.msg, "(lz4)"));
	free(b.bytes);
}

static void test_kernel__a_format_nobody_knows_is_left_to_the_guest(
	void **state)
{
	const struct vmoon_boot_args args = {.unpack = VMOON_UNPACK_HOST};
	static const size_t sizes[] = {0, 4, 8, 64};

	for (size_t i = 0; i < VMOON_COUNTOF(sizes); i++) {
		struct blob b = bz_wrap((const unsigned char *)"BZh9", 4);
		struct outcome o;

		vmoon_le32_store(b.bytes + 0x24c, (uint32_t)sizes[i]);
		o = load(b.bytes, b.size, &args, *state);
		assert_ok(o.st, &o.err);
		assert_int_equal(o.unpack, VMOON_UNPACK_GUEST);
		assert_int_equal(o.entry, ELF_BASE + 0x200);
		free(b.bytes);
	}
}

static void test_kernel__a_lying_unpacked_size_is_refused(void **state)
{
	static const uint32_t sizes[] = {0,
					 1,
					 ELF_FILE_SIZE - 1,
					 ELF_FILE_SIZE + 1,
					 BZ_INIT_SIZE,
					 BZ_INIT_SIZE + 1,
					 0x7fffffff,
					 UINT32_MAX};
	const struct vmoon_boot_args args = {.unpack = VMOON_UNPACK_HOST};
	const struct elf_image e = elf_make();
	enum vmoon_unpack_format f = any_format();
	struct blob b;

	if (f == VMOON_UNPACK_UNKNOWN)
		SKIP_BECAUSE("no unpacking library in this build");
	b = bz_make(f, &e);
	for (size_t i = 0; i < VMOON_COUNTOF(sizes); i++) {
		struct outcome o;

		vmoon_le32_store(b.bytes + b.size - BZ_TAIL - 4, sizes[i]);
		o = load(b.bytes, b.size, &args, *state);
		assert_int_equal(o.st, VMOON_E_IMAGE);
	}
	free(b.bytes);
}

static void test_kernel__more_than_init_size_is_not_unpacked(void **state)
{
	const struct vmoon_boot_args args = {.unpack = VMOON_UNPACK_HOST};
	const struct elf_image e = elf_make();
	enum vmoon_unpack_format f = any_format();
	struct outcome o;
	struct blob b;

	if (f == VMOON_UNPACK_UNKNOWN)
		SKIP_BECAUSE("no unpacking library in this build");
	b = bz_make(f, &e);
	vmoon_le32_store(b.bytes + 0x260, ELF_FILE_SIZE - 1);
	o = load(b.bytes, b.size, &args, *state);
	assert_int_equal(o.st, VMOON_E_IMAGE);
	assert_non_null(strstr(o.err.msg, "its own memory does not hold"));
	vmoon_le32_store(b.bytes + 0x260, ELF_FILE_SIZE);
	o = load(b.bytes, b.size, &args, *state);
	assert_ok(o.st, &o.err);
	free(b.bytes);
}

static void test_kernel__a_payload_that_is_no_elf_file_is_refused(void **state)
{
	const struct vmoon_boot_args args = {.unpack = VMOON_UNPACK_HOST};
	struct elf_image e = elf_make();
	enum vmoon_unpack_format f = any_format();
	struct outcome o;
	struct blob b;

	if (f == VMOON_UNPACK_UNKNOWN)
		SKIP_BECAUSE("no unpacking library in this build");
	e.bytes[0] = 0;
	b = bz_make(f, &e);
	o = load(b.bytes, b.size, &args, *state);
	assert_int_equal(o.st, VMOON_E_IMAGE);
	assert_non_null(strstr(o.err.msg, "payload: is not an ELF file"));
	assert_true(memory_is_zero(*state, 0, 32 * VMOON_MIB));
	free(b.bytes);
}

static void test_kernel__anything_else_is_named_by_its_first_bytes(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *part;
	} cases[] = {
		{"#!/bin/sh\n", 10, "(it begins with 23 21 2f 62)"},
		{"MZ", 2, "(it begins with 4d 5a)"},
		{"\x7f", 1, "(it begins with 7f)"},
		{"\x7f"
		 "ELF",
		 4, "truncated"},
	};
	const struct vmoon_boot_args args = {.unpack = VMOON_UNPACK_HOST};

	for (size_t i = 0; i < VMOON_COUNTOF(cases); i++) {
		struct outcome o =
			load(cases[i].bytes, cases[i].size, &args, *state);

		assert_int_equal(o.st, VMOON_E_IMAGE);
		assert_non_null(strstr(o.err.msg, cases[i].part));
	}
}

static void test_l03__flipped_header_bytes_with_a_payload_are_harmless(
	void **state)
{
	const struct vmoon_boot_args args = {.unpack = VMOON_UNPACK_HOST};
	const struct elf_image e = elf_make();
	enum vmoon_unpack_format f = any_format();
	struct blob b;

	if (f == VMOON_UNPACK_UNKNOWN)
		SKIP_BECAUSE("no unpacking library in this build");
	b = bz_make(f, &e);
	for (size_t at = 0x1f1; at < 0x270; at++) {
		for (unsigned flip = 1; flip < 256; flip++) {
			b.bytes[at] ^= (unsigned char)flip;
			(void)load(b.bytes, b.size, &args, *state);
			b.bytes[at] ^= (unsigned char)flip;
		}
	}
	assert_true(memory_is_zero(*state, 0, VMOON_MIB));
	free(b.bytes);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_boot_07__elf_takes_pvh_unless_told_otherwise),
		TEST(test_kernel__multiboot_comes_after_the_other_kinds),
		TEST(test_kernel__what_is_asked_for_must_be_there),
		TEST(test_kernel__elf_without_the_note_uses_the_linux_entry),
		TEST(test_kernel__an_entry_outside_of_the_segments_is_refused),
		TEST(test_kernel__bzimage_is_unpacked_by_the_host),
		TEST(test_kernel__bzimage_is_left_to_the_guest_when_asked),
		TEST(test_kernel__a_format_nobody_knows_is_left_to_the_guest),
		TEST(test_kernel__a_lying_unpacked_size_is_refused),
		TEST(test_kernel__more_than_init_size_is_not_unpacked),
		TEST(test_kernel__a_payload_that_is_no_elf_file_is_refused),
		TEST(test_kernel__anything_else_is_named_by_its_first_bytes),
		TEST(test_l03__flipped_header_bytes_with_a_payload_are_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
