/* SPDX-License-Identifier: MIT */
/* boot.h - from a kernel file to a guest memory that is ready to run. */
#ifndef VMOON_RUNTIME_BOOT_H
#define VMOON_RUNTIME_BOOT_H

#include "boot/image.h"
#include "gmem.h"
#include "hv.h"
#include "spec.h"

/* Where things are in guest memory; architecture.md, x86_64 machine. */
enum {
	VMOON_ADDR_GDT = 0x500,
	VMOON_ADDR_IDT = 0x530, /* behind the six entries of the GDT */
	VMOON_ADDR_PVH_START_INFO = 0x6000,
	VMOON_ADDR_PVH_MODULES = 0x6040,
	VMOON_ADDR_PVH_MEMORY_MAP = 0x6080,
	/* A guest gets either what is above or this. */
	VMOON_ADDR_MULTIBOOT_INFO = 0x6000,
	VMOON_ADDR_MULTIBOOT_MODULES = 0x6080,
	VMOON_ADDR_MULTIBOOT_MEMORY_MAP = 0x60a0,
	VMOON_ADDR_MULTIBOOT_LOADER = 0x6400,
	VMOON_ADDR_ZERO_PAGE = 0x7000,
	VMOON_ADDR_BOOT_STACK = 0x8ff0,
	VMOON_ADDR_PML4 = 0x9000, /* then the PDPT and four directories */
	VMOON_ADDR_PAGE_TABLES_END = 0xf000,
	VMOON_ADDR_CMDLINE = 0x20000,
	VMOON_CMDLINE_MAX = 0x10000,      /* with the final NUL */
	VMOON_ADDR_LOW_RAM_END = 0x9fc00, /* start of the EBDA */
	/*
	 * The last KiB of base RAM, where it is looked for. It may go on into
	 * what is video memory elsewhere; all up to 1 MiB is reserved in e820.
	 */
	VMOON_ADDR_MPTABLE = VMOON_ADDR_LOW_RAM_END,
	VMOON_ADDR_MPTABLE_END = 0xa2000,
	VMOON_ADDR_ACPI = 0xe0000, /* reserved in e820 */
	VMOON_ADDR_ACPI_END = 0x100000,
	VMOON_ADDR_HIGH_RAM = 0x100000
};

#define VMOON_ADDR_HOLE UINT64_C(0xc0000000)      /* RAM stops here ... */
#define VMOON_ADDR_HOLE_END UINT64_C(0x100000000) /* ... and goes on here */
/* Three pages KVM needs on Intel hosts, and the page after: in the hole. */
#define VMOON_ADDR_TSS UINT64_C(0xfffbd000)
#define VMOON_ADDR_IDENTITY_MAP UINT64_C(0xfffbc000)
#define VMOON_ADDR_IOAPIC UINT64_C(0xfec00000)
#define VMOON_ADDR_LAPIC UINT64_C(0xfee00000)

/*
 * The GDT: null, null, code, data, and a TSS of two entries; the code segment
 * is a 64-bit or a flat 32-bit one, as the entry's mode says. Linux demands
 * these numbers for code and data. A hypervisor loads the segment registers
 * with the same attributes itself, as no guest code does it before the entry.
 */
enum {
	VMOON_GDT_CODE = 0x10,
	VMOON_GDT_DATA = 0x18,
	VMOON_GDT_TSS = 0x20,
	VMOON_GDT_COUNT = 6
};

/* RAM regions for a memory size: one, or two around the hole; 0 for none. */
size_t vmoon_boot_layout(uint64_t memory_bytes, struct vmoon_gmem_region out[2])
	VMOON_NONNULL(2);

/* What was chosen and where it went: for the log, and for tests. */
struct vmoon_boot_info {
	enum vmoon_boot_protocol protocol; /* never AUTO */
	/*
	 * GUEST: a bzImage unpacks itself, because it was asked for or because
	 * this build lacks the library for its format; HOST otherwise.
	 */
	enum vmoon_unpack unpack;
	const char *format; /* "lz4", ..., "unknown"; "none": not a bzImage */
	vmoon_gpa kernel_start, kernel_end;
	vmoon_gpa initrd_start;
	uint64_t initrd_size; /* 0: none */
};

/* A kernel without a format: put at an address as it is, and entered there. */
struct vmoon_flat {
	enum vmoon_flat_mode mode;
	vmoon_gpa at;
};

/*
 * The files of the first load, kept open: later ones, after a reset, read the
 * same files although the thread that loads may open none. Zeroed: none yet.
 */
struct vmoon_boot_files {
	struct vmoon_image kernel, initrd; /* owned */
};

/* Harmless on zeroed files, and twice. */
void vmoon_boot_files_close(struct vmoon_boot_files *files) VMOON_NONNULL(1);

/* Everything of the machine that a boot protocol tells the kernel. */
struct vmoon_boot_args {
	struct vmoon_mem *mem;    /* or NULL */
	const char *kernel_path;  /* for messages and for opening */
	struct vmoon_flat flat;   /* mode NONE: the file's format decides */
	const char *initrd_path;  /* or NULL */
	int kernel_fd, initrd_fd; /* borrowed: read instead; 0: none */
	struct vmoon_boot_files *files; /* borrowed; NULL: opened each time */
	const char *cmdline;
	enum vmoon_boot_protocol protocol;
	enum vmoon_unpack unpack;
	vmoon_gpa rsdp;                   /* 0: no ACPI */
	struct vmoon_boot_info *out_info; /* or NULL */
};

/*
 * Loads kernel, initrd, command line, memory map and CPU tables. Everything is
 * checked before the first byte of guest memory changes as far as the file's
 * format allows; on failure the memory must not be run. RAM must read as zero
 * before. Errors read "kernel 'PATH': what, and what to do": E_SYS (a file
 * cannot be read), E_IMAGE (a file is bad), E_CONFIG (files are fine, but the
 * VM's memory or the command line is not), E_UNSUPPORTED (boot = "pvh" needs a
 * library that this build lacks), E_NOMEM.
 */
VMOON_STATUS vmoon_boot_load(struct vmoon_gmem *gm,
			     const struct vmoon_boot_args *args,
			     struct vmoon_x86_entry *out_entry,
			     struct vmoon_error *err) VMOON_NONNULL(1, 2, 3);

#endif
