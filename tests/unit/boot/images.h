/* SPDX-License-Identifier: MIT */
/* images.h - tiny kernels of every kind, built in memory for the boot tests. */
#ifndef VMOON_TESTS_BOOT_IMAGES_H
#define VMOON_TESTS_BOOT_IMAGES_H

#include "runtime/boot/boot.h"
#include "runtime/boot/unpack.h"
#include "tests/support/fixture.h"
#include "vmoon/le.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

/* ---- guest memory ---- */

static inline void memory_open(struct vmoon_gmem *gm, uint64_t size)
{
	struct vmoon_gmem_region regions[2];
	struct vmoon_error err = {0};
	size_t n = vmoon_boot_layout(size, regions);

	assert_ok(vmoon_gmem_init_mapped(gm, NULL, regions, n, &err), &err);
}

static inline const unsigned char *memory_at(const struct vmoon_gmem *gm,
					     vmoon_gpa gpa, uint64_t len)
{
	const unsigned char *p = vmoon_gmem_borrow(gm, gpa, len);

	assert_non_null(p);
	return p;
}

static inline bool memory_is_zero(const struct vmoon_gmem *gm, vmoon_gpa gpa,
				  uint64_t len)
{
	const unsigned char *p = memory_at(gm, gpa, len);

	for (uint64_t i = 0; i < len; i++) {
		if (p[i] != 0)
			return false;
	}
	return true;
}

/* ---- ELF ---- */

enum {
	ELF_PHOFF = 64,
	ELF_PHDR = 56,
	ELF_LOAD = 1,
	ELF_NOTE = 4,
	ELF_BASE = 0x1000000, /* entry, and the first segment */
	ELF_PVH = ELF_BASE + 0x20,
	ELF_FILE_SIZE = 0x4000,
	/* Fields of the program header that segment n has at this offset. */
	PH_TYPE = 0,
	PH_OFFSET = 8,
	PH_PADDR = 24,
	PH_FILESZ = 32,
	PH_MEMSZ = 40
};

struct elf_image {
	unsigned char bytes[ELF_FILE_SIZE];
};

static inline size_t elf_ph(size_t n, size_t field)
{
	return ELF_PHOFF + n * ELF_PHDR + field;
}

static inline void elf_set_phdr(unsigned char *e, size_t n, uint32_t type,
				const uint64_t v[4]) /* off, paddr, filesz.. */
{
	vmoon_le32_store(e + elf_ph(n, PH_TYPE), type);
	vmoon_le64_store(e + elf_ph(n, PH_OFFSET), v[0]);
	vmoon_le64_store(e + elf_ph(n, PH_PADDR), v[1]);
	vmoon_le64_store(e + elf_ph(n, PH_FILESZ), v[2]);
	vmoon_le64_store(e + elf_ph(n, PH_MEMSZ), v[3]);
}

static inline void elf_header(unsigned char *e, unsigned phnum)
{
	static const unsigned char ident[8] = {0x7f, 'E', 'L', 'F', 2, 1, 1};

	memcpy(e, ident, sizeof(ident));
	vmoon_le16_store(e + 16, 2);  /* executable */
	vmoon_le16_store(e + 18, 62); /* x86-64 */
	vmoon_le32_store(e + 20, 1);
	vmoon_le64_store(e + 24, ELF_BASE);
	vmoon_le64_store(e + 32, ELF_PHOFF);
	vmoon_le16_store(e + 52, 64);
	vmoon_le16_store(e + 54, ELF_PHDR);
	vmoon_le16_store(e + 56, (uint16_t)phnum);
}

/* One note, 4-byte aligned; returns the offset behind it. */
static inline size_t elf_note(unsigned char *e, size_t at, const char *name,
			      uint32_t type, uint32_t descsz, uint64_t desc)
{
	uint32_t namesz = (uint32_t)strlen(name) + 1;
	unsigned char le[8];

	vmoon_le32_store(e + at, namesz);
	vmoon_le32_store(e + at + 4, descsz);
	vmoon_le32_store(e + at + 8, type);
	memcpy(e + at + 12, name, namesz);
	at += 12 + ((namesz + 3u) & ~3u);
	vmoon_le64_store(le, desc);
	memcpy(e + at, le, descsz < 8 ? descsz : 8);
	return at + ((descsz + 3u) & ~3u);
}

/* Segment i holds bytes that say so. */
static inline void elf_fill(unsigned char *e, size_t off, size_t len)
{
	for (size_t i = 0; i < len; i++)
		e[off + i] = (unsigned char)(1 + (off + i * 7) % 251);
}

enum { NOTE_AT = 0x3000, NOTE_LEN = 0x100 };

/*
 * A vmlinux in small: text, data with BSS, one segment whose place in memory
 * is nearer to the first than its place in the file, and notes with PVH.
 */
static inline struct elf_image elf_make(void)
{
	struct elf_image img = {{0}};
	unsigned char *e = img.bytes;
	const uint64_t text[] = {0x1000, ELF_BASE, 0x800, 0x800};
	const uint64_t data[] = {0x1800, ELF_BASE + 0x800, 0x400, 0x400};
	const uint64_t init[] = {0x2000, ELF_BASE + 0xc00, 0x800, 0x1800};
	const uint64_t note[] = {NOTE_AT, 0, NOTE_LEN, NOTE_LEN};
	size_t at = NOTE_AT;

	elf_header(e, 4);
	elf_set_phdr(e, 0, ELF_LOAD, text);
	elf_set_phdr(e, 1, ELF_LOAD, data);
	elf_set_phdr(e, 2, ELF_LOAD, init);
	elf_set_phdr(e, 3, ELF_NOTE, note);
	elf_fill(e, 0x1000, 0xc00);
	elf_fill(e, 0x2000, 0x800);
	at = elf_note(e, at, "GNU", 3, 8, 0x1122334455667788);
	at = elf_note(e, at, "Xen", 6, 6, 0x78756e69);
	(void)elf_note(e, at, "Xen", 18, 4, ELF_PVH);
	return img;
}

/* All segments of elf_make are where they belong, and BSS is zero. */
static inline void elf_assert_loaded(const struct vmoon_gmem *gm,
				     const struct elf_image *img)
{
	const unsigned char *m = memory_at(gm, ELF_BASE, 0x2400);

	assert_memory_equal(m, img->bytes + 0x1000, 0x800);
	assert_memory_equal(m + 0x800, img->bytes + 0x1800, 0x400);
	assert_memory_equal(m + 0xc00, img->bytes + 0x2000, 0x800);
	assert_true(memory_is_zero(gm, ELF_BASE + 0x1400, 0x1000));
}

/* ---- payloads ---- */

struct blob {
	unsigned char *bytes; /* owned */
	size_t size;
};

#ifdef VMOON_HAVE_LZ4
static inline struct blob pack_lz4(const unsigned char *src, size_t len)
{
	static const unsigned char magic[] = {0x02, 0x21, 0x4c, 0x18};
	enum { BLOCK = 8 << 20 };
	size_t blocks = len / BLOCK + 1;
	struct blob b = {malloc(blocks * (LZ4_COMPRESSBOUND(BLOCK) + 4) + 4),
			 4};

	memcpy(b.bytes, magic, sizeof(magic));
	for (size_t off = 0; off < len; off += BLOCK) {
		int n = LZ4_compress_default(
			(const char *)src + off, (char *)b.bytes + b.size + 4,
			(int)(len - off < BLOCK ? len - off : BLOCK),
			LZ4_COMPRESSBOUND(BLOCK));

		assert_true(n > 0);
		vmoon_le32_store(b.bytes + b.size, (uint32_t)n);
		b.size += 4 + (size_t)n;
	}
	return b;
}
#endif

#ifdef VMOON_HAVE_ZSTD
static inline struct blob pack_zstd(const unsigned char *src, size_t len)
{
	size_t cap = ZSTD_compressBound(len);
	struct blob b = {malloc(cap), 0};

	b.size = ZSTD_compress(b.bytes, cap, src, len, 3);
	assert_false(ZSTD_isError(b.size));
	return b;
}
#endif

#ifdef VMOON_HAVE_ZLIB
static inline struct blob pack_gzip(const unsigned char *src, size_t len)
{
	size_t cap = compressBound(len) + 64;
	struct blob b = {malloc(cap), 0};
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8,
				      Z_DEFAULT_STRATEGY),
			 Z_OK);
	z.next_in = (z_const Bytef *)(uintptr_t)src;
	z.avail_in = (uInt)len;
	z.next_out = b.bytes;
	z.avail_out = (uInt)cap;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	b.size = cap - z.avail_out;
	(void)deflateEnd(&z);
	return b;
}
#endif

#ifdef VMOON_HAVE_LZMA
static inline struct blob pack_xz(const unsigned char *src, size_t len)
{
	size_t cap = lzma_stream_buffer_bound(len);
	struct blob b = {malloc(cap), 0};

	assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, src,
						 len, b.bytes, &b.size, cap),
			 LZMA_OK);
	return b;
}
#endif

/* The stream alone; bytes NULL when this build cannot pack the format. */
static inline struct blob pack(enum vmoon_unpack_format format,
			       const unsigned char *src, size_t len)
{
	(void)src;
	(void)len;
#ifdef VMOON_HAVE_LZ4
	if (format == VMOON_UNPACK_LZ4)
		return pack_lz4(src, len);
#endif
#ifdef VMOON_HAVE_ZSTD
	if (format == VMOON_UNPACK_ZSTD)
		return pack_zstd(src, len);
#endif
#ifdef VMOON_HAVE_ZLIB
	if (format == VMOON_UNPACK_GZIP)
		return pack_gzip(src, len);
#endif
#ifdef VMOON_HAVE_LZMA
	if (format == VMOON_UNPACK_XZ)
		return pack_xz(src, len);
#endif
	(void)format;
	return (struct blob){NULL, 0};
}

/* Any format of this build, the quickest first; UNKNOWN if there is none. */
static inline enum vmoon_unpack_format any_format(void)
{
	static const enum vmoon_unpack_format all[] = {
		VMOON_UNPACK_LZ4, VMOON_UNPACK_GZIP, VMOON_UNPACK_ZSTD,
		VMOON_UNPACK_XZ};

	for (size_t i = 0; i < VMOON_COUNTOF(all); i++) {
		if (vmoon_unpack_is_built(all[i]))
			return all[i];
	}
	return VMOON_UNPACK_UNKNOWN;
}

/* ---- bzImage ---- */

enum {
	BZ_SETUP = 1024,    /* one sector of setup code */
	BZ_PAYLOAD = 0x300, /* in the kernel part */
	BZ_INIT_SIZE = 0x10000,
	BZ_TAIL = 64 /* behind the payload */
};

/* A 6.1 header around a payload, which may be NULL. */
static inline struct blob bz_wrap(const unsigned char *payload, size_t len)
{
	struct blob b = {NULL, BZ_SETUP + BZ_PAYLOAD + len + BZ_TAIL};
	unsigned char *h = calloc(1, b.size);

	elf_fill(h, BZ_SETUP, BZ_PAYLOAD);
	h[0x1f1] = 1;
	vmoon_le16_store(h + 0x1fe, 0xaa55);
	h[0x200] = 0xeb;
	h[0x201] = 0x6a; /* the header ends at 0x26c */
	memcpy(h + 0x202, "HdrS", 4);
	vmoon_le16_store(h + 0x206, 0x20f);
	h[0x211] = 1;
	vmoon_le32_store(h + 0x22c, 0x7fffffff);
	vmoon_le32_store(h + 0x230, 0x200000);
	h[0x234] = 1;
	vmoon_le16_store(h + 0x236, 0x7f);
	vmoon_le32_store(h + 0x238, 2047);
	vmoon_le32_store(h + 0x248, BZ_PAYLOAD);
	vmoon_le32_store(h + 0x24c, (uint32_t)len);
	vmoon_le64_store(h + 0x258, ELF_BASE);
	vmoon_le32_store(h + 0x260, BZ_INIT_SIZE);
	if (payload != NULL)
		memcpy(h + BZ_SETUP + BZ_PAYLOAD, payload, len);
	b.bytes = h;
	return b;
}

/* elf_make, packed as Linux does it: all but gzip get the size appended. */
static inline struct blob bz_make(enum vmoon_unpack_format format,
				  const struct elf_image *elf)
{
	struct blob p = pack(format, elf->bytes, sizeof(elf->bytes));
	struct blob bz;

	assert_non_null(p.bytes);
	if (format != VMOON_UNPACK_GZIP) {
		p.bytes = realloc(p.bytes, p.size + 4);
		vmoon_le32_store(p.bytes + p.size, sizeof(elf->bytes));
		p.size += 4;
	}
	bz = bz_wrap(p.bytes, p.size);
	free(p.bytes);
	return bz;
}

/* ---- Multiboot ---- */

enum {
	MB_AT = 0x40, /* the header in the file */
	MB_SIZE = 0x400,
	MB_BASE = 0x200000,
	MB_ENTRY = MB_BASE + 0x80,
	MB_END = MB_BASE + 0x1000, /* with BSS */
	/* Fields of the header. */
	MB_FLAGS = MB_AT + 4,
	MB_CHECKSUM = MB_AT + 8,
	MB_HEADER_ADDR = MB_AT + 12,
	MB_LOAD_ADDR = MB_AT + 16,
	MB_LOAD_END = MB_AT + 20,
	MB_BSS_END = MB_AT + 24,
	MB_ENTRY_ADDR = MB_AT + 28
};

struct mb_image {
	unsigned char bytes[MB_SIZE];
};

static inline void mb_set_flags(unsigned char *p, uint32_t flags)
{
	vmoon_le32_store(p, 0x1badb002);
	vmoon_le32_store(p + 4, flags);
	vmoon_le32_store(p + 8, (uint32_t)0 - 0x1badb002 - flags);
}

/* With address fields: all of the file goes to MB_BASE. */
static inline struct mb_image mb_make(void)
{
	struct mb_image img = {{0}};
	unsigned char *b = img.bytes;

	elf_fill(b, 0, MB_SIZE);
	mb_set_flags(b + MB_AT, 0x10003);
	vmoon_le32_store(b + MB_HEADER_ADDR, MB_BASE + MB_AT);
	vmoon_le32_store(b + MB_LOAD_ADDR, MB_BASE);
	vmoon_le32_store(b + MB_LOAD_END, 0);
	vmoon_le32_store(b + MB_BSS_END, MB_END);
	vmoon_le32_store(b + MB_ENTRY_ADDR, MB_ENTRY);
	return img;
}

enum { MB_ELF_TEXT = 0x100, MB_ELF_SIZE = 0x300, ELF32_PHOFF = 52 };

struct mb_elf_image {
	unsigned char bytes[MB_ELF_SIZE];
};

/* The same as a 32-bit ELF file with one segment. */
static inline struct mb_elf_image mb_make_elf(void)
{
	static const unsigned char ident[8] = {0x7f, 'E', 'L', 'F', 1, 1, 1};
	static const uint32_t phdr[8] = {ELF_LOAD, MB_ELF_TEXT, 0xc0200000,
					 MB_BASE,  0x200,       0x400};
	struct mb_elf_image img = {{0}};
	unsigned char *e = img.bytes;

	memcpy(e, ident, sizeof(ident));
	vmoon_le16_store(e + 16, 2); /* executable */
	vmoon_le16_store(e + 18, 3); /* i386 */
	vmoon_le32_store(e + 20, 1);
	vmoon_le32_store(e + 24, MB_ENTRY);
	vmoon_le32_store(e + 28, ELF32_PHOFF);
	vmoon_le16_store(e + 42, 32);
	vmoon_le16_store(e + 44, 1);
	for (size_t i = 0; i < VMOON_COUNTOF(phdr); i++)
		vmoon_le32_store(e + ELF32_PHOFF + i * 4, phdr[i]);
	elf_fill(e, MB_ELF_TEXT, 0x200);
	mb_set_flags(e + MB_ELF_TEXT + 0x20, 3);
	return img;
}

/* ---- files without a place in a folder ---- */

struct temp_file {
	int fd;
	char path[32];
};

static inline struct temp_file file_of(const void *bytes, size_t size)
{
	struct temp_file f = {.fd = memfd_create("boot-test", MFD_CLOEXEC)};

	assert_true(f.fd >= 0);
	(void)snprintf(f.path, sizeof(f.path), "/proc/self/fd/%d", f.fd);
	assert_int_equal(write(f.fd, bytes, size), size);
	return f;
}

/* The oracle of no leaks; tests have few descriptors. */
static inline unsigned open_fds(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) != -1;
	return count;
}

#endif
