/* SPDX-License-Identifier: MIT */
/* layout.h - what is where in guest memory: memory map, place of the initrd. */
#ifndef VMOON_RUNTIME_BOOT_LAYOUT_H
#define VMOON_RUNTIME_BOOT_LAYOUT_H

#include "gmem.h"

/* The numbers are those of e820 and of PVH. */
enum vmoon_map_type { VMOON_MAP_RAM = 1, VMOON_MAP_RESERVED = 2 };

struct vmoon_map_entry {
	vmoon_gpa start;
	uint64_t size;
	enum vmoon_map_type type;
};

/* Two for the first MiB, one per region, one for KVM's pages. */
enum { VMOON_MAP_MAX = 3 + VMOON_GMEM_REGIONS_MAX };

/*
 * The memory map of a guest whose first region holds at least the first MiB,
 * in ascending order; E_CONFIG for another memory or for more than cap
 * entries.
 */
VMOON_STATUS vmoon_map_build(const struct vmoon_gmem *gm,
			     struct vmoon_map_entry *out, size_t cap,
			     size_t *out_count, struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 4);

/* Where an initrd of size bytes may be. */
struct vmoon_initrd_limits {
	uint64_t kernel_start, kernel_end; /* not there */
	uint64_t last;                     /* last address it may use */
};

/*
 * The highest page-aligned place for it: in the region of the first MiB, above
 * that MiB, outside of the kernel. E_CONFIG when there is none.
 */
VMOON_STATUS vmoon_initrd_place(const struct vmoon_gmem *gm,
				const struct vmoon_initrd_limits *limits,
				uint64_t size, vmoon_gpa *out_start,
				struct vmoon_error *err) VMOON_NONNULL(1, 2, 4);

#endif
