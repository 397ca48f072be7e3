/* SPDX-License-Identifier: MIT */
/* params.h - what the kernel and the boot CPU find at the entry. */
#ifndef VMOON_RUNTIME_BOOT_PARAMS_H
#define VMOON_RUNTIME_BOOT_PARAMS_H

#include "gmem.h"
#include "hv.h"

/* What the zero page, the PVH start info or the Multiboot info tells. */
struct vmoon_params {
	/* From file offset 0x1f1 on; NULL: made up, as for an ELF file. */
	const unsigned char *setup_header; /* borrowed for the call */
	size_t setup_header_len;           /* at most VMOON_SETUP_HEADER_MAX */
	vmoon_gpa kernel_start;
	vmoon_gpa initrd_start;
	uint64_t initrd_size; /* 0: none */
	vmoon_gpa rsdp;       /* 0: none */
};

/* The command line is at VMOON_ADDR_CMDLINE for all of them. */
VMOON_STATUS vmoon_params_write_zero_page(const struct vmoon_gmem *gm,
					  const struct vmoon_params *p,
					  struct vmoon_error *err)
	VMOON_NONNULL(1, 2);
VMOON_STATUS vmoon_params_write_start_info(const struct vmoon_gmem *gm,
					   const struct vmoon_params *p,
					   struct vmoon_error *err)
	VMOON_NONNULL(1, 2);
VMOON_STATUS vmoon_params_write_multiboot(const struct vmoon_gmem *gm,
					  const struct vmoon_params *p,
					  struct vmoon_error *err)
	VMOON_NONNULL(1, 2);

/*
 * Writes GDT, IDT and, for LONG64, page tables that map the first 4 GiB to
 * themselves, but nothing for REAL16; fills everything of out_entry but where
 * the code is and what only one protocol has in rax.
 */
VMOON_STATUS vmoon_params_write_cpu(const struct vmoon_gmem *gm,
				    enum vmoon_x86_mode mode,
				    struct vmoon_x86_entry *out_entry,
				    struct vmoon_error *err)
	VMOON_NONNULL(1, 3);

#endif
