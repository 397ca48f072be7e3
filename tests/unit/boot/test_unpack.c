/* SPDX-License-Identifier: MIT */
/* test_unpack.c - mirrors runtime/boot/unpack.c. */
#include "runtime/boot/unpack.h"
#include "tests/unit/boot/images.h"

#include <dlfcn.h>

static const enum vmoon_unpack_format formats[] = {
	VMOON_UNPACK_LZ4, VMOON_UNPACK_ZSTD, VMOON_UNPACK_GZIP,
	VMOON_UNPACK_XZ};

/* Neither constant nor random, so that every format has work to do. */
static unsigned char *sample(size_t len)
{
	unsigned char *p = malloc(len);
	uint32_t x = 1;

	assert_non_null(p);
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		p[i] = (unsigned char)(x >> 24 < 64 ? x >> 16 : i >> 8);
	}
	return p;
}

static void test_unpack__magic_numbers_name_the_format(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *name;
	} cases[] = {
		{"\x02\x21\x4c\x18", 4, "lz4"},
		{"\x04\x22\x4d\x18", 4, "unknown"}, /* not what Linux uses */
		{"\x28\xb5\x2f\xfd", 4, "zstd"},
		{"\x1f\x8b\x08", 3, "gzip"},
		{"\xfd"
		 "7zXZ\0",
		 6, "xz"},
		{"\xfd"
		 "7zXZ",
		 5, "unknown"},
		{"BZh9", 4, "bzip2"},
		{"\x5d\0\0", 3, "lzma"},
		{"\x89LZO", 4, "lzo"},
		{"", 0, "unknown"},
		{"\0\0\0\0\0\0\0\0", 8, "unknown"},
	};

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(cases); i++)
		assert_string_equal(
			vmoon_unpack_name(vmoon_unpack_detect(
				(const unsigned char *)cases[i].bytes,
				cases[i].len)),
			cases[i].name);
}

static void test_unpack__a_format_without_a_library_is_unsupported(void **state)
{
	const struct vmoon_packed p = {VMOON_UNPACK_BZIP2,
				       (const unsigned char *)"BZh9", 4};
	struct vmoon_error err = {0};
	char out[4];

	(void)state;
	assert_false(vmoon_unpack_is_built(VMOON_UNPACK_UNKNOWN));
	assert_false(vmoon_unpack_is_built(p.format));
	assert_int_equal(vmoon_unpack_all(&p, out, 4, &err),
			 VMOON_E_UNSUPPORTED);
	assert_non_null(strstr(err.msg, "bzip2"));
	assert_non_null(strstr(err.msg, "unpack = \"guest\""));
}

static void test_unpack__every_format_comes_back_as_it_was(void **state)
{
	/* More than one block of the legacy LZ4 frame. */
	const size_t len = 9 * VMOON_MIB + 17;
	unsigned char *src = sample(len), *dst = malloc(len);

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(formats); i++) {
		struct blob b = pack(formats[i], src, len);
		const struct vmoon_packed p = {formats[i], b.bytes, b.size};
		struct vmoon_error err = {0};

		assert_int_equal(vmoon_unpack_is_built(formats[i]),
				 b.bytes != NULL);
		if (b.bytes == NULL) {
			print_message("%s: not in this build\n",
				      vmoon_unpack_name(formats[i]));
			continue;
		}
		assert_int_equal(vmoon_unpack_detect(b.bytes, b.size),
				 formats[i]);
		memset(dst, 0, len);
		assert_ok(vmoon_unpack_all(&p, dst, len, &err), &err);
		assert_memory_equal(dst, src, len);
		free(b.bytes);
	}
	free(src);
	free(dst);
}

static void test_unpack__another_size_than_announced_is_damage(void **state)
{
	const size_t len = 5000;
	unsigned char *src = sample(len), *dst = malloc(len + 1);

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(formats); i++) {
		struct blob b = pack(formats[i], src, len);
		const struct vmoon_packed p = {formats[i], b.bytes, b.size};
		struct vmoon_error err = {0};

		if (b.bytes == NULL)
			continue;
		dst[len - 1] = 0x5a;
		assert_int_equal(vmoon_unpack_all(&p, dst, len - 1, &err),
				 VMOON_E_IMAGE);
		assert_int_equal(dst[len - 1], 0x5a);
		assert_int_equal(vmoon_unpack_all(&p, dst, len + 1, &err),
				 VMOON_E_IMAGE);
		free(b.bytes);
	}
	free(src);
	free(dst);
}

static void test_unpack__a_prefix_needs_no_more_room(void **state)
{
	const size_t len = 100000, cap = 4096;
	unsigned char *src = sample(len), *dst = malloc(len);

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(formats); i++) {
		struct blob b = pack(formats[i], src, len);
		const struct vmoon_packed p = {formats[i], b.bytes, b.size};
		struct vmoon_error err = {0};
		size_t got = 0;

		if (b.bytes == NULL)
			continue;
		memset(dst, 0x5a, len);
		assert_ok(vmoon_unpack_prefix(&p, dst, cap, &got, &err), &err);
		assert_int_equal(got, cap);
		assert_memory_equal(dst, src, cap);
		assert_int_equal(dst[cap], 0x5a);
		free(b.bytes);
		/* Less than asked for is no failure. */
		b = pack(formats[i], src, 100);
		assert_ok(vmoon_unpack_prefix(&(struct vmoon_packed){formats[i],
								     b.bytes,
								     b.size},
					      dst, cap, &got, &err),
			  &err);
		assert_int_equal(got, 100);
		free(b.bytes);
	}
	free(src);
	free(dst);
}

static void test_unpack__every_truncation_is_damage(void **state)
{
	const size_t len = 600;
	unsigned char *src = sample(len), *dst = malloc(len);

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(formats); i++) {
		struct blob b = pack(formats[i], src, len);

		for (size_t cut = 0; cut < b.size; cut++) {
			unsigned char *part = malloc(cut != 0 ? cut : 1);
			const struct vmoon_packed p = {formats[i], part, cut};
			struct vmoon_error err = {0};

			memcpy(part, b.bytes, cut);
			assert_int_equal(vmoon_unpack_all(&p, dst, len, &err),
					 VMOON_E_IMAGE);
			free(part);
		}
		free(b.bytes);
	}
	free(src);
	free(dst);
}

static void test_unpack__flipped_bits_stay_inside_the_buffer(void **state)
{
	const size_t len = 300;
	unsigned char *src = sample(len), *dst = malloc(len);

	(void)state;
	for (size_t i = 0; i < VMOON_COUNTOF(formats); i++) {
		struct blob b = pack(formats[i], src, len);
		const struct vmoon_packed p = {formats[i], b.bytes, b.size};

		for (size_t bit = 0; bit < b.size * 8; bit++) {
			unsigned char mask = (unsigned char)(1u << (bit % 8));
			size_t got;

			b.bytes[bit / 8] ^= mask;
			VMOON_IGNORE(vmoon_unpack_all(&p, dst, len, NULL));
			VMOON_IGNORE(
				vmoon_unpack_prefix(&p, dst, 64, &got, NULL));
			b.bytes[bit / 8] ^= mask;
		}
		free(b.bytes);
	}
	free(src);
	free(dst);
}

static void test_unpack__size_is_the_last_word_of_a_payload(void **state)
{
	static const unsigned char p[] = {9, 9, 0x78, 0x56, 0x34, 0x12};

	(void)state;
	assert_int_equal(vmoon_unpack_size(p, 6), 0x12345678);
	assert_int_equal(vmoon_unpack_size(p, 3), 0);
}

/* ---- libraries without memory ---- */

/* They take theirs from malloc(), so it is their beginning that fails here. */
static bool has_no_memory;

/* POSIX promises what ISO C does not: a pointer to data may be a function. */
#define NEXT(fn, name)                                \
	do {                                          \
		void *next = dlsym(RTLD_NEXT, #name); \
		memcpy(&(fn), &next, sizeof(fn));     \
	} while (0)

#ifdef VMOON_HAVE_ZSTD
ZSTD_DCtx *hooked_zstd(void) __asm__("ZSTD_createDCtx");

ZSTD_DCtx *hooked_zstd(void)
{
	ZSTD_DCtx *(*create)(void);

	NEXT(create, ZSTD_createDCtx);
	return has_no_memory ? NULL : create();
}
#endif

#ifdef VMOON_HAVE_ZLIB
int hooked_zlib(z_stream *z, int bits, const char *version,
		int size) __asm__("inflateInit2_");

int hooked_zlib(z_stream *z, int bits, const char *version, int size)
{
	int (*init)(z_stream *, int, const char *, int);

	NEXT(init, inflateInit2_);
	return has_no_memory ? Z_MEM_ERROR : init(z, bits, version, size);
}
#endif

#ifdef VMOON_HAVE_LZMA
lzma_ret hooked_lzma(lzma_stream *z, uint64_t memory,
		     uint32_t flags) __asm__("lzma_stream_decoder");

lzma_ret hooked_lzma(lzma_stream *z, uint64_t memory, uint32_t flags)
{
	lzma_ret (*init)(lzma_stream *, uint64_t, uint32_t);

	NEXT(init, lzma_stream_decoder);
	return has_no_memory ? LZMA_MEM_ERROR : init(z, memory, flags);
}
#endif

static void test_unpack__a_library_without_memory_says_so(void **state)
{
	enum { LEN = 100 };
	unsigned char *src = sample(LEN), dst[LEN];

	(void)state;
	/* LZ4 unpacks without any of its own. */
	for (size_t i = 1; i < VMOON_COUNTOF(formats); i++) {
		struct blob b = pack(formats[i], src, LEN);
		const struct vmoon_packed p = {formats[i], b.bytes, b.size};
		struct vmoon_error err = {0};

		if (b.bytes == NULL)
			continue;
		has_no_memory = true;
		assert_int_equal(vmoon_unpack_all(&p, dst, LEN, &err),
				 VMOON_E_NOMEM);
		assert_non_null(strstr(err.msg, "memory"));
		has_no_memory = false;
		assert_ok(vmoon_unpack_all(&p, dst, LEN, &err), &err);
		assert_memory_equal(dst, src, LEN);
		free(b.bytes);
	}
	free(src);
}

/* zlib counts in 32 bits: more than that is refused, not cut. */
static void test_unpack__more_than_zlib_counts_is_refused(void **state)
{
	static const unsigned char head[] = {0x1f, 0x8b, 8, 0, 0, 0};
	const struct vmoon_packed p = {VMOON_UNPACK_GZIP, head,
				       (size_t)UINT32_MAX + 1};
	unsigned char dst[8];

	(void)state;
	if (!vmoon_unpack_is_built(VMOON_UNPACK_GZIP))
		SKIP_BECAUSE("no zlib in this build");
	assert_int_equal(vmoon_unpack_all(&p, dst, sizeof(dst), NULL),
			 VMOON_E_IMAGE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unpack__magic_numbers_name_the_format),
		cmocka_unit_test(
			test_unpack__a_format_without_a_library_is_unsupported),
		cmocka_unit_test(
			test_unpack__every_format_comes_back_as_it_was),
		cmocka_unit_test(
			test_unpack__another_size_than_announced_is_damage),
		cmocka_unit_test(test_unpack__a_prefix_needs_no_more_room),
		cmocka_unit_test(test_unpack__every_truncation_is_damage),
		cmocka_unit_test(
			test_unpack__flipped_bits_stay_inside_the_buffer),
		cmocka_unit_test(
			test_unpack__size_is_the_last_word_of_a_payload),
		cmocka_unit_test(test_unpack__a_library_without_memory_says_so),
		cmocka_unit_test(test_unpack__more_than_zlib_counts_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
