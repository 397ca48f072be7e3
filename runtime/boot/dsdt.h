/* SPDX-License-Identifier: MIT */
/* dsdt.h - the terms of the DSDT, without the table header. */
#ifndef VMOON_RUNTIME_DSDT_H
#define VMOON_RUNTIME_DSDT_H

#include "boot/acpi.h"
#include "boot/aml.h"

/* Failures stay in the writer. */
void vmoon_dsdt_write(struct vmoon_aml *w, const struct vmoon_acpi_config *cfg)
	VMOON_NONNULL(1, 2);

#endif
