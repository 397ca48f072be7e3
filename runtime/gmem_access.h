/* SPDX-License-Identifier: MIT */
/* gmem_access.h - inside gmem: where bytes are, and how they are moved. */
#ifndef VMOON_RUNTIME_GMEM_ACCESS_H
#define VMOON_RUNTIME_GMEM_ACCESS_H

#include "gmem_backing.h"

#include <string.h>

/* The guest runs while we copy: stop the compiler from fetching twice. */
#define COMPILER_BARRIER() __asm__ volatile("" ::: "memory")

/* The part of [gpa, gpa + len) that lies in the region holding gpa. */
struct span {
	unsigned char *host; /* NULL: gpa is not RAM */
	uint64_t len;
	uint64_t offset; /* in the region */
	struct vmoon_gmem_backing *backing;
};

static inline struct span span_at(const struct vmoon_gmem *gm, vmoon_gpa gpa,
				  uint64_t len)
{
	for (size_t i = 0; i < gm->count; i++) {
		const struct vmoon_gmem_region *r = &gm->regions[i];
		uint64_t off = gpa - r->gpa;

		if (gpa < r->gpa || off >= r->size)
			continue;
		if (len > r->size - off)
			len = r->size - off;
		return (struct span){r->host + off, len, off, gm->backings[i]};
	}
	return (struct span){NULL, 0, 0, NULL};
}

/* What a naturally aligned load or store can carry is one of them. */
static inline bool is_single(const unsigned char *guest, size_t len)
{
	return len != 0 && len <= 8 && (len & (len - 1)) == 0 &&
	       ((uintptr_t)guest & (len - 1)) == 0;
}

/*
 * Only the guest's side is known to be aligned. The sizes that rings are made
 * of come first; of 16 bytes, a descriptor, nobody expects them at once.
 */
static inline void load(unsigned char *dst, const unsigned char *guest,
			size_t len)
{
	const void *from = guest;
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;

	if (len == 16) {
		memcpy(dst, guest, 16);
	} else if (len > 16 || !is_single(guest, len)) {
		memcpy(dst, guest, len);
	} else if (len == 2) {
		v16 = __atomic_load_n((const uint16_t *)from, __ATOMIC_RELAXED);
		memcpy(dst, &v16, 2);
	} else if (len == 4) {
		v32 = __atomic_load_n((const uint32_t *)from, __ATOMIC_RELAXED);
		memcpy(dst, &v32, 4);
	} else if (len == 8) {
		v64 = __atomic_load_n((const uint64_t *)from, __ATOMIC_RELAXED);
		memcpy(dst, &v64, 8);
	} else {
		*dst = __atomic_load_n(guest, __ATOMIC_RELAXED);
	}
}

static inline void store(unsigned char *guest, const unsigned char *src,
			 size_t len)
{
	void *to = guest;
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;

	if (!is_single(guest, len)) {
		memcpy(guest, src, len);
	} else if (len == 8) {
		memcpy(&v64, src, 8);
		__atomic_store_n((uint64_t *)to, v64, __ATOMIC_RELAXED);
	} else if (len == 4) {
		memcpy(&v32, src, 4);
		__atomic_store_n((uint32_t *)to, v32, __ATOMIC_RELAXED);
	} else if (len == 2) {
		memcpy(&v16, src, 2);
		__atomic_store_n((uint16_t *)to, v16, __ATOMIC_RELAXED);
	} else {
		__atomic_store_n(guest, *src, __ATOMIC_RELAXED);
	}
}

#endif
