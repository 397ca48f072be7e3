/* SPDX-License-Identifier: MIT */
/* flat.h - kernels without a format: bytes, an address and a CPU mode. */
#ifndef VMOON_RUNTIME_BOOT_FLAT_H
#define VMOON_RUNTIME_BOOT_FLAT_H

#include "boot/boot.h"
#include "boot/elf.h"

/*
 * One segment of size bytes at flat->at, which is the entry as well. E_CONFIG
 * when it would cover what else stands in memory in its mode (descriptor and
 * page tables, the command line of cmdline_len bytes, MP table and ACPI), when
 * it leaves the RAM below the hole, or when real mode cannot start there. It
 * need not be RAM.
 */
VMOON_STATUS vmoon_flat_plan(const struct vmoon_flat *flat, uint64_t size,
			     size_t cmdline_len, struct vmoon_elf *out,
			     struct vmoon_error *err) VMOON_NONNULL(1, 4);

enum vmoon_x86_mode vmoon_flat_cpu_mode(enum vmoon_flat_mode mode);

/*
 * ESI has the address of the command line, in real mode as well. CS:IP of a
 * real mode image: 0:ADDR below 64 KiB, as a BIOS enters a boot sector at
 * 0:7C00; from there on ADDR / 16 : ADDR % 16.
 */
void vmoon_flat_set_entry(const struct vmoon_flat *flat,
			  struct vmoon_x86_entry *entry) VMOON_NONNULL(1, 2);

#endif
