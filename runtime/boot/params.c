/* SPDX-License-Identifier: MIT */
/*
 * params.c - what the kernel and the boot CPU find at the entry: zero page
 * (Linux Documentation/arch/x86/zero-page.rst), PVH start info
 * (xen/include/public/arch-x86/hvm/start_info.h), Multiboot info (Multiboot
 * Specification 0.6.96, 3.3), descriptor and page tables.
 */
#include "boot/params.h"

#include "boot/boot.h"
#include "boot/bzimage.h"
#include "boot/layout.h"
#include "vmoon/le.h"

#include <string.h>

/* Offsets in the zero page; those of the setup header are as in the file. */
enum {
	ZP_ACPI_RSDP_ADDR = 0x070,
	ZP_EXT_RAMDISK_IMAGE = 0x0c0,
	ZP_EXT_RAMDISK_SIZE = 0x0c4,
	ZP_EXT_CMD_LINE_PTR = 0x0c8,
	ZP_E820_ENTRIES = 0x1e8,
	ZP_SETUP_HEADER = VMOON_SETUP_HEADER,
	ZP_BOOT_FLAG = 0x1fe,
	ZP_HEADER_MAGIC = 0x202,
	ZP_TYPE_OF_LOADER = 0x210,
	ZP_LOADFLAGS = 0x211,
	ZP_CODE32_START = 0x214,
	ZP_RAMDISK_IMAGE = 0x218,
	ZP_RAMDISK_SIZE = 0x21c,
	ZP_CMD_LINE_PTR = 0x228,
	ZP_KERNEL_ALIGNMENT = 0x230,
	ZP_SETUP_DATA = 0x250,
	ZP_E820_TABLE = 0x2d0,
	ZP_E820_MAX = 128,
	ZP_E820_ENTRY_SIZE = 20,
	ZP_SIZE = 4096
};
enum { LOADER_UNDEFINED = 0xff, LOADED_HIGH = 0x01 };

_Static_assert((int)VMOON_MAP_MAX <= (int)ZP_E820_MAX, "the memory map fits");

static enum vmoon_status write_guest(const struct vmoon_gmem *gm, vmoon_gpa gpa,
				     const void *src, size_t len,
				     struct vmoon_error *err)
{
	if (vmoon_gmem_write(gm, gpa, src, len) == VMOON_OK)
		return VMOON_OK;
	return vmoon_fail(err, VMOON_E_CONFIG, 0,
			  "memory: no RAM at 0x%llx, more than 1 MiB is needed "
			  "to boot",
			  (unsigned long long)gpa);
}

static void store_low(unsigned char *zp, size_t at, size_t at_high,
		      uint64_t value)
{
	vmoon_le32_store(zp + at, (uint32_t)value);
	vmoon_le32_store(zp + at_high, (uint32_t)(value >> 32));
}

static void fill_setup_header(unsigned char *zp, const struct vmoon_params *p)
{
	if (p->setup_header != NULL)
		memcpy(zp + ZP_SETUP_HEADER, p->setup_header,
		       p->setup_header_len);
	else
		vmoon_le32_store(zp + ZP_KERNEL_ALIGNMENT, 0x1000000);
	vmoon_le16_store(zp + ZP_BOOT_FLAG, 0xaa55);
	memcpy(zp + ZP_HEADER_MAGIC, "HdrS", 4);
	zp[ZP_TYPE_OF_LOADER] = LOADER_UNDEFINED;
	zp[ZP_LOADFLAGS] |= LOADED_HIGH;
	vmoon_le32_store(zp + ZP_CODE32_START, (uint32_t)p->kernel_start);
	vmoon_le64_store(zp + ZP_SETUP_DATA, 0);
	store_low(zp, ZP_CMD_LINE_PTR, ZP_EXT_CMD_LINE_PTR, VMOON_ADDR_CMDLINE);
	store_low(zp, ZP_RAMDISK_IMAGE, ZP_EXT_RAMDISK_IMAGE, p->initrd_start);
	store_low(zp, ZP_RAMDISK_SIZE, ZP_EXT_RAMDISK_SIZE, p->initrd_size);
}

enum vmoon_status vmoon_params_write_zero_page(const struct vmoon_gmem *gm,
					       const struct vmoon_params *p,
					       struct vmoon_error *err)
{
	struct vmoon_map_entry map[VMOON_MAP_MAX];
	unsigned char zp[ZP_SIZE] = {0};
	enum vmoon_status st;
	size_t count;

	st = vmoon_map_build(gm, map, VMOON_COUNTOF(map), &count, err);
	if (st != VMOON_OK)
		return st;
	fill_setup_header(zp, p);
	vmoon_le64_store(zp + ZP_ACPI_RSDP_ADDR, p->rsdp);
	zp[ZP_E820_ENTRIES] = (unsigned char)count;
	for (size_t i = 0; i < count; i++) {
		unsigned char *e = zp + ZP_E820_TABLE + i * ZP_E820_ENTRY_SIZE;

		vmoon_le64_store(e, map[i].start);
		vmoon_le64_store(e + 8, map[i].size);
		vmoon_le32_store(e + 16, (uint32_t)map[i].type);
	}
	return write_guest(gm, VMOON_ADDR_ZERO_PAGE, zp, sizeof(zp), err);
}

enum {
	START_INFO_MAGIC = 0x336ec578,
	START_INFO_SIZE = 56,
	MODULE_SIZE = 32,
	MEMMAP_ENTRY_SIZE = 24
};

static enum vmoon_status write_memmap(const struct vmoon_gmem *gm,
				      size_t *out_count,
				      struct vmoon_error *err)
{
	unsigned char buf[VMOON_MAP_MAX * MEMMAP_ENTRY_SIZE] = {0};
	struct vmoon_map_entry map[VMOON_MAP_MAX];
	enum vmoon_status st;

	st = vmoon_map_build(gm, map, VMOON_COUNTOF(map), out_count, err);
	if (st != VMOON_OK)
		return st;
	for (size_t i = 0; i < *out_count; i++) {
		unsigned char *e = buf + i * MEMMAP_ENTRY_SIZE;

		vmoon_le64_store(e, map[i].start);
		vmoon_le64_store(e + 8, map[i].size);
		vmoon_le32_store(e + 16, (uint32_t)map[i].type);
	}
	return write_guest(gm, VMOON_ADDR_PVH_MEMORY_MAP, buf, sizeof(buf),
			   err);
}

enum vmoon_status vmoon_params_write_start_info(const struct vmoon_gmem *gm,
						const struct vmoon_params *p,
						struct vmoon_error *err)
{
	unsigned char info[START_INFO_SIZE] = {0};
	unsigned char module[MODULE_SIZE] = {0};
	size_t count = 0;
	enum vmoon_status st = write_memmap(gm, &count, err);

	if (st != VMOON_OK)
		return st;
	vmoon_le32_store(info, START_INFO_MAGIC);
	vmoon_le32_store(info + 4, 1); /* version, with a memory map */
	if (p->initrd_size != 0) {
		vmoon_le32_store(info + 12, 1);
		vmoon_le64_store(info + 16, VMOON_ADDR_PVH_MODULES);
		vmoon_le64_store(module, p->initrd_start);
		vmoon_le64_store(module + 8, p->initrd_size);
	}
	vmoon_le64_store(info + 24, VMOON_ADDR_CMDLINE);
	vmoon_le64_store(info + 32, p->rsdp);
	vmoon_le64_store(info + 40, VMOON_ADDR_PVH_MEMORY_MAP);
	vmoon_le32_store(info + 48, (uint32_t)count);
	st = write_guest(gm, VMOON_ADDR_PVH_MODULES, module, sizeof(module),
			 err);
	return st != VMOON_OK ? st
			      : write_guest(gm, VMOON_ADDR_PVH_START_INFO, info,
					    sizeof(info), err);
}

/* Offsets in the Multiboot info and in what it points to. */
enum {
	MB_FLAGS = 0,
	MB_MEM_LOWER = 4,
	MB_MEM_UPPER = 8,
	MB_CMDLINE = 16,
	MB_MODS_COUNT = 20,
	MB_MODS_ADDR = 24,
	MB_MMAP_LENGTH = 44,
	MB_MMAP_ADDR = 48,
	MB_LOADER_NAME = 64,
	MB_INFO_SIZE = 120,
	MB_MODULE_SIZE = 16,
	MB_MMAP_ENTRY_SIZE = 24, /* the first four bytes hold this less 4 */
	/* Memory sizes, command line, modules, memory map, loader's name. */
	MB_HAS = 1 << 0 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9
};
#define LOADER_NAME "vmoon"

_Static_assert(VMOON_ADDR_MULTIBOOT_INFO + MB_INFO_SIZE <=
			       VMOON_ADDR_MULTIBOOT_MODULES &&
		       VMOON_ADDR_MULTIBOOT_MEMORY_MAP +
				       VMOON_MAP_MAX * MB_MMAP_ENTRY_SIZE <=
			       VMOON_ADDR_MULTIBOOT_LOADER,
	       "no overlap");

static enum vmoon_status write_multiboot_map(const struct vmoon_gmem *gm,
					     uint32_t *out_len,
					     struct vmoon_error *err)
{
	unsigned char buf[VMOON_MAP_MAX * MB_MMAP_ENTRY_SIZE] = {0};
	struct vmoon_map_entry map[VMOON_MAP_MAX];
	enum vmoon_status st;
	size_t count;

	st = vmoon_map_build(gm, map, VMOON_COUNTOF(map), &count, err);
	if (st != VMOON_OK)
		return st;
	for (size_t i = 0; i < count; i++) {
		unsigned char *e = buf + i * MB_MMAP_ENTRY_SIZE;

		vmoon_le32_store(e, MB_MMAP_ENTRY_SIZE - 4);
		vmoon_le64_store(e + 4, map[i].start);
		vmoon_le64_store(e + 12, map[i].size);
		vmoon_le32_store(e + 20, (uint32_t)map[i].type);
	}
	*out_len = (uint32_t)(count * MB_MMAP_ENTRY_SIZE);
	return write_guest(gm, VMOON_ADDR_MULTIBOOT_MEMORY_MAP, buf,
			   sizeof(buf), err);
}

enum vmoon_status vmoon_params_write_multiboot(const struct vmoon_gmem *gm,
					       const struct vmoon_params *p,
					       struct vmoon_error *err)
{
	unsigned char info[MB_INFO_SIZE] = {0}, module[MB_MODULE_SIZE] = {0};
	uint32_t map_len = 0;
	enum vmoon_status st = write_multiboot_map(gm, &map_len, err);
	const uint64_t upper = gm->regions[0].size - VMOON_ADDR_HIGH_RAM;

	if (st != VMOON_OK)
		return st;
	vmoon_le32_store(info + MB_FLAGS, MB_HAS);
	vmoon_le32_store(info + MB_MEM_LOWER, VMOON_ADDR_LOW_RAM_END / 1024);
	vmoon_le32_store(info + MB_MEM_UPPER, (uint32_t)(upper / 1024));
	vmoon_le32_store(info + MB_CMDLINE, VMOON_ADDR_CMDLINE);
	vmoon_le32_store(info + MB_MODS_COUNT, p->initrd_size != 0);
	vmoon_le32_store(info + MB_MODS_ADDR, VMOON_ADDR_MULTIBOOT_MODULES);
	/* Below the hole, as vmoon_initrd_place promises: 32 bits hold it. */
	vmoon_le32_store(module, (uint32_t)p->initrd_start);
	vmoon_le32_store(module + 4,
			 (uint32_t)(p->initrd_start + p->initrd_size));
	vmoon_le32_store(info + MB_MMAP_LENGTH, map_len);
	vmoon_le32_store(info + MB_MMAP_ADDR, VMOON_ADDR_MULTIBOOT_MEMORY_MAP);
	vmoon_le32_store(info + MB_LOADER_NAME, VMOON_ADDR_MULTIBOOT_LOADER);
	st = write_guest(gm, VMOON_ADDR_MULTIBOOT_LOADER, LOADER_NAME,
			 sizeof(LOADER_NAME), err);
	if (st == VMOON_OK)
		st = write_guest(gm, VMOON_ADDR_MULTIBOOT_MODULES, module,
				 sizeof(module), err);
	return st != VMOON_OK ? st
			      : write_guest(gm, VMOON_ADDR_MULTIBOOT_INFO, info,
					    sizeof(info), err);
}

enum {
	TABLE_SIZE = 4096,
	TABLE_ENTRIES = 512,
	DIRECTORIES = 4, /* of 1 GiB each */
	PRESENT_WRITABLE = 0x3,
	LARGE_PAGE = 0x80
};

static void put_entry(unsigned char *table, size_t i, uint64_t value)
{
	vmoon_le64_store(table + i * 8, value);
}

/* 4 GiB and not 1: kernel and initrd may be anywhere below the hole. */
static enum vmoon_status write_page_tables(const struct vmoon_gmem *gm,
					   struct vmoon_error *err)
{
	unsigned char t[TABLE_SIZE];
	const vmoon_gpa pdpt = VMOON_ADDR_PML4 + TABLE_SIZE;
	const vmoon_gpa dirs = pdpt + TABLE_SIZE;
	enum vmoon_status st;

	memset(t, 0, sizeof(t));
	put_entry(t, 0, pdpt | PRESENT_WRITABLE);
	st = write_guest(gm, VMOON_ADDR_PML4, t, sizeof(t), err);
	for (size_t d = 0; d < DIRECTORIES; d++)
		put_entry(t, d, (dirs + d * TABLE_SIZE) | PRESENT_WRITABLE);
	if (st == VMOON_OK)
		st = write_guest(gm, pdpt, t, sizeof(t), err);
	for (size_t d = 0; st == VMOON_OK && d < DIRECTORIES; d++) {
		for (size_t i = 0; i < TABLE_ENTRIES; i++)
			put_entry(t, i,
				  (d * VMOON_GIB + i * 2 * VMOON_MIB) |
					  PRESENT_WRITABLE | LARGE_PAGE);
		st = write_guest(gm, dirs + d * TABLE_SIZE, t, sizeof(t), err);
	}
	return st;
}

_Static_assert(VMOON_ADDR_PML4 + (2 + DIRECTORIES) * TABLE_SIZE ==
		       VMOON_ADDR_PAGE_TABLES_END,
	       "the map of the first MiB");
_Static_assert((int)VMOON_ADDR_MULTIBOOT_INFO == (int)VMOON_ADDR_PVH_START_INFO,
	       "one register for both");

enum { GDT_SIZE = VMOON_GDT_COUNT * 8, IDT_SIZE = 8 };

_Static_assert(VMOON_ADDR_GDT + GDT_SIZE <= VMOON_ADDR_IDT, "no overlap");

static enum vmoon_status write_descriptors(const struct vmoon_gmem *gm,
					   enum vmoon_x86_mode mode,
					   struct vmoon_error *err)
{
	unsigned char gdt[GDT_SIZE] = {0}, idt[IDT_SIZE] = {0};
	enum vmoon_status st;

	/* Base 0, limit 4 GiB: code, data, busy TSS. */
	put_entry(gdt, VMOON_GDT_CODE / 8,
		  mode == VMOON_X86_LONG64 ? UINT64_C(0x00af9b000000ffff)
					   : UINT64_C(0x00cf9b000000ffff));
	put_entry(gdt, VMOON_GDT_DATA / 8, UINT64_C(0x00cf93000000ffff));
	put_entry(gdt, VMOON_GDT_TSS / 8, UINT64_C(0x008f8b000000ffff));
	st = write_guest(gm, VMOON_ADDR_GDT, gdt, sizeof(gdt), err);
	return st != VMOON_OK
		       ? st
		       : write_guest(gm, VMOON_ADDR_IDT, idt, sizeof(idt), err);
}

enum vmoon_status vmoon_params_write_cpu(const struct vmoon_gmem *gm,
					 enum vmoon_x86_mode mode,
					 struct vmoon_x86_entry *out_entry,
					 struct vmoon_error *err)
{
	enum vmoon_status st;

	if (mode == VMOON_X86_REAL16) {
		*out_entry = (struct vmoon_x86_entry){
			.mode = mode, .rsp = VMOON_ADDR_BOOT_STACK};
		return VMOON_OK;
	}
	st = write_descriptors(gm, mode, err);
	if (st == VMOON_OK && mode == VMOON_X86_LONG64)
		st = write_page_tables(gm, err);
	if (st != VMOON_OK)
		return st;
	*out_entry = (struct vmoon_x86_entry){
		.mode = mode,
		.rsp = VMOON_ADDR_BOOT_STACK,
		.gdt_base = VMOON_ADDR_GDT,
		.gdt_limit = GDT_SIZE - 1,
		.idt_base = VMOON_ADDR_IDT,
		.idt_limit = IDT_SIZE - 1,
	};
	if (mode == VMOON_X86_LONG64) {
		out_entry->rsi = VMOON_ADDR_ZERO_PAGE;
		out_entry->cr3 = VMOON_ADDR_PML4;
	} else {
		out_entry->rbx = VMOON_ADDR_PVH_START_INFO; /* or Multiboot's */
	}
	return VMOON_OK;
}
