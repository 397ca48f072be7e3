/* SPDX-License-Identifier: MIT */
/* gmem_window.h - device kit: a range of guest memory that is looked up once.
 */
#ifndef VMOON_GMEM_WINDOW_H
#define VMOON_GMEM_WINDOW_H

#include "vmoon/base.h"
#include "vmoon/error.h"
#include "vmoon/gmem.h"

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * For what is accessed again and again, such as a ring. Its members are gmem's
 * own; it is valid as long as its gm.
 */
struct vmoon_gmem_window {
	const struct vmoon_gmem *gm;
	vmoon_gpa gpa;
	uint64_t len;
	/* Bytes at host that need no care: 0 or len. */
	uint64_t plain, plain_write;
	unsigned char *host; /* NULL: looked up each time */
	bool is_logged;      /* what is written is marked */
};

/* False, and *out_window untouched, unless all of it is RAM. */
VMOON_API bool vmoon_gmem_window_open(const struct vmoon_gmem *gm,
				      vmoon_gpa gpa, uint64_t len,
				      struct vmoon_gmem_window *out_window)
	VMOON_MUST_USE VMOON_NONNULL(1, 4);
/* As their namesakes without window; what is beyond its end is no RAM. */
VMOON_API VMOON_STATUS vmoon_gmem_window_read(const struct vmoon_gmem_window *w,
					      uint64_t off, void *dst,
					      size_t len) VMOON_NONNULL(1, 3);
VMOON_API VMOON_STATUS
vmoon_gmem_window_write(const struct vmoon_gmem_window *w, uint64_t off,
			const void *src, size_t len) VMOON_NONNULL(1, 3);
VMOON_API VMOON_STATUS vmoon_gmem_window_load_acquire_le16(
	const struct vmoon_gmem_window *w, uint64_t off, uint16_t *out)
	VMOON_NONNULL(1, 3);
VMOON_API VMOON_STATUS vmoon_gmem_window_store_release_le16(
	const struct vmoon_gmem_window *w, uint64_t off, uint16_t val)
	VMOON_NONNULL(1);

/*
 * ---- little-endian integers, in place ----
 *
 * What a queue does a few times for each request, without a call: fetched
 * once, in pieces of at most their own size, into registers. Whatever is not
 * plain (several pieces of host memory, a log, an odd address, beyond the end)
 * is left to the functions above.
 */

/* The guest runs while we look: nothing is fetched a second time. */
static inline void vmoon_gmem_window_fetched(void)
{
	__asm__ volatile("" ::: "memory");
}

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define VMOON_LE16(val) __builtin_bswap16(val)
#define VMOON_LE64(val) __builtin_bswap64(val)
#else
#define VMOON_LE16(val) (val)
#define VMOON_LE64(val) (val)
#endif

/*
 * try: in place, or false and nothing done. No call is made, so what is in the
 * caller's registers stays there.
 */
static inline bool vmoon_gmem_window_is_plain(const struct vmoon_gmem_window *w)
{
	return w->plain != 0;
}

static inline bool vmoon_gmem_window_try_get_le16(
	const struct vmoon_gmem_window *w, uint32_t off, uint16_t *out)
{
	const void *from;
	uint16_t val;

	if ((uint64_t)off + sizeof(val) > w->plain || off % 2 != 0)
		return false;
	/* In one piece: the driver may be changing an event index. */
	from = w->host + off;
	val = __atomic_load_n((const uint16_t *)from, __ATOMIC_RELAXED);
	vmoon_gmem_window_fetched();
	*out = VMOON_LE16(val);
	return true;
}

/* Sixteen bytes, as two halves: a descriptor. */
static inline bool vmoon_gmem_window_try_get_le64x2(
	const struct vmoon_gmem_window *w, uint32_t off, uint64_t out[2])
{
	uint64_t lo, hi;

	if ((uint64_t)off + 16 > w->plain)
		return false;
	memcpy(&lo, w->host + off, 8);
	memcpy(&hi, w->host + off + 8, 8);
	vmoon_gmem_window_fetched();
	out[0] = VMOON_LE64(lo);
	out[1] = VMOON_LE64(hi);
	return true;
}

static inline bool vmoon_gmem_window_try_put_le64(
	const struct vmoon_gmem_window *w, uint32_t off, uint64_t val)
{
	const uint64_t raw = VMOON_LE64(val);

	if ((uint64_t)off + sizeof(raw) > w->plain_write)
		return false;
	memcpy(w->host + off, &raw, sizeof(raw));
	return true;
}

static inline bool vmoon_gmem_window_try_release_le16(
	const struct vmoon_gmem_window *w, uint32_t off, uint16_t val)
{
	void *to;

	if ((off & 1) != 0 || (uint64_t)off + sizeof(val) > w->plain_write)
		return false;
	to = w->host + off;
	__atomic_store_n((uint16_t *)to, VMOON_LE16(val), __ATOMIC_RELEASE);
	return true;
}

/* The same wherever it is. False: no RAM. */

static inline bool vmoon_gmem_window_get_le16(const struct vmoon_gmem_window *w,
					      uint32_t off, uint16_t *out)
{
	unsigned char raw[2];

	if (vmoon_gmem_window_try_get_le16(w, off, out))
		return true;
	if (vmoon_gmem_window_read(w, off, raw, sizeof(raw)) != VMOON_OK)
		return false;
	*out = (uint16_t)(raw[0] | raw[1] << 8);
	return true;
}

static inline bool vmoon_gmem_window_get_le64x2(
	const struct vmoon_gmem_window *w, uint32_t off, uint64_t out[2])
{
	uint64_t raw[2];

	if (vmoon_gmem_window_try_get_le64x2(w, off, out))
		return true;
	if (vmoon_gmem_window_read(w, off, raw, sizeof(raw)) != VMOON_OK)
		return false;
	out[0] = VMOON_LE64(raw[0]);
	out[1] = VMOON_LE64(raw[1]);
	return true;
}

static inline bool vmoon_gmem_window_put_le64(const struct vmoon_gmem_window *w,
					      uint32_t off, uint64_t val)
{
	const uint64_t raw = VMOON_LE64(val);

	return vmoon_gmem_window_try_put_le64(w, off, val) ||
	       vmoon_gmem_window_write(w, off, &raw, sizeof(raw)) == VMOON_OK;
}

static inline bool vmoon_gmem_window_acquire_le16(
	const struct vmoon_gmem_window *w, uint32_t off, uint16_t *out)
{
	const void *from;
	uint16_t raw;

	if ((off & 1) != 0 || (uint64_t)off + sizeof(raw) > w->plain)
		return vmoon_gmem_window_load_acquire_le16(w, off, out) ==
		       VMOON_OK;
	from = w->host + off;
	raw = __atomic_load_n((const uint16_t *)from, __ATOMIC_ACQUIRE);
	*out = VMOON_LE16(raw);
	return true;
}

static inline bool vmoon_gmem_window_release_le16(
	const struct vmoon_gmem_window *w, uint32_t off, uint16_t val)
{
	return vmoon_gmem_window_try_release_le16(w, off, val) ||
	       vmoon_gmem_window_store_release_le16(w, off, val) == VMOON_OK;
}

#undef VMOON_LE16
#undef VMOON_LE64

#ifdef __cplusplus
}
#endif

#endif
