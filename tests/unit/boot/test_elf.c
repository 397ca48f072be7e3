/* SPDX-License-Identifier: MIT */
/* test_elf.c - mirrors runtime/boot/elf.c. */
#include "runtime/boot/elf.h"
#include "tests/unit/boot/images.h"

/* Parses, looks for the note and loads: what a kernel file goes through. */
static enum vmoon_status try_image(const unsigned char *bytes, size_t size,
				   const struct vmoon_gmem *gm,
				   struct vmoon_elf *elf,
				   struct vmoon_error *err)
{
	const struct vmoon_image img = vmoon_image_of_bytes(bytes, size);
	enum vmoon_status st = vmoon_elf_parse(&img, size, elf, err);

	if (st == VMOON_OK)
		st = vmoon_elf_find_pvh(&img, elf, err);
	if (st == VMOON_OK)
		st = vmoon_elf_load(elf, &img, gm, err);
	return st;
}

static enum vmoon_status try_elf(const struct elf_image *e,
				 struct vmoon_error *err)
{
	struct vmoon_elf elf;
	struct vmoon_gmem gm;
	enum vmoon_status st;

	memory_open(&gm, 32 * VMOON_MIB);
	st = try_image(e->bytes, sizeof(e->bytes), &gm, &elf, err);
	vmoon_gmem_fini(&gm);
	return st;
}

static void put(unsigned char *p, unsigned size, uint64_t v)
{
	unsigned char le[8];

	vmoon_le64_store(le, v);
	memcpy(p, le, size);
}

static void test_boot_06__segments_are_loaded_and_bss_is_zeroed(void **state)
{
	struct elf_image e = elf_make();
	struct vmoon_error err = {0};
	struct vmoon_elf elf;
	struct vmoon_gmem gm;

	(void)state;
	memory_open(&gm, 32 * VMOON_MIB);
	assert_int_equal(vmoon_gmem_fill(&gm, VMOON_MIB, 0xaa, 31 * VMOON_MIB),
			 VMOON_OK);
	assert_ok(try_image(e.bytes, sizeof(e.bytes), &gm, &elf, &err), &err);
	elf_assert_loaded(&gm, &e);
	assert_int_equal(*memory_at(&gm, ELF_BASE - 1, 1), 0xaa);
	assert_int_equal(*memory_at(&gm, ELF_BASE + 0x2400, 1), 0xaa);
	assert_int_equal(elf.count, 3);
	assert_int_equal(elf.start, ELF_BASE);
	assert_int_equal(elf.end, ELF_BASE + 0x2400);
	assert_int_equal(elf.entry, ELF_BASE);
	vmoon_gmem_fini(&gm);
}

static void test_elf__segments_in_any_order_are_sorted(void **state)
{
	struct elf_image e = elf_make(), swapped;
	struct vmoon_error err = {0};
	struct vmoon_elf elf;
	struct vmoon_gmem gm;

	(void)state;
	swapped = e;
	memcpy(swapped.bytes + elf_ph(0, 0), e.bytes + elf_ph(2, 0), ELF_PHDR);
	memcpy(swapped.bytes + elf_ph(2, 0), e.bytes + elf_ph(0, 0), ELF_PHDR);
	memory_open(&gm, 32 * VMOON_MIB);
	assert_ok(try_image(swapped.bytes, sizeof(e.bytes), &gm, &elf, &err),
		  &err);
	assert_int_equal(elf.segments[0].paddr, ELF_BASE);
	elf_assert_loaded(&gm, &e);
	vmoon_gmem_fini(&gm);
}

static void test_boot_07__pvh_entry_is_taken_from_the_first_note(void **state)
{
	struct elf_image e = elf_make();
	struct vmoon_error err = {0};
	struct vmoon_elf elf;
	struct vmoon_image img = vmoon_image_of_bytes(e.bytes, sizeof(e.bytes));
	size_t at;

	(void)state;
	memset(e.bytes + NOTE_AT, 0, NOTE_LEN);
	at = elf_note(e.bytes, NOTE_AT, "Zen", 18, 4, ELF_BASE + 1);
	at = elf_note(e.bytes, at, "Xen", 17, 4, ELF_BASE + 2);
	at = elf_note(e.bytes, at, "Xen", 18, 8, ELF_BASE + 3);
	(void)elf_note(e.bytes, at, "Xen", 18, 4, ELF_BASE + 4);
	assert_ok(vmoon_elf_parse(&img, img.size, &elf, &err), &err);
	assert_false(elf.has_pvh);
	assert_ok(vmoon_elf_find_pvh(&img, &elf, &err), &err);
	assert_true(elf.has_pvh);
	assert_int_equal(elf.pvh_entry, ELF_BASE + 3);
}

static void test_boot_07__a_second_note_segment_does_not_replace_it(
	void **state)
{
	struct elf_image e = elf_make();
	const uint64_t more[] = {0x3800, 0, 0x40, 0x40};
	struct vmoon_error err = {0};
	struct vmoon_elf elf;
	struct vmoon_image img = vmoon_image_of_bytes(e.bytes, sizeof(e.bytes));

	(void)state;
	put(e.bytes + 56, 2, 5);
	elf_set_phdr(e.bytes, 4, ELF_NOTE, more);
	(void)elf_note(e.bytes, 0x3800, "Xen", 18, 4, ELF_BASE + 0x99);
	assert_ok(vmoon_elf_parse(&img, img.size, &elf, &err), &err);
	assert_ok(vmoon_elf_find_pvh(&img, &elf, &err), &err);
	assert_int_equal(elf.pvh_entry, ELF_PVH);
}

static void test_elf__a_file_without_notes_has_no_pvh_entry(void **state)
{
	struct elf_image e = elf_make();
	struct vmoon_error err = {0};
	struct vmoon_elf elf;
	struct vmoon_image img = vmoon_image_of_bytes(e.bytes, sizeof(e.bytes));

	(void)state;
	put(e.bytes + 56, 2, 3);
	assert_ok(vmoon_elf_parse(&img, img.size, &elf, &err), &err);
	assert_ok(vmoon_elf_find_pvh(&img, &elf, &err), &err);
	assert_false(elf.has_pvh);
}

static void test_elf__too_little_memory_says_how_much_is_needed(void **state)
{
	struct elf_image e = elf_make();
	struct vmoon_error err = {0};
	struct vmoon_elf elf;
	struct vmoon_gmem gm;

	(void)state;
	memory_open(&gm, 16 * VMOON_MIB);
	assert_int_equal(try_image(e.bytes, sizeof(e.bytes), &gm, &elf, &err),
			 VMOON_E_CONFIG);
	assert_string_equal(err.msg,
			    "needs RAM from 0x1000000 to 0x1002400; give the "
			    "VM at least 17 MiB of memory");
	assert_true(memory_is_zero(&gm, 0, 16 * VMOON_MIB));
	vmoon_gmem_fini(&gm);
}

/* One field of elf_make made wrong, and what the message must say. */
static const struct {
	size_t at;
	unsigned size;
	uint64_t value;
	const char *part;
} broken[] = {
	{0, 1, 0, "not an ELF"},
	{1, 3, 0x4d4f5a, "not an ELF"},
	{4, 1, 1, "64-bit"},
	{4, 1, 0, "64-bit"},
	{4, 1, 0xff, "64-bit"},
	{5, 1, 2, "big-endian"},
	{5, 1, 0, "big-endian"},
	{6, 1, 0, "version"},
	{6, 1, 2, "version"},
	{20, 4, 0, "version"},
	{20, 4, UINT32_MAX, "version"},
	{16, 2, 0, "type 0"},
	{16, 2, 1, "type 1"},
	{16, 2, 3, "type 3"},
	{16, 2, 4, "type 4"},
	{16, 2, 0xffff, "type"},
	{18, 2, 3, "machine 3"},
	{18, 2, 183, "machine 183"},
	{18, 2, 243, "machine 243"},
	{18, 2, 0, "machine 0"},
	{54, 2, 0, "of 0 bytes"},
	{54, 2, 32, "of 32 bytes"},
	{54, 2, 57, "of 57 bytes"},
	{54, 2, 0xffff, "bytes"},
	{56, 2, 0, "0 ELF program headers"},
	{56, 2, 129, "129 ELF program headers"},
	{56, 2, 0xffff, "65535 ELF program headers"},
	{32, 8, 0, "inside its ELF header"},
	{32, 8, 63, "inside its ELF header"},
	{32, 8, ELF_FILE_SIZE, "truncated"},
	{32, 8, ELF_FILE_SIZE + 1, "truncated"},
	{32, 8, ELF_FILE_SIZE - ELF_PHDR, "truncated"},
	{32, 8, UINT64_C(1) << 63, "truncated"},
	{32, 8, UINT64_MAX, "truncated"},
	{32, 8, UINT64_MAX - 223, "truncated"},
	{64 + PH_OFFSET, 8, ELF_FILE_SIZE, "truncated"},
	{64 + PH_OFFSET, 8, ELF_FILE_SIZE - 0x7ff, "truncated"},
	{64 + PH_OFFSET, 8, UINT64_C(1) << 63, "truncated"},
	{64 + PH_OFFSET, 8, UINT64_MAX, "truncated"},
	{64 + PH_OFFSET, 8, UINT64_MAX - 0x7ff, "truncated"},
	{64 + PH_FILESZ, 8, 0x801, "larger in the file"},
	{64 + PH_FILESZ, 8, UINT64_C(1) << 63, "larger in the file"},
	{64 + PH_FILESZ, 8, UINT64_MAX, "larger in the file"},
	{64 + PH_MEMSZ, 8, 0, "larger in the file"},
	{64 + PH_MEMSZ, 8, 0x7ff, "larger in the file"},
	{64 + PH_MEMSZ, 8, 0x801, "overlapping"},
	{64 + PH_MEMSZ, 8, UINT64_MAX, "no RAM can be"},
	{64 + PH_MEMSZ, 8, UINT64_C(1) << 63, "no RAM can be"},
	{64 + PH_PADDR, 8, 0, "boot data"},
	{64 + PH_PADDR, 8, VMOON_ADDR_ZERO_PAGE, "boot data"},
	{64 + PH_PADDR, 8, VMOON_ADDR_CMDLINE, "boot data"},
	{64 + PH_PADDR, 8, VMOON_ADDR_ACPI, "boot data"},
	{64 + PH_PADDR, 8, 0xfffff, "boot data"},
	{64 + PH_PADDR, 8, ELF_BASE + 1, "overlapping"},
	{64 + PH_PADDR, 8, ELF_BASE + 0xc00, "overlapping"},
	{64 + PH_PADDR, 8, ELF_BASE + 0x23ff, "overlapping"},
	{64 + PH_PADDR, 8, 0xc0000000, "no RAM can be"},
	{64 + PH_PADDR, 8, UINT64_C(1) << 32, "no RAM can be"},
	{64 + PH_PADDR, 8, UINT64_MAX, "no RAM can be"},
	{64 + PH_PADDR, 8, UINT64_MAX - 0x7ff, "no RAM can be"},
	{64 + PH_PADDR, 8, 0xffffffff81000000, "no RAM can be"},
	{64 + 2 * ELF_PHDR + PH_PADDR, 8, 32 * VMOON_MIB, "33 MiB"},
	{64 + 2 * ELF_PHDR + PH_PADDR, 8, 0xbfffe800, "3072 MiB"},
	{64 + 3 * ELF_PHDR + PH_OFFSET, 8, UINT64_MAX, "notes go past"},
	{64 + 3 * ELF_PHDR + PH_FILESZ, 8, ELF_FILE_SIZE, "notes go past"},
	{64 + 3 * ELF_PHDR + PH_FILESZ, 8, UINT64_MAX, "notes go past"},
	{NOTE_AT, 4, UINT32_MAX, "note that goes past"},
	{NOTE_AT, 4, NOTE_LEN, "note that goes past"},
	{NOTE_AT + 4, 4, UINT32_MAX, "note that goes past"},
	{NOTE_AT + 4, 4, NOTE_LEN, "note that goes past"},
	/* The PVH note stands behind 24 and 24 bytes. */
	{NOTE_AT + 48 + 4, 4, 0, "PVH note of 0 bytes"},
	{NOTE_AT + 48 + 4, 4, 5, "PVH note of 5 bytes"},
	{NOTE_AT + 48 + 4, 4, 12, "PVH note of 12 bytes"},
	{NOTE_AT + 48 + 16, 4, ELF_BASE - 1, "PVH entry"},
	{NOTE_AT + 48 + 16, 4, ELF_BASE + 0x1400, "PVH entry"},
	{NOTE_AT + 48 + 16, 4, 0, "PVH entry"},
};

static void test_boot_05__each_wrong_field_has_its_message(void **state)
{
	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(broken); i++) {
		struct elf_image e = elf_make();
		struct vmoon_error err = {0};
		enum vmoon_status st;

		put(e.bytes + broken[i].at, broken[i].size, broken[i].value);
		st = try_elf(&e, &err);
		if (st != VMOON_E_IMAGE && st != VMOON_E_CONFIG)
			fail_msg("case %zu: status %d", i, st);
		if (strstr(err.msg, broken[i].part) == NULL)
			fail_msg("case %zu: '%s' lacks '%s'", i, err.msg,
				 broken[i].part);
	}
}

static void test_boot_05__truncated_files_are_refused_without_hanging(
	void **state)
{
	const struct elf_image e = elf_make();
	struct vmoon_gmem gm;

	(void)state;
	memory_open(&gm, 32 * VMOON_MIB);
	/* The notes are the last that is used of the file. */
	for (size_t size = 0; size < NOTE_AT + NOTE_LEN; size++) {
		/* A copy of this very size: ASan sees one byte too many. */
		unsigned char *part = malloc(size + 1);
		struct vmoon_error err = {0};
		struct vmoon_elf elf;

		part = realloc(part, size != 0 ? size : 1);
		memcpy(part, e.bytes, size);
		assert_int_equal(try_image(part, size, &gm, &elf, &err),
				 VMOON_E_IMAGE);
		assert_non_null(strstr(err.msg, "truncated"));
		assert_true(memory_is_zero(&gm, ELF_BASE, 0x2400));
		free(part);
	}
	vmoon_gmem_fini(&gm);
}

static void test_l01__a_segment_past_the_end_is_seen_before_any_is_read(
	void **state)
{
	struct elf_image e = elf_make();
	const struct vmoon_image img =
		vmoon_image_of_bytes(e.bytes, sizeof(e.bytes));
	struct vmoon_error err = {0};
	struct vmoon_elf elf;

	(void)state;
	vmoon_le16_store(e.bytes + 56, 3); /* no notes behind the segments */
	assert_ok(vmoon_elf_parse(&img, 0x2800, &elf, &err), &err);
	assert_int_equal(vmoon_elf_parse(&img, 0x27ff, &elf, &err),
			 VMOON_E_IMAGE);
	assert_int_equal(vmoon_elf_parse(&img, 0, &elf, &err), VMOON_E_IMAGE);
	/* Offset and size are 0 together. */
	put(e.bytes + 64 + PH_OFFSET, 8, UINT64_MAX - 0x7ff);
	assert_int_equal(vmoon_elf_parse(&img, sizeof(e.bytes), &elf, &err),
			 VMOON_E_IMAGE);
}

static void test_l02__extreme_header_fields_never_harm(void **state)
{
	static const uint64_t values[] = {0,
					  1,
					  0x7fffffff,
					  0x80000000,
					  UINT32_MAX,
					  UINT64_C(1) << 63,
					  UINT64_MAX - 1,
					  UINT64_MAX};
	struct vmoon_gmem gm;
	unsigned refused = 0;

	(void)state;
	memory_open(&gm, 32 * VMOON_MIB);
	for (size_t at = 0; at < elf_ph(4, 0); at++) {
		for (size_t v = 0; v < VMOON_COUNTOF(values) * 4; v++) {
			struct elf_image e = elf_make();
			struct vmoon_elf elf;

			put(e.bytes + at, 1u << (v % 4), values[v / 4]);
			refused += try_image(e.bytes, sizeof(e.bytes), &gm,
					     &elf, NULL) != VMOON_OK;
			/* The first MiB belongs to the boot data. */
		}
	}
	assert_true(refused > 1000);
	assert_true(memory_is_zero(&gm, 0, VMOON_MIB));
	vmoon_gmem_fini(&gm);
}

static void test_elf__too_many_segments_or_notes_are_refused(void **state)
{
	static const struct {
		uint32_t type;
		unsigned count;
		const char *part;
	} cases[] = {
		{ELF_LOAD, VMOON_ELF_SEGMENTS_MAX, NULL},
		{ELF_LOAD, VMOON_ELF_SEGMENTS_MAX + 1, "more than 32"},
		{ELF_NOTE, VMOON_ELF_NOTES_MAX + 1, "too many ELF notes"},
		{6, 4, "no loadable ELF segment"},
	};

	(void)state;
	for (size_t c = 0; c < VMOON_COUNTOF(cases); c++) {
		struct elf_image e = {{0}};
		struct vmoon_error err = {0};
		enum vmoon_status st;

		elf_header(e.bytes, cases[c].count);
		for (unsigned i = 0; i < cases[c].count; i++) {
			const uint64_t v[] = {0x3000, ELF_BASE + i * 16u, 16,
					      16};

			elf_set_phdr(e.bytes, i, cases[c].type, v);
		}
		st = try_elf(&e, &err);
		if (cases[c].part == NULL) {
			assert_int_equal(st, VMOON_OK);
			continue;
		}
		assert_int_equal(st, VMOON_E_IMAGE);
		assert_non_null(strstr(err.msg, cases[c].part));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_boot_06__segments_are_loaded_and_bss_is_zeroed),
		cmocka_unit_test(test_elf__segments_in_any_order_are_sorted),
		cmocka_unit_test(
			test_boot_07__pvh_entry_is_taken_from_the_first_note),
		cmocka_unit_test(
			test_boot_07__a_second_note_segment_does_not_replace_it),
		cmocka_unit_test(
			test_elf__a_file_without_notes_has_no_pvh_entry),
		cmocka_unit_test(
			test_elf__too_little_memory_says_how_much_is_needed),
		cmocka_unit_test(
			test_boot_05__each_wrong_field_has_its_message),
		cmocka_unit_test(
			test_boot_05__truncated_files_are_refused_without_hanging),
		cmocka_unit_test(
			test_l01__a_segment_past_the_end_is_seen_before_any_is_read),
		cmocka_unit_test(test_l02__extreme_header_fields_never_harm),
		cmocka_unit_test(
			test_elf__too_many_segments_or_notes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
