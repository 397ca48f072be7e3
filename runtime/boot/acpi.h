/* SPDX-License-Identifier: MIT */
/* acpi.h - the ACPI tables of the x86_64 board. */
#ifndef VMOON_RUNTIME_ACPI_H
#define VMOON_RUNTIME_ACPI_H

#include "vmoon/base.h"
#include "vmoon/error.h"

/* What the tables describe; 0 leaves a device out. */
struct vmoon_acpi_config {
	unsigned cpu_count;
	uint64_t ioapic_base, lapic_base;
	unsigned gsi_count;
	uint16_t serial_port; /* COM1: 0x3f8 */
	unsigned serial_irq;  /* 4 */
	uint16_t rtc_port;    /* 0x70, two ports, IRQ 8 */
	uint16_t pvpanic_port; /* QEMU0001, one port */
	uint16_t i8042_port;  /* 0x60: sets the 8042 flag of the FADT */
	uint16_t pm_port;     /* see devices/acpi_pm.h */
	unsigned pm_irq;      /* GED interrupt */
};

/*
 * Writes RSDP, XSDT, FADT, MADT, SPCR and DSDT into buf as they are to stand
 * at guest address base, RSDP first. E_NOMEM when they do not fit in cap.
 */
VMOON_STATUS vmoon_acpi_build(const struct vmoon_acpi_config *cfg,
			      uint64_t base, unsigned char *buf, size_t cap,
			      size_t *out_len, struct vmoon_error *err)
	VMOON_NONNULL(1, 3, 5);

#endif
