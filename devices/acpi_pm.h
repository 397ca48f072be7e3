/* SPDX-License-Identifier: MIT */
/* acpi_pm.h - sleep, reset and power-button registers of a reduced ACPI. */
#ifndef VMOON_DEVICES_ACPI_PM_H
#define VMOON_DEVICES_ACPI_PM_H

#include "vmoon/device.h"

/* Port offsets, one byte each; the ACPI tables name them. */
enum vmoon_acpi_pm_reg {
	VMOON_ACPI_PM_SLEEP_CONTROL = 0, /* ACPI 6.5, 4.8.3.7 */
	VMOON_ACPI_PM_SLEEP_STATUS = 1,
	VMOON_ACPI_PM_RESET = 2, /* write VMOON_ACPI_PM_RESET_VALUE */
	VMOON_ACPI_PM_EVENT = 3, /* pending GED events; write 1 clears */
	VMOON_ACPI_PM_PORTS = 4
};

enum {
	VMOON_ACPI_PM_RESET_VALUE = 0x42,
	VMOON_ACPI_PM_EVENT_POWER_BUTTON = 0x01,
	VMOON_ACPI_PM_S5 = 5 /* SLP_TYP of \_S5 */
};

struct vmoon_acpi_pm_config {
	struct vmoon_mem *mem;        /* or NULL */
	struct vmoon_irq irq;         /* level: an event is pending */
	struct vmoon_notify poweroff; /* value 0 */
	struct vmoon_notify reset;    /* value 0 */
};

/* On success *out_dev is the caller's; release it with ops->destroy. */
VMOON_STATUS vmoon_acpi_pm_create(const struct vmoon_acpi_pm_config *cfg,
				  struct vmoon_device **out_dev,
				  struct vmoon_error *err) VMOON_NONNULL(1, 2);

/* Host side: presses the power button once. Under the device's lock. */
void vmoon_acpi_pm_press_power(struct vmoon_device *dev) VMOON_NONNULL(1);

#endif
