/* SPDX-License-Identifier: MIT */
/* acpi.h - the ACPI tables of the x86_64 board. */
#ifndef VMOON_RUNTIME_ACPI_H
#define VMOON_RUNTIME_ACPI_H

#include "vmoon/base.h"
#include "vmoon/error.h"

enum {
	VMOON_ACPI_CPUS_MAX = 254, /* 255 is the xAPIC's broadcast id */
	VMOON_ACPI_VIRTIO_MAX = 32,
	VMOON_ACPI_DEVICES_MAX = 64, /* of the embedder's, with a node */
	VMOON_ACPI_ID_MAX = 64       /* bytes */
};

/*
 * What the tables promise about the four ports at pm_port. The device says the
 * same in its own header; the board, which sees both, asserts that they agree.
 */
enum vmoon_acpi_pm_promise {
	VMOON_ACPI_PORT_SLEEP_CONTROL = 0,
	VMOON_ACPI_PORT_SLEEP_STATUS = 1,
	VMOON_ACPI_PORT_RESET = 2,
	VMOON_ACPI_PORT_EVENT = 3,
	VMOON_ACPI_SLEEP_TYPE_S5 = 5,
	VMOON_ACPI_RESET_VALUE = 0x42,
	VMOON_ACPI_EVENT_POWER_BUTTON = 0x01 /* write 1 clears */
};

/* A virtio device over MMIO; its interrupt is level, active high, shared. */
struct vmoon_acpi_virtio {
	uint32_t base, size;
	unsigned gsi;
};

/* A device of the embedder's: one window, and perhaps an active high line. */
struct vmoon_acpi_device {
	char id[VMOON_ACPI_ID_MAX + 1]; /* _HID, or what it is compatible to */
	bool is_compatible;             /* then _HID is PRP0001 */
	bool is_ports;                  /* at most 255 of them */
	uint64_t base, size;            /* below 4 GiB */
	bool has_irq, is_edge, is_shared;
	unsigned gsi;
};

/* What the tables describe; 0 leaves a device out. */
struct vmoon_acpi_config {
	unsigned cpu_count;
	uint64_t ioapic_base, lapic_base;
	unsigned gsi_count;
	uint16_t serial_port;  /* COM1: 0x3f8 */
	unsigned serial_irq;   /* 4 */
	uint16_t rtc_port;     /* 0x70, two ports */
	unsigned rtc_irq;      /* 8, or 0: the clock never interrupts */
	uint16_t pvpanic_port; /* QEMU0001, one port */
	uint16_t i8042_port;   /* 0x60: sets the 8042 flag of the FADT */
	uint16_t pm_port;      /* four ports, see above */
	unsigned pm_irq;       /* GED interrupt: level, active high */
	const struct vmoon_acpi_virtio *virtio; /* borrowed: LNRO0005 each */
	size_t virtio_count; /* at most VMOON_ACPI_VIRTIO_MAX */
	const struct vmoon_acpi_device *devices; /* borrowed */
	size_t device_count; /* at most VMOON_ACPI_DEVICES_MAX */
};

/*
 * Writes RSDP, XSDT, FADT, MADT, SPCR and DSDT into buf as they are to stand
 * at guest address base, RSDP first; base is a multiple of 16. E_NOMEM when
 * they do not fit in cap, E_INVAL when cfg contradicts itself. On failure the
 * first cap bytes of buf are undefined.
 */
VMOON_STATUS vmoon_acpi_build(const struct vmoon_acpi_config *cfg,
			      uint64_t base, unsigned char *buf, size_t cap,
			      size_t *out_len, struct vmoon_error *err)
	VMOON_NONNULL(1, 3, 5);

/* The byte that makes len bytes and itself sum up to 0; MP tables want it too.
 */
unsigned char vmoon_acpi_checksum(const unsigned char *p, size_t len)
	VMOON_NONNULL(1);

#endif
