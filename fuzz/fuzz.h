/* SPDX-License-Identifier: MIT */
/* fuzz.h - what every fuzz target shares. */
#ifndef VMOON_FUZZ_H
#define VMOON_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* The one entry point, called by libFuzzer or by replay.c. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A claim about the code under test; broken, it ends the process. */
#define FUZZ_REQUIRE(claim)      \
	do {                     \
		if (!(claim))    \
			abort(); \
	} while (0)

/* Takes the input apart; past its end everything is 0. */
struct fuzz_input {
	const uint8_t *data;
	size_t len;
};

static inline uint8_t fuzz_u8(struct fuzz_input *in)
{
	uint8_t byte = 0;

	if (in->len > 0) {
		byte = *in->data++;
		in->len--;
	}
	return byte;
}

static inline uint64_t fuzz_uint(struct fuzz_input *in, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)fuzz_u8(in) << (8 * i);
	return value;
}

/* Up to max bytes, borrowed from the input. */
static inline size_t fuzz_bytes(struct fuzz_input *in, size_t max,
				const uint8_t **out_bytes)
{
	size_t n = in->len < max ? in->len : max;

	*out_bytes = in->data;
	in->data += n;
	in->len -= n;
	return n;
}

#endif
