/* SPDX-License-Identifier: MIT */
/* gmem.h - device kit: the only way to touch guest memory. */
#ifndef VMOON_GMEM_H
#define VMOON_GMEM_H

#include "vmoon/base.h"
#include "vmoon/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A guest-physical address space. Devices are handed a const pointer for the
 * work at hand and do not own it: RAM that was plugged in or out meanwhile is
 * in the next one. Host addresses are not part of this interface. Everything
 * read here is a private copy: the guest may change the original at any time.
 * Any thread.
 */
struct vmoon_gmem;

/* True when every byte of [gpa, gpa + len) is RAM; true for len 0. */
VMOON_API bool vmoon_gmem_range_ok(const struct vmoon_gmem *gm, vmoon_gpa gpa,
				   uint64_t len) VMOON_NONNULL(1);

struct vmoon_seg {
	vmoon_gpa gpa;
	uint32_t len;
};

/* The same for each of them. */
VMOON_API bool vmoon_gmem_segs_ok(const struct vmoon_gmem *gm,
				  const struct vmoon_seg *segs, uint32_t count)
	VMOON_NONNULL(1);

/*
 * All-or-nothing copies, across touching regions too; VMOON_E_FAULT, and
 * nothing copied, when any byte is not RAM. Naturally aligned transfers of
 * 1, 2, 4 and 8 bytes are single accesses.
 */
VMOON_API VMOON_STATUS vmoon_gmem_read(const struct vmoon_gmem *gm,
				       vmoon_gpa gpa, void *dst, size_t len)
	VMOON_NONNULL(1, 3);
VMOON_API VMOON_STATUS vmoon_gmem_write(const struct vmoon_gmem *gm,
					vmoon_gpa gpa, const void *src,
					size_t len) VMOON_NONNULL(1, 3);
VMOON_API VMOON_STATUS vmoon_gmem_fill(const struct vmoon_gmem *gm,
				       vmoon_gpa gpa, uint8_t byte,
				       uint64_t len) VMOON_NONNULL(1);

/* Aligned, single-copy-atomic 16-bit accesses for ring indices. */
VMOON_API VMOON_STATUS vmoon_gmem_load_acquire_le16(const struct vmoon_gmem *gm,
						    vmoon_gpa gpa,
						    uint16_t *out)
	VMOON_NONNULL(1, 3);
VMOON_API VMOON_STATUS vmoon_gmem_store_release_le16(
	const struct vmoon_gmem *gm, vmoon_gpa gpa, uint16_t val)
	VMOON_NONNULL(1);

#ifdef __cplusplus
}
#endif

#endif
