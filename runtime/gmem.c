/* SPDX-License-Identifier: MIT */
/* gmem.c - bounds-checked access to guest memory, and the log of writes. */
#include "gmem.h"

#include "gmem_access.h"
#include "vmoon/ckd.h"

#include <endian.h>
#include <string.h>

/* What is seldom is a function of its own and costs the rest no register. */
#define NOINLINE __attribute__((noinline))

enum { BITS_PER_WORD = 64 };

/* ---- the log of pages written ---- */

/*
 * Full barriers here and in vmoon_gmem_dirty_take: who finds a bit set already
 * has its data seen by whoever clears the bit and copies the page after that.
 */
static void set_bits(struct vmoon_gmem_backing *b, uint64_t first,
		     uint64_t last)
{
	__sync_synchronize();
	for (uint64_t page = first; page <= last;) {
		uint64_t end = page | (BITS_PER_WORD - 1);
		uint64_t mask = UINT64_MAX << (page % BITS_PER_WORD);
		uint64_t *word = &b->log[page / BITS_PER_WORD];

		if (end > last)
			mask &= UINT64_MAX >> (end - last);
		/* A line that all writers share: written only if need be. */
		if ((__atomic_load_n(word, __ATOMIC_RELAXED) & mask) != mask)
			(void)__atomic_fetch_or(word, mask, __ATOMIC_RELEASE);
		page = end + 1; /* no wrap: pages are sizes / 4096 */
	}
}

static void mark(const struct span *s)
{
	if (s->backing == NULL || s->backing->log_words == 0 || s->len == 0)
		return;
	set_bits(s->backing, s->offset / VMOON_GMEM_DIRTY_PAGE,
		 (s->offset + s->len - 1) / VMOON_GMEM_DIRTY_PAGE);
}

void vmoon_gmem_dirty_mark(const struct vmoon_gmem *gm, vmoon_gpa gpa,
			   uint64_t len)
{
	while (len > 0) {
		struct span s = span_at(gm, gpa, len);

		if (s.host == NULL)
			return;
		mark(&s);
		gpa += s.len;
		len -= s.len;
	}
}

static struct vmoon_gmem_backing *region_at(const struct vmoon_gmem *gm,
					    vmoon_gpa gpa)
{
	struct span s = span_at(gm, gpa, 1);

	return s.offset == 0 ? s.backing : NULL;
}

size_t vmoon_gmem_dirty_words(const struct vmoon_gmem *gm, vmoon_gpa region_gpa)
{
	const struct vmoon_gmem_backing *b = region_at(gm, region_gpa);

	return b != NULL ? b->log_words : 0;
}

enum vmoon_status vmoon_gmem_dirty_take(const struct vmoon_gmem *gm,
					vmoon_gpa region_gpa, uint64_t *words,
					size_t count)
{
	struct vmoon_gmem_backing *b = region_at(gm, region_gpa);

	if (b == NULL || b->log_words == 0 || b->log_words != count)
		return VMOON_E_INVAL;
	for (size_t i = 0; i < count; i++)
		words[i] = __atomic_exchange_n(&b->log[i], 0, __ATOMIC_ACQUIRE);
	__sync_synchronize();
	return VMOON_OK;
}

/* ---- copies ---- */

static bool is_covered(const struct vmoon_gmem *gm, vmoon_gpa gpa, uint64_t len)
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

static inline bool is_within(const struct vmoon_gmem_region *r, vmoon_gpa gpa,
			     uint64_t len)
{
	const uint64_t off = gpa - r->gpa;

	return off < r->size && len <= r->size - off;
}

bool vmoon_gmem_range_ok(const struct vmoon_gmem *gm, vmoon_gpa gpa,
			 uint64_t len)
{
	/* Nearly always one region holds all of it. */
	for (size_t i = 0; i < gm->count; i++)
		if (is_within(&gm->regions[i], gpa, len))
			return true;
	return is_covered(gm, gpa, len);
}

static NOINLINE bool are_ram(const struct vmoon_gmem *gm,
			     const struct vmoon_seg *at,
			     const struct vmoon_seg *end)
{
	for (; at != end; at++)
		if (!vmoon_gmem_range_ok(gm, at->gpa, at->len))
			return false;
	return true;
}

bool vmoon_gmem_segs_ok(const struct vmoon_gmem *gm,
			const struct vmoon_seg *segs, uint32_t count)
{
	/* A region that is not used is empty: nothing is within it. */
	const struct vmoon_gmem_region first = gm->regions[0];

	for (const struct vmoon_seg *end = segs + count; segs != end; segs++)
		if (!is_within(&first, segs->gpa, segs->len))
			return are_ram(gm, segs, end);
	return true;
}

/* Both copy up to the first hole and say how far that was. */
static size_t copy_in(const struct vmoon_gmem *gm, vmoon_gpa gpa,
		      unsigned char *dst, size_t len)
{
	size_t done = 0;

	while (done < len) {
		struct span s = span_at(gm, gpa + done, len - done);

		if (s.host == NULL)
			break;
		load(dst + done, s.host, (size_t)s.len);
		done += (size_t)s.len;
	}
	COMPILER_BARRIER();
	return done;
}

static size_t copy_out(const struct vmoon_gmem *gm, vmoon_gpa gpa,
		       const unsigned char *src, size_t len)
{
	size_t done = 0;

	while (done < len) {
		struct span s = span_at(gm, gpa + done, len - done);

		if (s.host == NULL)
			break;
		store(s.host, src + done, (size_t)s.len);
		mark(&s);
		done += (size_t)s.len;
	}
	COMPILER_BARRIER();
	return done;
}

static NOINLINE enum vmoon_status read_anywhere(const struct vmoon_gmem *gm,
						vmoon_gpa gpa, void *dst,
						size_t len)
{
	const struct span s = span_at(gm, gpa, len);

	if (s.host != NULL && s.len == len) {
		load(dst, s.host, len);
		COMPILER_BARRIER();
		return VMOON_OK;
	}
	if (!vmoon_gmem_range_ok(gm, gpa, len))
		return VMOON_E_FAULT;
	VMOON_IGNORE(copy_in(gm, gpa, dst, len));
	return VMOON_OK;
}

enum vmoon_status vmoon_gmem_read(const struct vmoon_gmem *gm, vmoon_gpa gpa,
				  void *dst, size_t len)
{
	const struct vmoon_gmem_region *first = &gm->regions[0];

	/* Nearly always the first region holds all of it. */
	if (!is_within(first, gpa, len))
		return read_anywhere(gm, gpa, dst, len);
	load(dst, first->host + (gpa - first->gpa), len);
	COMPILER_BARRIER();
	return VMOON_OK;
}

enum vmoon_status vmoon_gmem_write(const struct vmoon_gmem *gm, vmoon_gpa gpa,
				   const void *src, size_t len)
{
	struct span s = span_at(gm, gpa, len);

	if (s.host != NULL && s.len == len) {
		store(s.host, src, len);
		mark(&s);
		COMPILER_BARRIER();
		return VMOON_OK;
	}
	if (!vmoon_gmem_range_ok(gm, gpa, len))
		return VMOON_E_FAULT;
	VMOON_IGNORE(copy_out(gm, gpa, src, len));
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
		mark(&s);
		gpa += s.len;
		len -= s.len;
	}
	COMPILER_BARRIER();
	return VMOON_OK;
}

/* The range begins in RAM and does not wrap. */
static bool may_begin(const struct vmoon_gmem *gm, vmoon_gpa gpa, uint64_t len)
{
	vmoon_gpa end;

	return len == 0 ||
	       (!ckd_add(&end, gpa, len) && span_at(gm, gpa, 1).host != NULL);
}

enum vmoon_status vmoon_gmem_read_some(const struct vmoon_gmem *gm,
				       vmoon_gpa gpa, void *dst, size_t len,
				       size_t *out_done)
{
	if (!may_begin(gm, gpa, len))
		return VMOON_E_FAULT;
	*out_done = copy_in(gm, gpa, dst, len);
	return VMOON_OK;
}

enum vmoon_status vmoon_gmem_write_some(const struct vmoon_gmem *gm,
					vmoon_gpa gpa, const void *src,
					size_t len, size_t *out_done)
{
	if (!may_begin(gm, gpa, len))
		return VMOON_E_FAULT;
	*out_done = copy_out(gm, gpa, src, len);
	return VMOON_OK;
}

static enum vmoon_status say_exact(vmoon_gpa gpa, size_t done, size_t len,
				   struct vmoon_error *err)
{
	if (done == len)
		return VMOON_OK;
	return vmoon_fail(err, VMOON_E_FAULT, 0,
			  "guest memory: %zu of %zu bytes at 0x%llx; the rest "
			  "is not RAM",
			  done, len, (unsigned long long)gpa);
}

enum vmoon_status vmoon_gmem_read_exact(const struct vmoon_gmem *gm,
					vmoon_gpa gpa, void *dst, size_t len,
					struct vmoon_error *err)
{
	size_t done = 0;

	VMOON_IGNORE(vmoon_gmem_read_some(gm, gpa, dst, len, &done));
	return say_exact(gpa, done, len, err);
}

enum vmoon_status vmoon_gmem_write_exact(const struct vmoon_gmem *gm,
					 vmoon_gpa gpa, const void *src,
					 size_t len, struct vmoon_error *err)
{
	size_t done = 0;

	VMOON_IGNORE(vmoon_gmem_write_some(gm, gpa, src, len, &done));
	return say_exact(gpa, done, len, err);
}

/* ---- ring indices ---- */

/* A span of two aligned bytes, or one without host. */
static struct span u16_at(const struct vmoon_gmem *gm, vmoon_gpa gpa)
{
	struct span s = span_at(gm, gpa, 2);

	if (s.len != 2 || ((gpa | (uintptr_t)s.host) & 1) != 0)
		s.host = NULL;
	return s;
}

enum vmoon_status vmoon_gmem_load_acquire_le16(const struct vmoon_gmem *gm,
					       vmoon_gpa gpa, uint16_t *out)
{
	const void *p = u16_at(gm, gpa).host;

	if (p == NULL)
		return VMOON_E_FAULT;
	*out = le16toh(__atomic_load_n((const uint16_t *)p, __ATOMIC_ACQUIRE));
	return VMOON_OK;
}

enum vmoon_status vmoon_gmem_store_release_le16(const struct vmoon_gmem *gm,
						vmoon_gpa gpa, uint16_t val)
{
	struct span s = u16_at(gm, gpa);
	void *p = s.host;

	if (p == NULL)
		return VMOON_E_FAULT;
	__atomic_store_n((uint16_t *)p, htole16(val), __ATOMIC_RELEASE);
	mark(&s);
	return VMOON_OK;
}

/* ---- host views ---- */

void *vmoon_gmem_borrow(const struct vmoon_gmem *gm, vmoon_gpa gpa,
			uint64_t len)
{
	struct span s = span_at(gm, gpa, len);

	if (s.host == NULL || s.len != len)
		return NULL;
	mark(&s);
	return s.host;
}

enum vmoon_status vmoon_gmem_borrow_spans(const struct vmoon_gmem *gm,
					  vmoon_gpa gpa, uint64_t len,
					  struct vmoon_gmem_spans *spans)
{
	const vmoon_gpa start = gpa;
	const uint64_t total = len;
	size_t count = spans->count;

	if (!vmoon_gmem_range_ok(gm, gpa, len))
		return VMOON_E_FAULT;
	while (len > 0) {
		struct span s = span_at(gm, gpa, len);

		if (count >= spans->cap)
			return VMOON_E_INVAL;
		spans->iov[count++] = (struct iovec){s.host, (size_t)s.len};
		gpa += s.len;
		len -= s.len;
	}
	spans->count = count;
	if (spans->access == VMOON_GMEM_FOR_WRITING)
		vmoon_gmem_dirty_mark(gm, start, total);
	return VMOON_OK;
}
