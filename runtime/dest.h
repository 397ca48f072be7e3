/* SPDX-License-Identifier: MIT */
/* dest.h - inside the destinations of outputs. */
#ifndef VMOON_RUNTIME_DEST_H
#define VMOON_RUNTIME_DEST_H

#include "output.h"

#define VMOON_DEST_FILE (UINT64_C(16) << 20)
#define VMOON_DEST_FILE_MIN UINT64_C(1024)
#define VMOON_DEST_FILE_MAX (UINT64_C(1) << 40)
enum {
	VMOON_DEST_RING = 64 * 1024,
	VMOON_DEST_RING_MIN = 4 * 1024,
	VMOON_DEST_RING_MAX = 64 * 1024 * 1024,
	VMOON_DEST_GENERATIONS_MAX = 99
};

/* Each for its kinds; opts is checked as far as it goes without the host. */
VMOON_STATUS vmoon_dest_open_memory(const struct vmoon_output_options *opts,
				    struct vmoon_mem *mem,
				    struct vmoon_dest **out_dest,
				    struct vmoon_error *err)
	VMOON_NONNULL(1, 3);
VMOON_STATUS vmoon_dest_open_file(const struct vmoon_output_options *opts,
				  struct vmoon_mem *mem,
				  struct vmoon_dest **out_dest,
				  struct vmoon_error *err) VMOON_NONNULL(1, 3);

#endif
