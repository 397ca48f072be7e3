/* SPDX-License-Identifier: MIT */
/* multiboot.h - Multiboot 1: finding the header, what to load where. */
#ifndef VMOON_RUNTIME_BOOT_MULTIBOOT_H
#define VMOON_RUNTIME_BOOT_MULTIBOOT_H

#include "boot/elf.h"

/* True when the image has a Multiboot header. */
bool vmoon_multiboot_is(const struct vmoon_image *img) VMOON_NONNULL(1);

/*
 * Checks the header and everything that it or the ELF headers say of loading.
 * An image with address fields has one segment. The entry lies in what is
 * loaded, all of it above the first MiB and below the hole; it need not be
 * RAM. E_IMAGE, also for a header that asks for more than there is.
 */
VMOON_STATUS vmoon_multiboot_parse(const struct vmoon_image *img,
				   struct vmoon_elf *out,
				   struct vmoon_error *err) VMOON_NONNULL(1, 2);

#endif
