/* SPDX-License-Identifier: MIT */
/* state.h - device kit: what a device writes into and reads from a snapshot. */
#ifndef VMOON_STATE_H
#define VMOON_STATE_H

#include "vmoon/base.h"
#include "vmoon/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One section of a snapshot: a tag, a version and little-endian values behind
 * each other. The storage is the caller's. Writing past its end sets
 * is_overflow and stores nothing more; len then is the size that is needed.
 */
struct vmoon_state_writer {
	unsigned char *buf; /* borrowed: outlives the writer */
	size_t size, len;
	bool is_overflow;
};

/*
 * Reading past the end, a wrong tag or a wrong version makes the reader bad;
 * a bad reader returns zeroes. Bytes come from an attacker: the device checks
 * every value against its own limits before it uses it.
 */
struct vmoon_state_reader {
	const unsigned char *buf; /* borrowed: outlives the reader */
	size_t size, off;
	bool is_bad;
};

VMOON_API void vmoon_state_begin(struct vmoon_state_writer *w, const char *tag,
				 uint32_t version) VMOON_NONNULL(1, 2);
VMOON_API void vmoon_state_put(struct vmoon_state_writer *w, uint64_t value,
			       unsigned size_bytes) VMOON_NONNULL(1);
VMOON_API void vmoon_state_put_bytes(struct vmoon_state_writer *w,
				     const void *src, size_t len)
	VMOON_NONNULL(1, 2);

/* False, and the reader bad, unless tag and version match. */
VMOON_API bool vmoon_state_expect(struct vmoon_state_reader *r, const char *tag,
				  uint32_t version) VMOON_NONNULL(1, 2);
VMOON_API uint64_t vmoon_state_get(struct vmoon_state_reader *r,
				   unsigned size_bytes) VMOON_NONNULL(1);
/* dst is zeroed when fewer than len bytes are left. */
VMOON_API void vmoon_state_get_bytes(struct vmoon_state_reader *r, void *dst,
				     size_t len) VMOON_NONNULL(1, 2);

#ifdef __cplusplus
}
#endif

#endif
