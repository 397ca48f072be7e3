/* SPDX-License-Identifier: MIT */
/*
 * unpack.c - compressed kernel payloads, through the libraries built in.
 * Each decoder fills one buffer of fixed size and never asks for more, so
 * that what a hostile payload can cost is known before it starts.
 */
#include "boot/unpack.h"

#include "vmoon/le.h"

#include <string.h>

#ifdef VMOON_HAVE_LZ4
#include <lz4.h>
#endif
#ifdef VMOON_HAVE_ZSTD
#include <zstd.h>
#endif
#ifdef VMOON_HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef VMOON_HAVE_LZMA
#include <lzma.h>
#endif

struct output {
	unsigned char *buf;
	size_t cap, len;
	bool is_prefix; /* stop without complaint when buf is full */
};

/* VMOON_OK, VMOON_E_IMAGE (damaged) or VMOON_E_NOMEM; decode() says it. */
typedef enum vmoon_status (*decode_fn)(const struct vmoon_packed *in,
				       struct output *out);

static bool is_full(const struct output *out)
{
	return out->len == out->cap;
}

#ifdef VMOON_HAVE_LZ4
enum { LZ4_MAGIC_SIZE = 4, LZ4_BLOCK_MAX = 8 << 20 };

static int lz4_block(const char *src, int src_len, struct output *out)
{
	size_t room = out->cap - out->len;
	char *dst = (char *)out->buf + out->len;
	int want = room < LZ4_BLOCK_MAX ? (int)room : LZ4_BLOCK_MAX;

	if (out->is_prefix)
		return LZ4_decompress_safe_partial(src, dst, src_len, want,
						   want);
	return LZ4_decompress_safe(src, dst, src_len, want);
}

/*
 * The legacy frame: magic, then blocks of (size, bytes) up to the end. Each
 * unpacks to 8 MiB, the last one to less. liblz4's frame API refuses it.
 */
static enum vmoon_status decode_lz4(const struct vmoon_packed *in,
				    struct output *out)
{
	size_t off = LZ4_MAGIC_SIZE;

	while (vmoon_range_ok(off, 4, in->len)) {
		uint32_t size = vmoon_le32_load(in->bytes + off);
		int got;

		off += 4;
		if (size == 0 || size > (uint32_t)LZ4_COMPRESSBOUND(8 << 20) ||
		    !vmoon_range_ok(off, size, in->len))
			return VMOON_E_IMAGE;
		got = lz4_block((const char *)in->bytes + off, (int)size, out);
		if (got < 0)
			return VMOON_E_IMAGE;
		out->len += (size_t)got;
		off += size;
		if (out->is_prefix && is_full(out))
			return VMOON_OK;
	}
	return off == in->len ? VMOON_OK : VMOON_E_IMAGE;
}
#else
#define decode_lz4 NULL
#endif

#ifdef VMOON_HAVE_ZSTD
enum { ZSTD_WINDOW_LOG = 27 }; /* 128 MiB: what zstd -22 --ultra uses */

static enum vmoon_status run_zstd(ZSTD_DCtx *ctx, const struct vmoon_packed *in,
				  struct output *out)
{
	ZSTD_inBuffer src = {in->bytes, in->len, 0};
	ZSTD_outBuffer dst = {out->buf, out->cap, 0};

	for (;;) {
		size_t src_was = src.pos, dst_was = dst.pos;
		size_t ret = ZSTD_decompressStream(ctx, &dst, &src);

		out->len = dst.pos;
		if (ZSTD_isError(ret))
			return VMOON_E_IMAGE;
		if (ret == 0 || (out->is_prefix && is_full(out)))
			return VMOON_OK;
		if (src.pos == src_was && dst.pos == dst_was)
			return VMOON_E_IMAGE;
	}
}

static enum vmoon_status decode_zstd(const struct vmoon_packed *in,
				     struct output *out)
{
	ZSTD_DCtx *ctx = ZSTD_createDCtx();
	enum vmoon_status st;

	if (ctx == NULL)
		return VMOON_E_NOMEM;
	if (ZSTD_isError(ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax,
						ZSTD_WINDOW_LOG)))
		st = VMOON_E_NOMEM;
	else
		st = run_zstd(ctx, in, out);
	(void)ZSTD_freeDCtx(ctx);
	return st;
}
#else
#define decode_zstd NULL
#endif

#ifdef VMOON_HAVE_ZLIB
static enum vmoon_status decode_gzip(const struct vmoon_packed *in,
				     struct output *out)
{
	z_stream z = {0};
	int ret;

	if (in->len > UINT32_MAX || out->cap > UINT32_MAX)
		return VMOON_E_IMAGE;
	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) /* 16: gzip only */
		return VMOON_E_NOMEM;
	/* zlib only reads from next_in; its type merely predates const. */
	z.next_in = (z_const Bytef *)(uintptr_t)in->bytes;
	z.avail_in = (uInt)in->len;
	z.next_out = out->buf;
	z.avail_out = (uInt)out->cap;
	ret = inflate(&z, Z_FINISH);
	out->len = out->cap - z.avail_out;
	(void)inflateEnd(&z);
	if (ret == Z_MEM_ERROR)
		return VMOON_E_NOMEM;
	if (ret == Z_STREAM_END ||
	    (ret == Z_BUF_ERROR && out->is_prefix && is_full(out)))
		return VMOON_OK;
	return VMOON_E_IMAGE;
}
#else
#define decode_gzip NULL
#endif

#ifdef VMOON_HAVE_LZMA
/* Linux asks for a dictionary of 32 MiB, since 6.12 of 128 MiB. */
#define XZ_MEMORY_MAX (256 * VMOON_MIB)

static enum vmoon_status decode_xz(const struct vmoon_packed *in,
				   struct output *out)
{
	lzma_stream z = LZMA_STREAM_INIT;
	lzma_ret ret = lzma_stream_decoder(&z, XZ_MEMORY_MAX, 0);

	if (ret != LZMA_OK)
		return VMOON_E_NOMEM;
	z.next_in = in->bytes;
	z.avail_in = in->len;
	z.next_out = out->buf;
	z.avail_out = out->cap;
	/* Ends at the latest with LZMA_BUF_ERROR: no progress twice. */
	do {
		ret = lzma_code(&z, LZMA_FINISH);
	} while (ret == LZMA_OK && !(out->is_prefix && z.avail_out == 0));
	out->len = out->cap - z.avail_out;
	lzma_end(&z);
	if (ret == LZMA_MEM_ERROR)
		return VMOON_E_NOMEM;
	if (ret == LZMA_STREAM_END ||
	    (ret == LZMA_OK && out->is_prefix && is_full(out)))
		return VMOON_OK;
	return VMOON_E_IMAGE;
}
#else
#define decode_xz NULL
#endif

/* Indexed by enum vmoon_unpack_format. */
static const struct {
	const char *name;
	size_t magic_len;
	unsigned char magic[6];
	decode_fn decode; /* NULL: not in this build */
} formats[] = {
	[VMOON_UNPACK_UNKNOWN] = {"unknown", 0, {0}, NULL},
	[VMOON_UNPACK_LZ4] = {"lz4", 4, {0x02, 0x21, 0x4c, 0x18}, decode_lz4},
	[VMOON_UNPACK_ZSTD] = {"zstd",
			       4,
			       {0x28, 0xb5, 0x2f, 0xfd},
			       decode_zstd},
	[VMOON_UNPACK_GZIP] = {"gzip", 2, {0x1f, 0x8b}, decode_gzip},
	[VMOON_UNPACK_XZ] = {"xz", 6, {0xfd, '7', 'z', 'X', 'Z', 0}, decode_xz},
	[VMOON_UNPACK_BZIP2] = {"bzip2", 3, {'B', 'Z', 'h'}, NULL},
	[VMOON_UNPACK_LZMA] = {"lzma", 3, {0x5d, 0, 0}, NULL},
	[VMOON_UNPACK_LZO] = {"lzo", 4, {0x89, 'L', 'Z', 'O'}, NULL},
};

enum vmoon_unpack_format vmoon_unpack_detect(const unsigned char *bytes,
					     size_t len)
{
	for (size_t i = VMOON_UNPACK_LZ4; i < VMOON_COUNTOF(formats); i++) {
		if (len >= formats[i].magic_len &&
		    memcmp(bytes, formats[i].magic, formats[i].magic_len) == 0)
			return (enum vmoon_unpack_format)i;
	}
	return VMOON_UNPACK_UNKNOWN;
}

const char *vmoon_unpack_name(enum vmoon_unpack_format format)
{
	return formats[format].name;
}

bool vmoon_unpack_is_built(enum vmoon_unpack_format format)
{
	return formats[format].decode != NULL;
}

uint64_t vmoon_unpack_size(const unsigned char *payload, size_t len)
{
	return len < 4 ? 0 : vmoon_le32_load(payload + len - 4);
}

static enum vmoon_status decode(const struct vmoon_packed *packed,
				struct output *out, struct vmoon_error *err)
{
	const char *name = vmoon_unpack_name(packed->format);
	decode_fn fn = formats[packed->format].decode;
	enum vmoon_status st;

	if (fn == NULL)
		return vmoon_fail(err, VMOON_E_UNSUPPORTED, 0,
				  "is packed as %s, which this build of vmoon "
				  "cannot unpack; let the guest do it "
				  "(unpack = \"guest\")",
				  name);
	st = fn(packed, out);
	if (st == VMOON_OK)
		return VMOON_OK;
	if (st == VMOON_E_NOMEM)
		return vmoon_fail(err, st, 0,
				  "no host memory for unpacking it");
	return vmoon_fail(err, VMOON_E_IMAGE, 0,
			  "has a damaged %s payload; give a complete file",
			  name);
}

enum vmoon_status vmoon_unpack_all(const struct vmoon_packed *packed, void *dst,
				   size_t len, struct vmoon_error *err)
{
	struct output out = {.buf = dst, .cap = len};
	enum vmoon_status st = decode(packed, &out, err);

	if (st != VMOON_OK || is_full(&out))
		return st;
	return vmoon_fail(err, VMOON_E_IMAGE, 0,
			  "has a %s payload of %zu bytes, %zu expected; the "
			  "file is damaged",
			  vmoon_unpack_name(packed->format), out.len, len);
}

enum vmoon_status vmoon_unpack_prefix(const struct vmoon_packed *packed,
				      void *dst, size_t cap, size_t *out_len,
				      struct vmoon_error *err)
{
	struct output out = {.buf = dst, .cap = cap, .is_prefix = true};
	enum vmoon_status st = decode(packed, &out, err);

	if (st == VMOON_OK)
		*out_len = out.len;
	return st;
}
