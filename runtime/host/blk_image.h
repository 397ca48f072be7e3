/* SPDX-License-Identifier: MIT */
/* blk_image.h - opens a disk's file, and says what is wrong with it. */
#ifndef VMOON_RUNTIME_HOST_BLK_IMAGE_H
#define VMOON_RUNTIME_HOST_BLK_IMAGE_H

#include "host/blk_file.h"

/* A plain value. */
struct vmoon_blk_image {
	const char *path; /* borrowed: of the options; for messages */
	int fd;
	bool is_new; /* was made by us: discard removes it */
	bool is_regular, is_direct, has_nowait, can_discard;
	uint64_t size_bytes;
};

/* See vmoon_blk_file_open. */
VMOON_STATUS vmoon_blk_image_open(const struct vmoon_blk_file_options *opts,
				  struct vmoon_blk_image *out,
				  struct vmoon_error *err) VMOON_NONNULL(1, 2);
/* Undoes it, while the path is still there. */
void vmoon_blk_image_discard(struct vmoon_blk_image *image) VMOON_NONNULL(1);
/* The lock ends at once, whoever else has the file open (a ring, for one). */
void vmoon_blk_image_close(int fd);

#endif
