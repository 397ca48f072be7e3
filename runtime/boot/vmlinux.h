/* SPDX-License-Identifier: MIT */
/* vmlinux.h - a packed vmlinux, unpacked to where it runs. */
#ifndef VMOON_RUNTIME_BOOT_VMLINUX_H
#define VMOON_RUNTIME_BOOT_VMLINUX_H

#include "boot/elf.h"
#include "boot/unpack.h"

/*
 * Unpacks just the headers of an ELF file of size bytes; nothing of guest
 * memory is touched. E_IMAGE when it is none, E_CONFIG when RAM is missing.
 */
VMOON_STATUS vmoon_vmlinux_plan(const struct vmoon_packed *packed,
				uint64_t size, const struct vmoon_gmem *gm,
				struct vmoon_elf *out_elf,
				struct vmoon_error *err) VMOON_NONNULL(1, 3, 4);

/*
 * Unpacks all of it into guest RAM in such a way that the first segment needs
 * no copy, moves the others, zeroes BSS and looks for the PVH note. Where the
 * RAM is too small or moving in place would destroy a segment, it goes
 * through a host mapping of size bytes that lives until the return.
 */
VMOON_STATUS vmoon_vmlinux_unpack(const struct vmoon_packed *packed,
				  uint64_t size, const struct vmoon_gmem *gm,
				  struct vmoon_elf *elf,
				  struct vmoon_error *err)
	VMOON_NONNULL(1, 3, 4);

/*
 * Fills order with an order in which segments can be moved from base + file
 * offset to paddr without overwriting one that still has to move. False when
 * there is none.
 */
bool vmoon_vmlinux_order(const struct vmoon_elf *elf, uint64_t base,
			 unsigned char order[VMOON_ELF_SEGMENTS_MAX])
	VMOON_NONNULL(1, 3);

#endif
