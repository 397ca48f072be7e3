/* SPDX-License-Identifier: MIT */
/*
 * test_params.c - mirrors runtime/boot/params.c. The kernel's own header says
 * where the fields of the zero page are, not the code under test.
 */
#include "runtime/boot/bzimage.h"
#include "runtime/boot/params.h"
#include "tests/unit/boot/images.h"

#include <asm/bootparam.h>

static int setup(void **state)
{
	static struct vmoon_gmem gm;

	memory_open(&gm, 64 * VMOON_MIB);
	*state = &gm;
	return 0;
}

static int teardown(void **state)
{
	vmoon_gmem_fini(*state);
	return 0;
}

static struct boot_params zero_page(const struct vmoon_gmem *gm)
{
	struct boot_params bp;

	assert_int_equal(
		vmoon_gmem_read(gm, VMOON_ADDR_ZERO_PAGE, &bp, sizeof(bp)),
		VMOON_OK);
	return bp;
}

static void test_params__zero_page_has_what_linux_reads(void **state)
{
	struct vmoon_gmem *gm = *state;
	const struct vmoon_params p = {.kernel_start = ELF_BASE,
				       .initrd_start = 0x3000000,
				       .initrd_size = 0x1234,
				       .rsdp = VMOON_ADDR_ACPI};
	struct vmoon_error err = {0};
	struct boot_params bp;

	assert_ok(vmoon_params_write_zero_page(gm, &p, &err), &err);
	bp = zero_page(gm);
	assert_int_equal(bp.hdr.boot_flag, 0xaa55);
	assert_int_equal(bp.hdr.header, 0x53726448);
	assert_int_equal(bp.hdr.type_of_loader, 0xff);
	assert_int_equal(bp.hdr.loadflags, 1);
	assert_int_equal(bp.hdr.kernel_alignment, 0x1000000);
	assert_int_equal(bp.hdr.cmd_line_ptr, VMOON_ADDR_CMDLINE);
	assert_int_equal(bp.ext_cmd_line_ptr, 0);
	assert_int_equal(bp.hdr.ramdisk_image, 0x3000000);
	assert_int_equal(bp.hdr.ramdisk_size, 0x1234);
	assert_int_equal(bp.ext_ramdisk_image, 0);
	assert_int_equal(bp.ext_ramdisk_size, 0);
	assert_int_equal(bp.acpi_rsdp_addr, VMOON_ADDR_ACPI);
	assert_int_equal(bp.sentinel, 0); /* else Linux wipes the fields */
	assert_int_equal(bp.e820_entries, 4);
	assert_int_equal(bp.e820_table[0].size, 0x9fc00);
	assert_int_equal(bp.e820_table[1].type, 2);
	assert_int_equal(bp.e820_table[2].addr, VMOON_MIB);
	assert_int_equal(bp.e820_table[2].size, 63 * VMOON_MIB);
	assert_int_equal(bp.e820_table[2].type, 1);
}

static void test_params__addresses_above_4_gib_use_the_ext_fields(void **state)
{
	struct vmoon_gmem *gm = *state;
	const struct vmoon_params p = {.initrd_start = 0x512345000,
				       .initrd_size = 0x300000001};
	struct boot_params bp;

	assert_ok(vmoon_params_write_zero_page(gm, &p, NULL),
		  &(struct vmoon_error){0});
	bp = zero_page(gm);
	assert_int_equal(bp.hdr.ramdisk_image, 0x12345000);
	assert_int_equal(bp.ext_ramdisk_image, 5);
	assert_int_equal(bp.hdr.ramdisk_size, 1);
	assert_int_equal(bp.ext_ramdisk_size, 3);
}

static void test_params__setup_header_is_copied_and_made_safe(void **state)
{
	struct vmoon_gmem *gm = *state;
	unsigned char header[VMOON_SETUP_HEADER_MAX];
	const struct vmoon_params p = {.setup_header = header,
				       .setup_header_len = sizeof(header)};
	struct boot_params bp;

	memset(header, 0xee, sizeof(header));
	assert_ok(vmoon_params_write_zero_page(gm, &p, NULL),
		  &(struct vmoon_error){0});
	bp = zero_page(gm);
	assert_int_equal(bp.hdr.setup_sects, 0xee);
	assert_int_equal(bp.hdr.kernel_info_offset, 0xeeeeeeee);
	assert_int_equal(bp.hdr.header, 0x53726448);
	assert_int_equal(bp.hdr.type_of_loader, 0xff);
	assert_int_equal(bp.hdr.setup_data, 0);
	assert_int_equal(bp.hdr.ramdisk_size, 0);
	assert_int_equal(bp.sentinel, 0);
	assert_int_equal(bp.e820_entries, 4);
	assert_int_equal(bp.edd_mbr_sig_buffer[0], 0);
}

static void test_params__pvh_start_info_names_everything(void **state)
{
	struct vmoon_gmem *gm = *state;
	const struct vmoon_params p = {.initrd_start = 0x3000000,
				       .initrd_size = 0x1234,
				       .rsdp = VMOON_ADDR_ACPI};
	const unsigned char *i, *m;
	struct vmoon_error err = {0};

	assert_ok(vmoon_params_write_start_info(gm, &p, &err), &err);
	i = memory_at(gm, VMOON_ADDR_PVH_START_INFO, 56);
	assert_int_equal(vmoon_le32_load(i), 0x336ec578);
	assert_int_equal(vmoon_le32_load(i + 4), 1);
	assert_int_equal(vmoon_le32_load(i + 8), 0);
	assert_int_equal(vmoon_le32_load(i + 12), 1);
	m = memory_at(gm, vmoon_le64_load(i + 16), 32);
	assert_int_equal(vmoon_le64_load(m), 0x3000000);
	assert_int_equal(vmoon_le64_load(m + 8), 0x1234);
	assert_int_equal(vmoon_le64_load(i + 24), VMOON_ADDR_CMDLINE);
	assert_int_equal(vmoon_le64_load(i + 32), VMOON_ADDR_ACPI);
	assert_int_equal(vmoon_le32_load(i + 48), 4);
	m = memory_at(gm, vmoon_le64_load(i + 40), UINT64_C(4) * 24);
	assert_int_equal(vmoon_le64_load(m + 8), 0x9fc00);
	assert_int_equal(vmoon_le64_load(m + 48), VMOON_MIB);
	assert_int_equal(vmoon_le64_load(m + 56), 63 * VMOON_MIB);
	assert_int_equal(vmoon_le32_load(m + 64), 1);
}

static void test_params__pvh_without_initrd_has_no_module(void **state)
{
	struct vmoon_gmem *gm = *state;
	const struct vmoon_params p = {.rsdp = 0};
	const unsigned char *i;

	assert_ok(vmoon_params_write_start_info(gm, &p, NULL),
		  &(struct vmoon_error){0});
	i = memory_at(gm, VMOON_ADDR_PVH_START_INFO, 56);
	assert_int_equal(vmoon_le32_load(i + 12), 0);
	assert_int_equal(vmoon_le64_load(i + 16), 0);
}

static void test_boot_10__gdt_limit_covers_all_descriptors(void **state)
{
	static const enum vmoon_x86_mode modes[] = {VMOON_X86_LONG64,
						    VMOON_X86_PROT32};
	struct vmoon_gmem *gm = *state;
	struct vmoon_x86_entry e;

	for (size_t m = 0; m < VMOON_COUNTOF(modes); m++) {
		const unsigned char *gdt;

		assert_ok(vmoon_params_write_cpu(gm, modes[m], &e, NULL),
			  &(struct vmoon_error){0});
		/* A TSS descriptor has 16 bytes in long mode. */
		assert_int_equal(e.gdt_limit, VMOON_GDT_TSS + 16 - 1);
		assert_true(e.gdt_base + e.gdt_limit < e.idt_base);
		gdt = memory_at(gm, e.gdt_base, e.gdt_limit);
		assert_int_equal(vmoon_le64_load(gdt), 0);
		assert_int_equal(vmoon_le64_load(gdt + VMOON_GDT_CODE),
				 modes[m] == VMOON_X86_LONG64
					 ? 0x00af9b000000ffff
					 : 0x00cf9b000000ffff);
		assert_int_equal(vmoon_le64_load(gdt + VMOON_GDT_DATA),
				 0x00cf93000000ffff);
	}
}

/* What the CPU would find for a virtual address. */
static uint64_t walk(const struct vmoon_gmem *gm, uint64_t cr3, uint64_t va)
{
	uint64_t e = cr3;

	for (unsigned shift = 39; shift >= 21; shift -= 9) {
		uint64_t table = e & ~UINT64_C(0xfff);

		e = vmoon_le64_load(
			memory_at(gm, table + ((va >> shift) & 511) * 8, 8));
		assert_int_equal(e & 3, 3);
		assert_int_equal(e & 0x80, shift == 21 ? 0x80 : 0);
	}
	return (e & ~UINT64_C(0x1fffff)) | (va & 0x1fffff);
}

static void test_params__the_first_4_gib_map_to_themselves(void **state)
{
	struct vmoon_gmem *gm = *state;
	struct vmoon_x86_entry e;
	uint64_t va = 0x123;

	assert_ok(vmoon_params_write_cpu(gm, VMOON_X86_LONG64, &e, NULL),
		  &(struct vmoon_error){0});
	for (; va < 4 * VMOON_GIB; va += 2 * VMOON_MIB)
		assert_int_equal(walk(gm, e.cr3, va), va);
	assert_int_equal(e.rsi, VMOON_ADDR_ZERO_PAGE);
	assert_int_equal(e.rsp, VMOON_ADDR_BOOT_STACK);
}

static void test_params__pvh_entry_has_start_info_and_no_page_tables(
	void **state)
{
	struct vmoon_gmem *gm = *state;
	struct vmoon_x86_entry e;

	assert_ok(vmoon_params_write_cpu(gm, VMOON_X86_PROT32, &e, NULL),
		  &(struct vmoon_error){0});
	assert_int_equal(e.mode, VMOON_X86_PROT32);
	assert_int_equal(e.rbx, VMOON_ADDR_PVH_START_INFO);
	assert_int_equal(e.cr3, 0);
	assert_true(memory_is_zero(gm, VMOON_ADDR_PML4, 0x6000));
}

static void test_params__multiboot_info_names_everything(void **state)
{
	struct vmoon_gmem *gm = *state;
	struct vmoon_params p = {.initrd_start = 0x3000000,
				 .initrd_size = 0x1234};
	const unsigned char *i, *m;
	struct vmoon_error err = {0};

	assert_ok(vmoon_params_write_multiboot(gm, &p, &err), &err);
	i = memory_at(gm, VMOON_ADDR_MULTIBOOT_INFO, 120);
	assert_int_equal(vmoon_le32_load(i), 0x24d);
	assert_int_equal(vmoon_le32_load(i + 4), 639);
	assert_int_equal(vmoon_le32_load(i + 8), 63 * 1024);
	assert_int_equal(vmoon_le32_load(i + 16), VMOON_ADDR_CMDLINE);
	assert_int_equal(vmoon_le32_load(i + 20), 1);
	m = memory_at(gm, vmoon_le32_load(i + 24), 16);
	assert_int_equal(vmoon_le32_load(m), 0x3000000);
	assert_int_equal(vmoon_le32_load(m + 4), 0x3001234);
	assert_int_equal(vmoon_le32_load(m + 8), 0);
	assert_int_equal(vmoon_le32_load(i + 44), 4 * 24);
	m = memory_at(gm, vmoon_le32_load(i + 48), UINT64_C(4) * 24);
	assert_int_equal(vmoon_le32_load(m), 20);
	assert_int_equal(vmoon_le64_load(m + 4), 0);
	assert_int_equal(vmoon_le64_load(m + 12), 0x9fc00);
	assert_int_equal(vmoon_le32_load(m + 20), 1);
	assert_int_equal(vmoon_le64_load(m + 48 + 4), VMOON_MIB);
	assert_int_equal(vmoon_le64_load(m + 48 + 12), 63 * VMOON_MIB);
	assert_string_equal(memory_at(gm, vmoon_le32_load(i + 64), 6), "vmoon");
	p.initrd_size = 0;
	assert_ok(vmoon_params_write_multiboot(gm, &p, &err), &err);
	assert_int_equal(vmoon_le32_load(i + 20), 0);
}

static void test_params__real_mode_needs_nothing_in_memory(void **state)
{
	struct vmoon_x86_entry e;

	assert_int_equal(
		vmoon_params_write_cpu(*state, VMOON_X86_REAL16, &e, NULL),
		VMOON_OK);
	assert_int_equal(e.mode, VMOON_X86_REAL16);
	assert_int_equal(e.rsp, VMOON_ADDR_BOOT_STACK);
	assert_true(memory_is_zero(*state, 0, VMOON_ADDR_HIGH_RAM));
}

static void test_params__memory_too_small_is_a_clean_error(void **state)
{
	const struct vmoon_params p = {.rsdp = 0};
	struct vmoon_x86_entry e;
	struct vmoon_error err = {0};
	struct vmoon_gmem gm;

	(void)state;
	memory_open(&gm, 4096);
	assert_int_equal(vmoon_params_write_zero_page(&gm, &p, &err),
			 VMOON_E_CONFIG);
	assert_int_equal(vmoon_params_write_start_info(&gm, &p, &err),
			 VMOON_E_CONFIG);
	assert_int_equal(vmoon_params_write_multiboot(&gm, &p, &err),
			 VMOON_E_CONFIG);
	assert_int_equal(
		vmoon_params_write_cpu(&gm, VMOON_X86_LONG64, &e, &err),
		VMOON_E_CONFIG);
	vmoon_gmem_fini(&gm);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_params__zero_page_has_what_linux_reads),
		TEST(test_params__addresses_above_4_gib_use_the_ext_fields),
		TEST(test_params__setup_header_is_copied_and_made_safe),
		TEST(test_params__pvh_start_info_names_everything),
		TEST(test_params__pvh_without_initrd_has_no_module),
		TEST(test_boot_10__gdt_limit_covers_all_descriptors),
		TEST(test_params__the_first_4_gib_map_to_themselves),
		TEST(test_params__pvh_entry_has_start_info_and_no_page_tables),
		TEST(test_params__multiboot_info_names_everything),
		TEST(test_params__real_mode_needs_nothing_in_memory),
		cmocka_unit_test(
			test_params__memory_too_small_is_a_clean_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
