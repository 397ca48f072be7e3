/* SPDX-License-Identifier: MIT */
/* device_options.h - what an embedder says of a device, checked once. */
#ifndef VMOON_RUNTIME_DEVICE_OPTIONS_H
#define VMOON_RUNTIME_DEVICE_OPTIONS_H

#include "vmoon/vmoon.h"

enum {
	VMOON_DEVICE_NAME_MAX = 64, /* bytes */
	VMOON_DOORBELLS_MAX = 16,
	VMOON_ACPI_HID_BYTES = 8,   /* at most */
	VMOON_COMPATIBLE_BYTES = 64 /* at most */
};

/*
 * Options of any size that this library has had: what the caller does not know
 * is 0 in *out, whose pointers are the caller's. E_INVAL with what is wrong.
 */
VMOON_STATUS vmoon_device_options_read(const struct vmoon_device_options *in,
				       struct vmoon_device_options *out,
				       struct vmoon_error *err)
	VMOON_NONNULL(1, 2);
VMOON_STATUS vmoon_virtio_options_read(const struct vmoon_virtio_options *in,
				       struct vmoon_virtio_options *out,
				       struct vmoon_error *err)
	VMOON_NONNULL(1, 2);

/* Whether what make gave has all its functions; else it is destroyed. */
VMOON_STATUS vmoon_device_check(const char *name, struct vmoon_device *take_dev,
				struct vmoon_error *err) VMOON_NONNULL(1);
VMOON_STATUS vmoon_virtio_check(const char *name, struct vmoon_virtio *take_vd,
				struct vmoon_error *err) VMOON_NONNULL(1);

#endif
