/* SPDX-License-Identifier: MIT */
/* gmem.h (runtime) - construction of an address space, and host spans. */
#ifndef VMOON_RUNTIME_GMEM_H
#define VMOON_RUNTIME_GMEM_H

#include "vmoon/gmem.h"

struct vmoon_gmem_region {
	vmoon_gpa gpa;
	uint64_t size;
	unsigned char *host; /* borrowed: outlives the vmoon_gmem */
};

enum { VMOON_GMEM_REGIONS_MAX = 8 };

struct vmoon_gmem {
	struct vmoon_gmem_region regions[VMOON_GMEM_REGIONS_MAX];
	size_t count;  /* regions are sorted and disjoint */
	void *mapping; /* owned; NULL when the host memory is the caller's */
	uint64_t mapping_size;
};

/*
 * Checks and copies the list: E_INVAL when it is empty, too long, not sorted,
 * overlapping, or a region is empty or wraps. Touching regions are fine.
 */
VMOON_STATUS vmoon_gmem_init(struct vmoon_gmem *gm,
			     const struct vmoon_gmem_region *regions,
			     size_t count, struct vmoon_error *err)
	VMOON_NONNULL(1, 2);

/* The same over anonymous memory of its own; host members are ignored. */
VMOON_STATUS vmoon_gmem_init_mapped(struct vmoon_gmem *gm,
				    const struct vmoon_gmem_region *regions,
				    size_t count, struct vmoon_error *err)
	VMOON_NONNULL(1, 2);
void vmoon_gmem_fini(struct vmoon_gmem *gm) VMOON_NONNULL(1);

/* Makes all of a mapped memory read as zero and gives the pages back. */
VMOON_STATUS vmoon_gmem_clear(struct vmoon_gmem *gm, struct vmoon_error *err)
	VMOON_NONNULL(1);

/*
 * Host view of one guest range inside one region, for loaders that unpack
 * into place before the guest runs, and for the hypervisor. Borrowed until
 * vmoon_gmem_fini. NULL when the range is not RAM of one region.
 */
void *vmoon_gmem_borrow(const struct vmoon_gmem *gm, vmoon_gpa gpa,
			uint64_t len) VMOON_NONNULL(1);

#endif
