/* SPDX-License-Identifier: MIT */
/* unpack.h - compressed kernel payloads, through the libraries built in. */
#ifndef VMOON_RUNTIME_BOOT_UNPACK_H
#define VMOON_RUNTIME_BOOT_UNPACK_H

#include "vmoon/base.h"
#include "vmoon/error.h"

/* Everything Linux/x86 can be packed with; the last three are never built. */
enum vmoon_unpack_format {
	VMOON_UNPACK_UNKNOWN,
	VMOON_UNPACK_LZ4,
	VMOON_UNPACK_ZSTD,
	VMOON_UNPACK_GZIP,
	VMOON_UNPACK_XZ,
	VMOON_UNPACK_BZIP2,
	VMOON_UNPACK_LZMA,
	VMOON_UNPACK_LZO
};

struct vmoon_packed {
	enum vmoon_unpack_format format;
	const unsigned char *bytes; /* borrowed: outlives the struct */
	size_t len;                 /* without a size behind the stream */
};

/* From the first bytes; 8 are enough. */
enum vmoon_unpack_format vmoon_unpack_detect(const unsigned char *bytes,
					     size_t len) VMOON_NONNULL(1);
/* "lz4", "zstd", "gzip", "xz", ...; "unknown". */
const char *vmoon_unpack_name(enum vmoon_unpack_format format);
/* Whether this build has the library for it. */
bool vmoon_unpack_is_built(enum vmoon_unpack_format format);
/* Size of the unpacked kernel, the last four bytes of any payload; or 0. */
uint64_t vmoon_unpack_size(const unsigned char *payload, size_t len)
	VMOON_NONNULL(1);

/*
 * Unpacks into dst, which must be filled exactly: E_IMAGE when the stream is
 * damaged or has another size. dst may hold anything after a failure.
 */
VMOON_STATUS vmoon_unpack_all(const struct vmoon_packed *packed, void *dst,
			      size_t len, struct vmoon_error *err)
	VMOON_NONNULL(1, 2);

/* Unpacks the first bytes only; *out_len < cap when there are no more. */
VMOON_STATUS vmoon_unpack_prefix(const struct vmoon_packed *packed, void *dst,
				 size_t cap, size_t *out_len,
				 struct vmoon_error *err)
	VMOON_NONNULL(1, 2, 4);

#endif
