/* SPDX-License-Identifier: MIT */
/* bzimage.h - the Linux/x86 boot protocol: setup header of a bzImage. */
#ifndef VMOON_RUNTIME_BOOT_BZIMAGE_H
#define VMOON_RUNTIME_BOOT_BZIMAGE_H

#include "boot/image.h"

/* Linux Documentation/arch/x86/boot.rst; the same in file and zero page. */
enum {
	VMOON_SETUP_HEADER = 0x1f1,
	VMOON_SETUP_HEADER_END = 0x290, /* the next field of the zero page */
	VMOON_SETUP_HEADER_MAX = VMOON_SETUP_HEADER_END - VMOON_SETUP_HEADER,
	VMOON_BZIMAGE_ENTRY64 = 0x200, /* from where the kernel is loaded */
	VMOON_LINUX_CMDLINE_MAX = 2047 /* without the NUL, if none is named */
};
#define VMOON_LINUX_INITRD_MAX UINT64_C(0x7fffffff)

struct vmoon_bzimage {
	unsigned char header[VMOON_SETUP_HEADER_MAX]; /* from 0x1f1 on */
	size_t header_len;
	struct vmoon_image_range kernel;  /* the protected-mode part */
	struct vmoon_image_range payload; /* inside it; size 0: not named */
	uint64_t start, end;  /* what the kernel uses until it is unpacked */
	uint64_t cmdline_max; /* without the NUL */
	uint64_t initrd_max;  /* last address of an initrd */
};

/* True when the image has a setup header. */
bool vmoon_bzimage_is(const struct vmoon_image *img) VMOON_NONNULL(1);

/*
 * Checks every field that is used: a 64-bit bzImage of boot protocol 2.12
 * (Linux 3.8) or newer. start and end are sane, but need not be RAM.
 */
VMOON_STATUS vmoon_bzimage_parse(const struct vmoon_image *img,
				 struct vmoon_bzimage *out,
				 struct vmoon_error *err) VMOON_NONNULL(1, 2);

/* Copies the protected-mode part to start; E_CONFIG if RAM is missing. */
VMOON_STATUS vmoon_bzimage_load(const struct vmoon_bzimage *bz,
				const struct vmoon_image *img,
				const struct vmoon_gmem *gm,
				struct vmoon_error *err) VMOON_NONNULL(1, 2, 3);

/* E_CONFIG unless [start, end) is RAM. */
VMOON_STATUS vmoon_bzimage_check_memory(const struct vmoon_bzimage *bz,
					const struct vmoon_gmem *gm,
					struct vmoon_error *err)
	VMOON_NONNULL(1, 2);

#endif
