/* SPDX-License-Identifier: MIT */
/* gmem_window.c - ranges of guest memory that are looked up once. */
#include "vmoon/gmem_window.h"

#include "gmem_access.h"

#include <endian.h>

bool vmoon_gmem_window_open(const struct vmoon_gmem *gm, vmoon_gpa gpa,
			    uint64_t len, struct vmoon_gmem_window *out_window)
{
	const struct span s = span_at(gm, gpa, len);
	struct vmoon_gmem_window w = {.gm = gm, .gpa = gpa, .len = len};

	if (s.host != NULL && s.len == len) {
		w.host = s.host;
		w.is_logged = s.backing != NULL && s.backing->log_words != 0;
		/* Even addresses, so that indices are single accesses. */
		w.plain = ((uintptr_t)s.host & 1) == 0 ? len : 0;
		w.plain_write = w.is_logged ? 0 : w.plain;
	} else if (!vmoon_gmem_range_ok(gm, gpa, len)) {
		return false;
	}
	*out_window = w;
	return true;
}

/* NULL: beyond the window, or in several pieces. */
static unsigned char *at(const struct vmoon_gmem_window *w, uint64_t off,
			 size_t len)
{
	return w->host != NULL && vmoon_range_ok(off, len, w->len)
		       ? w->host + off
		       : NULL;
}

static inline void note_write(const struct vmoon_gmem_window *w, uint64_t off,
			      size_t len)
{
	if (w->is_logged)
		vmoon_gmem_dirty_mark(w->gm, w->gpa + off, len);
}

enum vmoon_status vmoon_gmem_window_read(const struct vmoon_gmem_window *w,
					 uint64_t off, void *dst, size_t len)
{
	const unsigned char *from = at(w, off, len);

	if (from != NULL) {
		load(dst, from, len);
		COMPILER_BARRIER();
		return VMOON_OK;
	}
	if (!vmoon_range_ok(off, len, w->len))
		return VMOON_E_FAULT;
	return vmoon_gmem_read(w->gm, w->gpa + off, dst, len);
}

enum vmoon_status vmoon_gmem_window_write(const struct vmoon_gmem_window *w,
					  uint64_t off, const void *src,
					  size_t len)
{
	unsigned char *to = at(w, off, len);

	if (to != NULL) {
		store(to, src, len);
		note_write(w, off, len);
		COMPILER_BARRIER();
		return VMOON_OK;
	}
	if (!vmoon_range_ok(off, len, w->len))
		return VMOON_E_FAULT;
	return vmoon_gmem_write(w->gm, w->gpa + off, src, len);
}

enum vmoon_status vmoon_gmem_window_load_acquire_le16(
	const struct vmoon_gmem_window *w, uint64_t off, uint16_t *out)
{
	const void *from = at(w, off, sizeof(*out));

	if (from != NULL && ((uintptr_t)from & 1) == 0) {
		*out = le16toh(__atomic_load_n((const uint16_t *)from,
					       __ATOMIC_ACQUIRE));
		return VMOON_OK;
	}
	if (!vmoon_range_ok(off, sizeof(*out), w->len))
		return VMOON_E_FAULT;
	return vmoon_gmem_load_acquire_le16(w->gm, w->gpa + off, out);
}

enum vmoon_status vmoon_gmem_window_store_release_le16(
	const struct vmoon_gmem_window *w, uint64_t off, uint16_t val)
{
	void *to = at(w, off, sizeof(val));

	if (to != NULL && ((uintptr_t)to & 1) == 0) {
		__atomic_store_n((uint16_t *)to, htole16(val),
				 __ATOMIC_RELEASE);
		note_write(w, off, sizeof(val));
		return VMOON_OK;
	}
	if (!vmoon_range_ok(off, sizeof(val), w->len))
		return VMOON_E_FAULT;
	return vmoon_gmem_store_release_le16(w->gm, w->gpa + off, val);
}
