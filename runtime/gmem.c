/* SPDX-License-Identifier: MIT */
/* gmem.c - bounds-checked guest memory: the only host pointers into it. */
#include "gmem.h"

#include "vmoon/ckd.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* The guest runs while we copy: stop the compiler from fetching twice. */
#define COMPILER_BARRIER() __asm__ volatile("" ::: "memory")

/* The part of [gpa, gpa + len) that lies in the region holding gpa. */
struct span {
	unsigned char *host; /* NULL: gpa is not RAM */
	uint64_t len;
};

static struct span span_at(const struct vmoon_gmem *gm, vmoon_gpa gpa,
			   uint64_t len)
{
	for (size_t i = 0; i < gm->count; i++) {
		const struct vmoon_gmem_region *r = &gm->regions[i];
		uint64_t off = gpa - r->gpa;

		if (gpa < r->gpa || off >= r->size)
			continue;
		if (len > r->size - off)
			len = r->size - off;
		return (struct span){r->host + off, len};
	}
	return (struct span){NULL, 0};
}

bool vmoon_gmem_range_ok(const struct vmoon_gmem *gm, vmoon_gpa gpa,
			 uint64_t len)
{
	vmoon_gpa end;

	if (ckd_add(&end, gpa, len))
		return false;
	while (gpa < end) {
		struct span s = span_at(gm, gpa, end - gpa);

		if (s.host == NULL)
			return false;
		gpa += s.len;
	}
	return true;
}

/* One access for what a naturally aligned load or store can carry. */
static void copy_once(unsigned char *dst, const unsigned char *src, size_t len,
		      const unsigned char *guest)
{
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;

	if (len == 0 || len > 8 || (len & (len - 1)) != 0 ||
	    ((uintptr_t)guest & (len - 1)) != 0) {
		memcpy(dst, src, len);
		return;
	}
	/* Only the guest side is known to be aligned. */
	if (guest == src) {
		switch (len) {
		case 1: *dst = __atomic_load_n(src, __ATOMIC_RELAXED); return;
		case 2:
			v16 = __atomic_load_n(
				(const uint16_t *)(const void *)src,
				__ATOMIC_RELAXED);
			memcpy(dst, &v16, 2);
			return;
		case 4:
			v32 = __atomic_load_n(
				(const uint32_t *)(const void *)src,
				__ATOMIC_RELAXED);
			memcpy(dst, &v32, 4);
			return;
		default:
			v64 = __atomic_load_n(
				(const uint64_t *)(const void *)src,
				__ATOMIC_RELAXED);
			memcpy(dst, &v64, 8);
			return;
		}
	}
	switch (len) {
	case 1: __atomic_store_n(dst, *src, __ATOMIC_RELAXED); return;
	case 2:
		memcpy(&v16, src, 2);
		__atomic_store_n((uint16_t *)(void *)dst, v16,
				 __ATOMIC_RELAXED);
		return;
	case 4:
		memcpy(&v32, src, 4);
		__atomic_store_n((uint32_t *)(void *)dst, v32,
				 __ATOMIC_RELAXED);
		return;
	default:
		memcpy(&v64, src, 8);
		__atomic_store_n((uint64_t *)(void *)dst, v64,
				 __ATOMIC_RELAXED);
		return;
	}
}

enum vmoon_status vmoon_gmem_read(const struct vmoon_gmem *gm, vmoon_gpa gpa,
				  void *dst, size_t len)
{
	unsigned char *to = dst;

	if (!vmoon_gmem_range_ok(gm, gpa, len))
		return VMOON_E_FAULT;
	while (len > 0) {
		struct span s = span_at(gm, gpa, len);

		copy_once(to, s.host, (size_t)s.len, s.host);
		to += s.len;
		gpa += s.len;
		len -= (size_t)s.len;
	}
	COMPILER_BARRIER();
	return VMOON_OK;
}

enum vmoon_status vmoon_gmem_write(const struct vmoon_gmem *gm, vmoon_gpa gpa,
				   const void *src, size_t len)
{
	const unsigned char *from = src;

	if (!vmoon_gmem_range_ok(gm, gpa, len))
		return VMOON_E_FAULT;
	while (len > 0) {
		struct span s = span_at(gm, gpa, len);

		copy_once(s.host, from, (size_t)s.len, s.host);
		from += s.len;
		gpa += s.len;
		len -= (size_t)s.len;
	}
	COMPILER_BARRIER();
	return VMOON_OK;
}

enum vmoon_status vmoon_gmem_fill(const struct vmoon_gmem *gm, vmoon_gpa gpa,
				  uint8_t byte, uint64_t len)
{
	if (!vmoon_gmem_range_ok(gm, gpa, len))
		return VMOON_E_FAULT;
	while (len > 0) {
		struct span s = span_at(gm, gpa, len);

		memset(s.host, byte, (size_t)s.len);
		gpa += s.len;
		len -= s.len;
	}
	COMPILER_BARRIER();
	return VMOON_OK;
}

static uint16_t *host_u16(const struct vmoon_gmem *gm, vmoon_gpa gpa)
{
	if ((gpa & 1) != 0)
		return NULL;
	return (uint16_t *)vmoon_gmem_borrow(gm, gpa, 2);
}

enum vmoon_status vmoon_gmem_load_acquire_le16(const struct vmoon_gmem *gm,
					       vmoon_gpa gpa, uint16_t *out)
{
	const uint16_t *p = host_u16(gm, gpa);

	if (p == NULL)
		return VMOON_E_FAULT;
	*out = le16toh(__atomic_load_n(p, __ATOMIC_ACQUIRE));
	return VMOON_OK;
}

enum vmoon_status vmoon_gmem_store_release_le16(const struct vmoon_gmem *gm,
						vmoon_gpa gpa, uint16_t val)
{
	uint16_t *p = host_u16(gm, gpa);

	if (p == NULL)
		return VMOON_E_FAULT;
	__atomic_store_n(p, htole16(val), __ATOMIC_RELEASE);
	return VMOON_OK;
}

void *vmoon_gmem_borrow(const struct vmoon_gmem *gm, vmoon_gpa gpa,
			uint64_t len)
{
	struct span s = span_at(gm, gpa, len);

	return s.host != NULL && s.len == len ? s.host : NULL;
}

enum vmoon_status vmoon_gmem_init(struct vmoon_gmem *gm,
				  const struct vmoon_gmem_region *regions,
				  size_t count, struct vmoon_error *err)
{
	uint64_t end = 0;

	if (count == 0 || count > VMOON_GMEM_REGIONS_MAX)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "guest memory: %zu regions, 1 to %d expected",
				  count, VMOON_GMEM_REGIONS_MAX);
	for (size_t i = 0; i < count; i++) {
		if (regions[i].gpa < end)
			return vmoon_fail(err, VMOON_E_INVAL, 0,
					  "guest memory: region %zu overlaps "
					  "the one before or is out of order",
					  i + 1);
		if (regions[i].size == 0 ||
		    ckd_add(&end, regions[i].gpa, regions[i].size))
			return vmoon_fail(err, VMOON_E_INVAL, 0,
					  "guest memory: region %zu is empty "
					  "or wraps around",
					  i + 1);
	}
	memset(gm, 0, sizeof(*gm));
	memcpy(gm->regions, regions, count * sizeof(*regions));
	gm->count = count;
	return VMOON_OK;
}

/*
 * Guest and host addresses are alike in their lower 21 bits, so that the host
 * can back the guest with huge pages: a fault each 2 MiB instead of each 4 KiB.
 */
static unsigned char *map_aligned(size_t size)
{
	const size_t huge = 2 * VMOON_MIB;
	unsigned char *map, *base;
	size_t head;

	map = mmap(NULL, size + huge, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return NULL;
	head = (huge - (uintptr_t)map % huge) % huge;
	base = map + head;
	if (head > 0)
		(void)munmap(map, head);
	if (head < huge)
		(void)munmap(base + size, huge - head);
	/* Advice: a host without huge pages is slower, not wrong. */
	(void)madvise(base, size, MADV_HUGEPAGE);
	return base;
}

enum vmoon_status vmoon_gmem_init_mapped(
	struct vmoon_gmem *gm, const struct vmoon_gmem_region *regions,
	size_t count, struct vmoon_error *err)
{
	unsigned char *base;
	uint64_t total = 0;

	if (vmoon_gmem_init(gm, regions, count, err) != VMOON_OK)
		return VMOON_E_INVAL;
	for (size_t i = 0; i < count; i++) {
		if (ckd_add(&total, total, regions[i].size) ||
		    total > SIZE_MAX / 2)
			return vmoon_fail(err, VMOON_E_INVAL, 0,
					  "guest memory: too large");
	}
	base = map_aligned((size_t)total);
	if (base == NULL)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "guest memory: cannot map %llu MiB",
				  (unsigned long long)(total / VMOON_MIB));
	gm->mapping = base;
	gm->mapping_size = total;
	for (size_t i = 0; i < count; i++) {
		gm->regions[i].host = base;
		base += gm->regions[i].size;
	}
	return VMOON_OK;
}

void vmoon_gmem_fini(struct vmoon_gmem *gm)
{
	if (gm->mapping != NULL)
		(void)munmap(gm->mapping, (size_t)gm->mapping_size);
	memset(gm, 0, sizeof(*gm));
}

enum vmoon_status vmoon_gmem_clear(struct vmoon_gmem *gm,
				   struct vmoon_error *err)
{
	if (gm->mapping == NULL)
		return vmoon_fail(err, VMOON_E_INVAL, 0,
				  "guest memory: not mapped by us");
	/* Private anonymous pages read as zero after this. */
	if (madvise(gm->mapping, (size_t)gm->mapping_size, MADV_DONTNEED) != 0)
		return vmoon_fail(err, VMOON_E_SYS, errno,
				  "guest memory: cannot clear");
	return VMOON_OK;
}
