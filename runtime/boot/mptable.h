/* SPDX-License-Identifier: MIT */
/* mptable.h - the MultiProcessor table, for guests that do not read ACPI. */
#ifndef VMOON_RUNTIME_BOOT_MPTABLE_H
#define VMOON_RUNTIME_BOOT_MPTABLE_H

#include "vmoon/base.h"
#include "vmoon/error.h"

enum {
	VMOON_MPTABLE_CPUS_MAX = 254, /* 255 is the xAPIC's broadcast id */
	VMOON_MPTABLE_IRQS_MAX = 255  /* an IRQ is a byte of the table */
};

struct vmoon_mptable_config {
	unsigned cpu_count; /* local APIC ids 0 to cpu_count - 1 */
	unsigned irq_count; /* of the ISA bus, all wired to the one IOAPIC */
	uint64_t ioapic_base, lapic_base;
};

/*
 * Writes the floating pointer and behind it the configuration table into buf,
 * as they are to stand at guest address base, a multiple of 16. E_NOMEM when
 * they do not fit in cap, E_INVAL for a count of zero or one above the maxima
 * or a base that 32 bits do not hold. On failure the first cap bytes of buf
 * are undefined.
 */
VMOON_STATUS vmoon_mptable_build(const struct vmoon_mptable_config *cfg,
				 uint64_t base, unsigned char *buf, size_t cap,
				 size_t *out_len, struct vmoon_error *err)
	VMOON_NONNULL(1, 3, 5);

#endif
