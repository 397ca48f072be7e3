/* SPDX-License-Identifier: MIT */
/* image.h - bytes of a kernel or initrd, from a file or from memory. */
#ifndef VMOON_RUNTIME_BOOT_IMAGE_H
#define VMOON_RUNTIME_BOOT_IMAGE_H

#include "gmem.h"
#include "vmoon/mem.h"

/* A vmlinux with all its debug information is about half of this. */
#define VMOON_IMAGE_MAX VMOON_GIB

/*
 * Every read is checked against the size the file had when it was opened, and
 * copies: a file that changes later is read wrongly or not at all, but never
 * past a buffer. It is not mapped, as a shrinking file would raise SIGBUS in
 * the embedder's process.
 */
struct vmoon_image {
	uint64_t size;
	const unsigned char *bytes; /* borrowed; NULL: the file */
	int fd;                     /* owned; -1 with bytes */
	struct vmoon_mem *mem;      /* borrowed: for what is parsed */
	bool is_lent;               /* fd belongs to another image */
};

/* Regular, not empty and at most VMOON_IMAGE_MAX, or E_SYS or E_IMAGE. */
VMOON_STATUS vmoon_image_open(struct vmoon_image *img, const char *path,
			      struct vmoon_error *err) VMOON_NONNULL(1, 2);
/* The same of a descriptor, which is duplicated. */
VMOON_STATUS vmoon_image_open_fd(struct vmoon_image *img, int fd,
				 struct vmoon_error *err) VMOON_NONNULL(1);
/* The bytes must outlive the image. */
struct vmoon_image vmoon_image_of_bytes(const void *bytes, uint64_t size);
/* The same file once more, while img stays open. */
struct vmoon_image vmoon_image_lend(const struct vmoon_image *img)
	VMOON_NONNULL(1);
/* Harmless on a zeroed image without a file, and twice. */
void vmoon_image_close(struct vmoon_image *img) VMOON_NONNULL(1);

/* All len bytes at off, or E_IMAGE (not in the file) or E_SYS. */
VMOON_STATUS vmoon_image_read(const struct vmoon_image *img, uint64_t off,
			      void *dst, uint64_t len, struct vmoon_error *err)
	VMOON_NONNULL(1, 3);

/* A part of an image. */
struct vmoon_image_range {
	uint64_t offset, size;
};

/* The same straight into guest RAM; E_CONFIG when RAM is missing there. */
VMOON_STATUS vmoon_image_load(const struct vmoon_image *img,
			      struct vmoon_image_range range,
			      const struct vmoon_gmem *gm, vmoon_gpa gpa,
			      struct vmoon_error *err) VMOON_NONNULL(1, 3);

#endif
