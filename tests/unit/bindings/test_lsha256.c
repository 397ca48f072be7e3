/* SPDX-License-Identifier: MIT */
/* test_lsha256.c - known digests, at each length around a block's end. */
#include "bindings/lsha256.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/fixture.h"

static void check(const void *bytes, size_t len, const char *digest)
{
	unsigned char out[32];
	char text[65];

	vmoon_lsha256(bytes, len, out);
	for (size_t i = 0; i < sizeof(out); i++)
		(void)snprintf(text + 2 * i, 3, "%02x", out[i]);
	assert_string_equal(text, digest);
}

/* FIPS 180-4's examples. */
static void test_lsha256__the_standards_examples(void **state)
{
	(void)state;
	check("", 0,
	      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85"
	      "5");
	check("abc", 3,
	      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a"
	      "d");
	check("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
	      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c"
	      "1");
}

/* The digest of the digests of 0 to 199 bytes, made by coreutils' sha256sum. */
static void test_lsha256__every_length_around_a_blocks_end(void **state)
{
	unsigned char bytes[200], all[200 * 32];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	for (size_t len = 0; len < sizeof(bytes); len++)
		vmoon_lsha256(bytes, len, all + 32 * len);
	check(all, sizeof(all),
	      "ba7b0fcea7d10c06b855b43d2b4dce1e3e842fff"
	      "6be0acefb0faf4f2dd05bb47");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_lsha256__the_standards_examples),
	cmocka_unit_test(test_lsha256__every_length_around_a_blocks_end),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
