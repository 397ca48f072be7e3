/* SPDX-License-Identifier: MIT */
/* gmem.h (runtime) - address spaces, how they change, and host spans. */
#ifndef VMOON_RUNTIME_GMEM_H
#define VMOON_RUNTIME_GMEM_H

#include "lock.h"
#include "vmoon/gmem.h"
#include "vmoon/mem.h"

#include <sys/uio.h>

struct vmoon_gmem_region {
	vmoon_gpa gpa;
	uint64_t size;
	unsigned char *host; /* borrowed: its backing, or who gave it */
};

enum { VMOON_GMEM_REGIONS_MAX = 8, VMOON_GMEM_DIRTY_PAGE = 4096 };

/* What keeps a region alive: counted, shared by all collections it is in. */
struct vmoon_gmem_backing;

/*
 * A collection of regions, sorted and disjoint; it never changes. To plug
 * memory in or out is to make another one: both stay readable, and a region
 * is unmapped when the last collection that holds it is finished. All zeroes
 * is the empty collection.
 */
struct vmoon_gmem {
	struct vmoon_gmem_region regions[VMOON_GMEM_REGIONS_MAX];
	/* Counted. NULL: the host memory is the caller's and has no log. */
	struct vmoon_gmem_backing *backings[VMOON_GMEM_REGIONS_MAX];
	size_t count;
};

/* ---- making and changing: any thread, each collection by one at a time ----
 */

/*
 * Over the caller's memory, which outlives every copy. E_INVAL when the list
 * is empty, too long, not sorted, overlapping, or a region is empty or wraps.
 * Touching regions are fine.
 */
VMOON_STATUS vmoon_gmem_init(struct vmoon_gmem *gm,
			     const struct vmoon_gmem_region *regions,
			     size_t count, struct vmoon_error *err)
	VMOON_NONNULL(1, 2);

/*
 * The same over anonymous memory of its own; host members are ignored. What
 * else it needs is taken from mem, which may be NULL and outlives every copy.
 */
VMOON_STATUS vmoon_gmem_init_mapped(struct vmoon_gmem *gm,
				    struct vmoon_mem *mem,
				    const struct vmoon_gmem_region *regions,
				    size_t count, struct vmoon_error *err)
	VMOON_NONNULL(1, 3);

/* out_gm holds the same regions until it is finished, whatever gm does. */
void vmoon_gmem_copy(const struct vmoon_gmem *gm, struct vmoon_gmem *out_gm)
	VMOON_NONNULL(1, 2);
void vmoon_gmem_fini(struct vmoon_gmem *gm) VMOON_NONNULL(1);

enum vmoon_gmem_kind {
	VMOON_GMEM_BORROWED = 0, /* at region.host; outlives every copy */
	VMOON_GMEM_ANONYMOUS,
	VMOON_GMEM_FILE /* shared with who else maps the file */
};

struct vmoon_gmem_memory {
	enum vmoon_gmem_kind kind;
	bool has_dirty_log;
	/*
	 * FILE: a memfd, not needed after the call, whose seals forbid to
	 * shrink and to grow it. A file that another process can cut short
	 * would end this one with SIGBUS, so any other file is refused.
	 */
	int fd;
	uint64_t offset;       /* a multiple of the file's page size */
	struct vmoon_mem *mem; /* or NULL; outlives every copy */
};

/*
 * out_gm is gm and one region more, in its place by address; it is not gm.
 * E_INVAL when the region is empty, wraps, overlaps RAM, is one too many, or
 * the file is not sealed or ends before it.
 */
VMOON_STATUS vmoon_gmem_insert(const struct vmoon_gmem *gm,
			       const struct vmoon_gmem_region *region,
			       const struct vmoon_gmem_memory *memory,
			       struct vmoon_gmem *out_gm,
			       struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 3, 4);

/* out_gm is gm without the region of exactly this address and size. */
VMOON_STATUS vmoon_gmem_remove(const struct vmoon_gmem *gm, vmoon_gpa gpa,
			       uint64_t size, struct vmoon_gmem *out_gm,
			       struct vmoon_error *err) VMOON_NONNULL(1, 4);

/*
 * Makes all of it read as zero and gives the pages back. E_INVAL, and nothing
 * is cleared, when a region is the caller's.
 */
VMOON_STATUS vmoon_gmem_clear(struct vmoon_gmem *gm, struct vmoon_error *err)
	VMOON_NONNULL(1);

enum vmoon_gmem_pages {
	VMOON_GMEM_PAGES_UNKNOWN = 0, /* the caller's memory, or no RAM */
	VMOON_GMEM_PAGES_NORMAL,
	VMOON_GMEM_PAGES_HUGETLB
};

/* What the host gave the region that holds gpa. */
enum vmoon_gmem_pages vmoon_gmem_pages(const struct vmoon_gmem *gm,
				       vmoon_gpa gpa) VMOON_NONNULL(1);

/* ---- the collection that counts now ---- */

/*
 * Who works with guest memory takes a copy for each burst of work and finishes
 * it afterwards: one lock a burst, none an access, and a region that is
 * removed meanwhile stays mapped for as long. Any thread.
 */
struct vmoon_gmem_space {
	struct vmoon_lock lock; /* a leaf */
	struct vmoon_gmem now;
};

/* Takes over what take_gm holds; take_gm is empty afterwards. */
void vmoon_gmem_space_init(struct vmoon_gmem_space *space,
			   struct vmoon_gmem *take_gm) VMOON_NONNULL(1, 2);
void vmoon_gmem_space_fini(struct vmoon_gmem_space *space) VMOON_NONNULL(1);
void vmoon_gmem_space_get(struct vmoon_gmem_space *space,
			  struct vmoon_gmem *out_gm) VMOON_NONNULL(1, 2);
void vmoon_gmem_space_set(struct vmoon_gmem_space *space,
			  struct vmoon_gmem *take_gm) VMOON_NONNULL(1, 2);

/* ---- access, beside what the device kit has ---- */

/*
 * Copies up to the first hole. E_FAULT, and nothing is copied, when gpa is not
 * RAM or the range wraps; a length of 0 is always fine.
 */
VMOON_STATUS vmoon_gmem_read_some(const struct vmoon_gmem *gm, vmoon_gpa gpa,
				  void *dst, size_t len, size_t *out_done)
	VMOON_NONNULL(1, 3, 5);
VMOON_STATUS vmoon_gmem_write_some(const struct vmoon_gmem *gm, vmoon_gpa gpa,
				   const void *src, size_t len,
				   size_t *out_done) VMOON_NONNULL(1, 3, 5);

/* The same, but less than len is E_FAULT; the message has both counts. */
VMOON_STATUS vmoon_gmem_read_exact(const struct vmoon_gmem *gm, vmoon_gpa gpa,
				   void *dst, size_t len,
				   struct vmoon_error *err) VMOON_NONNULL(1, 3);
VMOON_STATUS vmoon_gmem_write_exact(const struct vmoon_gmem *gm, vmoon_gpa gpa,
				    const void *src, size_t len,
				    struct vmoon_error *err)
	VMOON_NONNULL(1, 3);

/*
 * Host view of one guest range inside one region, for loaders that unpack
 * into place before the guest runs, and for the hypervisor. Borrowed while gm
 * lives; logged as written. NULL when the range is not RAM of one region.
 */
void *vmoon_gmem_borrow(const struct vmoon_gmem *gm, vmoon_gpa gpa,
			uint64_t len) VMOON_NONNULL(1);

enum vmoon_gmem_access {
	VMOON_GMEM_FOR_READING = 0,
	VMOON_GMEM_FOR_WRITING /* logged as written at once */
};

/* For one preadv or pwritev: grows by each range that is borrowed. */
struct vmoon_gmem_spans {
	struct iovec *iov; /* borrowed: the caller's, of cap elements */
	size_t cap, count;
	enum vmoon_gmem_access access;
};

/*
 * Appends the host view of a guest range, for backends and nobody else: the
 * payload goes by and is not looked at. Borrowed while gm lives. E_FAULT when
 * any byte is not RAM, E_INVAL when cap is too small; spans then stay as they
 * were. Host I/O that ends after the log was taken marks once more.
 */
VMOON_STATUS vmoon_gmem_borrow_spans(const struct vmoon_gmem *gm, vmoon_gpa gpa,
				     uint64_t len,
				     struct vmoon_gmem_spans *spans)
	VMOON_NONNULL(1, 4);

/* ---- the log of pages written ---- */

/*
 * One bit a page of VMOON_GMEM_DIRTY_PAGE bytes, counted from the region's
 * start, for regions that have a log. Every write of this interface sets it,
 * the guest's own are the hypervisor's matter. Any thread.
 *
 * mark sets what of the range is RAM up to the first hole. words says how many
 * a region's log has, 0 when it has none; take moves them out and leaves none
 * set, or is E_INVAL when count is another.
 */
void vmoon_gmem_dirty_mark(const struct vmoon_gmem *gm, vmoon_gpa gpa,
			   uint64_t len) VMOON_NONNULL(1);
size_t vmoon_gmem_dirty_words(const struct vmoon_gmem *gm, vmoon_gpa region_gpa)
	VMOON_NONNULL(1);
VMOON_STATUS vmoon_gmem_dirty_take(const struct vmoon_gmem *gm,
				   vmoon_gpa region_gpa, uint64_t *words,
				   size_t count) VMOON_NONNULL(1, 3);

#endif
