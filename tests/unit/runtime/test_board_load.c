/* SPDX-License-Identifier: MIT */
/* test_board_load.c - what board_x86_64.c puts into memory for every guest. */
#include "runtime/board.h"
#include "tests/unit/boot/images.h"

enum { MEMORY = 64 << 20 };

/* The tables' own sums are checked where they are written. */
static unsigned sum_of(const unsigned char *p, size_t len)
{
	unsigned sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += p[i];
	return sum & 0xff;
}

static struct vmoon_x86_entry load(struct vmoon_gmem *gm, uint32_t cpus,
				   struct vmoon_flat flat)
{
	const struct elf_image e = elf_make();
	struct temp_file kernel = file_of(&e, sizeof(e));
	char cmdline[] = "x";
	const struct vmoon_spec spec = {.kernel = kernel.path,
					.cmdline = cmdline,
					.cpus = cpus,
					.memory_bytes = MEMORY,
					.flat_mode = flat.mode,
					.flat_at = flat.at};
	struct vmoon_x86_entry entry;
	struct vmoon_error err = {0};

	memory_open(gm, MEMORY);
	assert_ok(vmoon_board_load_tables(&spec, NULL, gm, &err), &err);
	assert_ok(vmoon_board_load(&spec, NULL, gm, &entry, &err), &err);
	(void)close(kernel.fd);
	return entry;
}

static void test_boot_09__every_guest_has_an_mp_table_beside_acpi(void **state)
{
	static const uint32_t cpus[] = {1, 2, 64};
	const struct vmoon_flat flats[] = {{VMOON_FLAT_NONE, 0},
					   {VMOON_FLAT_REAL, 0x7c00}};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(cpus); i++) {
		const unsigned char *p;
		struct vmoon_gmem gm;

		(void)load(&gm, cpus[i], flats[i % 2]);
		/* The last KiB of base RAM, of which e820 tells the size. */
		p = memory_at(&gm, 0x9fc00, 0x2400);
		assert_memory_equal(p, "_MP_", 4);
		assert_int_equal(sum_of(p, 16), 0);
		assert_memory_equal(p + 16, "PCMP", 4);
		assert_int_equal(sum_of(p + 16, vmoon_le16_load(p + 20)), 0);
		assert_int_equal(vmoon_le16_load(p + 16 + 34),
				 cpus[i] + 2 + 23 + 2);
		assert_memory_equal(memory_at(&gm, VMOON_ADDR_ACPI, 8),
				    "RSD PTR ", 8);
		vmoon_gmem_fini(&gm);
	}
}

static void test_board_load__a_flat_kernel_is_entered_as_its_table_says(
	void **state)
{
	static const struct {
		struct vmoon_flat flat;
		enum vmoon_x86_mode mode;
		uint16_t cs;
		uint64_t rip;
	} cases[] = {
		{{VMOON_FLAT_REAL, 0x30001}, VMOON_X86_REAL16, 0x3000, 1},
		{{VMOON_FLAT_PROTECTED, 0x30001}, VMOON_X86_PROT32, 0, 0x30001},
		{{VMOON_FLAT_LONG, 0x100000}, VMOON_X86_LONG64, 0, 0x100000},
	};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(cases); i++) {
		struct vmoon_gmem gm;
		const struct vmoon_x86_entry e = load(&gm, 1, cases[i].flat);

		assert_int_equal(e.mode, cases[i].mode);
		assert_int_equal(e.cs, cases[i].cs);
		assert_int_equal(e.rip, cases[i].rip);
		vmoon_gmem_fini(&gm);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_boot_09__every_guest_has_an_mp_table_beside_acpi),
		cmocka_unit_test(
			test_board_load__a_flat_kernel_is_entered_as_its_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
