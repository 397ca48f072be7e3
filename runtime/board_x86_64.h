/* SPDX-License-Identifier: MIT */
/* board_x86_64.h - what the parts of the x86_64 machine share. */
#ifndef VMOON_RUNTIME_BOARD_X86_64_H
#define VMOON_RUNTIME_BOARD_X86_64_H

#include "board.h"
#include "boot/acpi.h"
#include "boot/boot.h"
#include "rack.h"

/* Ports as PCs and QEMU have them; the ACPI tables say the same. */
enum {
	PORT_I8042 = 0x60,
	PORT_RTC = 0x70,
	PORT_DEBUG_EXIT = 0xf4,
	PORT_SERIAL = 0x3f8,
	PORT_PVPANIC = 0x505,
	PORT_ACPI_PM = 0x600,
	IRQ_SERIAL = 4,
	IRQ_ACPI_PM = 5
};

struct vmoon_board {
	struct vmoon_rack rack;
	struct vmoon_board_virtio *virtio;   /* owned; in the rack */
	struct vmoon_slot *serial, *acpi_pm; /* borrowed: in the rack */
	struct vmoon_hv_vm *hv;              /* borrowed: outlives the board */
	struct vmoon_mem *mem;               /* likewise */
	/* What the guest's tables say of an embedder's devices. */
	struct vmoon_acpi_device nodes[VMOON_ACPI_DEVICES_MAX];
	size_t node_count;
};

#endif
