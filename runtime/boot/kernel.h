/* SPDX-License-Identifier: MIT */
/* kernel.h - a kernel file of any kind: recognise, plan, put into memory. */
#ifndef VMOON_RUNTIME_BOOT_KERNEL_H
#define VMOON_RUNTIME_BOOT_KERNEL_H

#include "boot/boot.h"
#include "boot/bzimage.h"
#include "boot/elf.h"
#include "boot/unpack.h"

struct vmoon_kernel {
	struct vmoon_image image; /* owned */
	bool is_bzimage;
	enum vmoon_unpack unpack;          /* HOST unless a bzImage */
	enum vmoon_boot_protocol protocol; /* never AUTO */
	struct vmoon_bzimage bz;           /* if is_bzimage */
	struct vmoon_elf elf;              /* unless the guest unpacks: what
					      to load, whatever the file */
	unsigned char *payload;            /* owned; NULL: not needed */
	struct vmoon_packed packed;
	uint64_t unpacked_size;
	/* What follows is valid after prepare, entry after load. */
	uint64_t start, end;  /* all it uses before it knows the memory map */
	uint64_t cmdline_max; /* without the NUL */
	uint64_t initrd_max;  /* last address of an initrd */
	uint64_t entry;
};

/*
 * Recognises the file and decides where everything goes, without a change to
 * guest memory. Owns take_image from the call on; vmoon_kernel_fini is due
 * also after a failure.
 */
VMOON_STATUS vmoon_kernel_prepare(struct vmoon_kernel *k,
				  struct vmoon_image take_image,
				  const struct vmoon_boot_args *args,
				  const struct vmoon_gmem *gm,
				  struct vmoon_error *err)
	VMOON_NONNULL(1, 3, 4);
VMOON_STATUS vmoon_kernel_load(struct vmoon_kernel *k,
			       const struct vmoon_gmem *gm,
			       struct vmoon_error *err) VMOON_NONNULL(1, 2);
void vmoon_kernel_fini(struct vmoon_kernel *k) VMOON_NONNULL(1);

#endif
